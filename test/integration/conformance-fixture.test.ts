/**
 * The conformance fixture has one handler per feature. Whatever revision the client speaks, directly or through a
 * gateway that speaks another one to the fixture, it must see the same.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import fixture from '../../examples/conformance/server.ts';
import { acceptDefaults, answerByModel } from '../../examples/conformance/stand-ins.ts';
import type { ClientOptions, McpClient } from '../../src/client/contract.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Era } from '../../src/core/revisions.ts';
import { connect } from '../../src/server/index.ts';
import { textOf } from '../unit/client/support.ts';
import { cleanup, startGateway } from '../unit/gateway/harness.ts';

const ARGUMENTS: Readonly<Record<string, JsonObject>> = {
  test_sampling: { prompt: 'Say something' },
  test_elicitation: { message: 'Who are you?' },
  json_schema_2020_12_tool: { contactMethod: 'phone', phone: '1' },
  test_x_mcp_header: { region: 'Zürich ', level: 3 },
};

/** These change the lists for everyone. */
const CHANGING = new Set(['test_trigger_tool_change', 'test_trigger_prompt_change', 'test_extra_tool']);

const answers: ClientOptions = {
  onElicit: acceptDefaults,
  onSample: answerByModel,
  onRoots: async () => [{ uri: 'file:///workspace' }],
};

const bare = ({ _meta, resultType, ttlMs, cacheScope, ...rest }: JsonObject): JsonObject => rest;

/** Every answer of the fixture, without what only one era says. */
async function everything(client: McpClient): Promise<ReadonlyMap<string, unknown>> {
  const seen = new Map<string, unknown>();
  const note = (key: string, value: unknown): void => {
    seen.set(key, Array.isArray(value) ? value : bare(value as JsonObject));
  };
  const tools = (await client.listTools()).filter((tool) => !CHANGING.has(tool.name));
  const prompts = await client.listPrompts();
  note('tools', tools);
  note('resources', await client.listResources());
  note('templates', await client.listResourceTemplates());
  note('prompts', prompts);
  for (const { name } of tools) note(name, await client.callTool(name, ARGUMENTS[name] ?? {}));
  for (const uri of ['test://static-text', 'test://static-binary', 'test://template/7/data'])
    note(uri, await client.readResource(uri));
  for (const prompt of prompts) {
    const given = Object.fromEntries((prompt.arguments ?? []).map(({ name }) => [name, `test:${name}`]));
    note(prompt.name, await client.getPrompt(prompt.name, given));
  }
  const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' } as const;
  note('completion', await client.complete(ref, { name: 'arg1', value: 'test' }));
  return seen;
}

describe('the conformance fixture', () => {
  let url: string;
  let close: () => Promise<void>;
  let direct: ReadonlyMap<string, unknown>;

  const open = async (era: Era): Promise<McpClient> => {
    const client = await connect(url, { ...answers, era });
    cleanup(() => client.close());
    return client;
  };
  const text = (key: string): string => textOf((direct.get(key) as { content: never }).content);

  beforeAll(async () => {
    ({ url, close } = await fixture.listen({ port: 0 }));
    const client = await connect(url, { ...answers, era: 'modern' });
    direct = await everything(client);
    await client.close();
  });
  afterAll(() => close());

  it('asks the user, the model and for roots, in one round or several', () => {
    expect(text('test_sampling')).toBe('LLM response: I have read 1 messages.');
    expect(text('test_elicitation')).toContain('"username":"text"');
    expect(text('test_elicitation_sep1034_defaults')).toContain('"score":95.5');
    expect(text('test_input_required_result_elicitation')).toBe('Hello, text!');
    expect(text('test_input_required_result_request_state')).toBe('state-ok');
    expect(text('test_input_required_result_multi_round')).toBe('text likes text');
    expect(text('test_input_required_result_multiple_inputs')).toContain('1 roots');
    expect(text('test_x_mcp_header')).toBe('region=Zürich ');
    expect(direct.get('test_error_handling')).toMatchObject({ isError: true });
  });

  it('says the same to a client of the legacy era', async () => {
    expect(await everything(await open('legacy'))).toEqual(direct);
  });

  const pairings = (['legacy', 'modern'] as const).flatMap((down) =>
    (['legacy', 'modern'] as const).map((up) => ({ down, up })),
  );
  it.each(pairings)(
    'says the same through a gateway: $down client, $up to the fixture',
    async ({ down, up }) => {
      const target = { kind: 'http', url, headers: {}, transport: 'auto' } as const;
      const gateway = startGateway({ fixture: { target, options: { era: up } } }, { transparent: true });
      expect(await everything(await gateway.connect({ ...answers, era: down }))).toEqual(direct);
    },
  );
});
