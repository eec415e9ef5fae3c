import {
  type CreateMessageParams,
  type CreateMessageResult,
  type ElicitFormParams,
  type InputRequest,
  inputRequired,
  type JsonObject,
  type Server,
} from 'ferromcp';
import { ELICIT_DEFAULTS, ELICIT_ENUMS } from './elicitation-forms.ts';

/** A form whose fields must all be filled in. */
const form = (message: string, properties: Record<string, JsonObject>): ElicitFormParams => ({
  message,
  requestedSchema: { type: 'object', properties, required: Object.keys(properties) },
});

const question = (text: string, maxTokens = 100): CreateMessageParams => ({
  messages: [{ role: 'user', content: { type: 'text', text } }],
  maxTokens,
});

const elicitation = (params: ElicitFormParams): InputRequest => ({ method: 'elicitation/create', params });

const TEXT: JsonObject = { type: 'string' };
const ASK_NAME = form('What is your name?', { name: TEXT });
const ASK_CONFIRMATION = form('Please confirm', { ok: { type: 'boolean' } });

const PROMPT_ARGUMENTS = { type: 'object', properties: { prompt: TEXT }, required: ['prompt'] };
const MESSAGE_ARGUMENTS = { type: 'object', properties: { message: TEXT }, required: ['message'] };

/** The text of what a model said. */
function said({ content }: CreateMessageResult): string {
  const first = Array.isArray(content) ? content[0] : content;
  return String((first as JsonObject | undefined)?.['text'] ?? '');
}

/**
 * Tools that ask the client in the middle of a call. None of them knows the protocol revision: before 2026-07-28 a
 * question is a request of the server, since then it ends the call with `input_required` and the client calls again.
 */
export function addInputTools(server: Server): void {
  addQuestions(server);
  addElicitations(server);
  addRounds(server);
}

/** One question, asked where the answer is needed. */
function addQuestions(server: Server): void {
  server
    .tool(
      'test_sampling',
      { description: "Asks the client's model", input: PROMPT_ARGUMENTS },
      async ({ prompt }, ctx) => `LLM response: ${said(await ctx.sample(question(String(prompt))))}`,
    )
    .tool(
      'test_elicitation',
      { description: 'Asks the user', input: MESSAGE_ARGUMENTS },
      async ({ message }, ctx) => {
        const { action, content } = await ctx.elicit(form(String(message), { username: TEXT, email: TEXT }));
        return `User response: action=${action}, content=${JSON.stringify(content ?? {})}`;
      },
    )
    .tool('test_missing_capability', { description: 'Cannot do without sampling' }, async (_args, ctx) =>
      said(await ctx.sample(question('Say one word'), { key: 'word' })),
    )
    .tool(
      'test_streaming_elicitation',
      { description: 'Reports progress, then asks the user' },
      async (_args, ctx) => {
        ctx.progress({ progress: 1, message: 'about to ask' });
        const { action } = await ctx.elicit(ASK_CONFIRMATION, { key: 'confirm' });
        return `The user said ${action}`;
      },
    )
    .tool(
      'test_input_required_result_elicitation',
      { description: 'Asks for a name' },
      async (_args, ctx) => {
        const { content } = await ctx.elicit(ASK_NAME, { key: 'user_name' });
        return `Hello, ${String(content?.['name'] ?? 'stranger')}!`;
      },
    )
    .tool('test_input_required_result_sampling', { description: 'Asks a model' }, async (_args, ctx) =>
      said(await ctx.sample(question('What is the capital of France?'), { key: 'capital_question' })),
    )
    .tool(
      'test_input_required_result_list_roots',
      { description: 'Asks for the roots' },
      async (_args, ctx) => {
        const roots = await ctx.roots({ key: 'client_roots' });
        return `Roots: ${roots.map((root) => root.uri).join(', ')}`;
      },
    )
    .tool(
      'test_input_required_result_multiple_inputs',
      { description: 'Asks the user, a model and for the roots at once' },
      async (_args, ctx) => {
        const [name, greeting, roots] = await Promise.all([
          ctx.elicit(ASK_NAME, { key: 'user_name' }),
          ctx.sample(question('Generate a greeting', 50), { key: 'greeting' }),
          ctx.roots({ key: 'client_roots' }),
        ]);
        return `${said(greeting)} ${String(name.content?.['name'])}, you have ${roots.length} roots`;
      },
    )
    .tool(
      'test_input_required_result_capabilities',
      { description: 'Asks whom it can' },
      async (_args, ctx) => {
        if (ctx.clientCapabilities.sampling !== undefined)
          return said(await ctx.sample(question('Say hello'), { key: 'greeting' }));
        const { action } = await ctx.elicit(ASK_CONFIRMATION, { key: 'confirm' });
        return `The user said ${action}`;
      },
    );
}

/** The forms a client must be able to show. */
function addElicitations(server: Server): void {
  for (const [name, description, params] of [
    ['test_elicitation_sep1034_defaults', 'Shows a form with defaults', ELICIT_DEFAULTS],
    ['test_elicitation_sep1330_enums', 'Shows a form with every kind of choice', ELICIT_ENUMS],
  ] as const) {
    server.tool(name, { description }, async (_args, ctx) => {
      const { action, content } = await ctx.elicit(params);
      return `Elicitation completed: action=${action}, content=${JSON.stringify(content ?? {})}`;
    });
  }
}

/** Questions returned as a value, with state that comes back with the answers. */
function addRounds(server: Server): void {
  server
    .tool(
      'test_input_required_result_request_state',
      { description: 'Asks and keeps a note' },
      (_args, ctx) => {
        if (ctx.inputState === 'asked') return 'state-ok';
        return inputRequired({ inputRequests: { confirm: elicitation(ASK_CONFIRMATION) }, state: 'asked' });
      },
    )
    .tool(
      'test_input_required_result_tampered_state',
      { description: 'Asks and notices a forged note' },
      (_args, ctx) => {
        if (ctx.inputState === 'asked') return 'The state is the one that was sent';
        return inputRequired({ inputRequests: { confirm: elicitation(ASK_CONFIRMATION) }, state: 'asked' });
      },
    )
    .tool('test_input_required_result_multi_round', { description: 'Asks twice' }, (_args, ctx) => {
      const state = ctx.inputState as { readonly name?: string } | undefined;
      const contentOf = (key: string) => (ctx.inputResponses?.[key]?.['content'] ?? {}) as JsonObject;
      if (state === undefined) {
        const step1 = elicitation(form('Step 1: What is your name?', { name: TEXT }));
        return inputRequired({ inputRequests: { step1 }, state: {} });
      }
      if (state.name === undefined) {
        const step2 = elicitation(form('Step 2: What is your favorite color?', { color: TEXT }));
        const name = String(contentOf('step1')['name'] ?? '');
        return inputRequired({ inputRequests: { step2 }, state: { name } });
      }
      return `${state.name} likes ${String(contentOf('step2')['color'] ?? 'no color')}`;
    });
}
