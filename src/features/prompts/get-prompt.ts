import { FerroError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { GetPromptResult, Prompt, PromptMessage } from '../../core/mcp.ts';
import type { Call } from '../../protocol/call.ts';
import { ForwardedResult } from '../../protocol/forwarded-result.ts';
import type { MethodHandler, MethodResult } from '../../protocol/handler.ts';
import { type InputRequired, isInputRequired } from '../../protocol/input-required.ts';
import type { PromptEntry, Registry } from '../registry.ts';

/** `prompts/get`: required arguments are present and all are strings before the handler runs. */
export class GetPromptHandler implements MethodHandler {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  timeoutMs(params: JsonObject): number | undefined {
    return typeof params['name'] === 'string'
      ? this.#registry.prompts.get(params['name'])?.timeoutMs
      : undefined;
  }

  async handle(params: JsonObject, call: Call): Promise<MethodResult> {
    const name = params['name'];
    if (typeof name !== 'string') throw new FerroError('INVALID_PARAMS', { detail: 'name must be a string' });
    const entry = this.#registry.prompts.get(name) ?? (await this.#late(name, call));
    const args = readArguments(entry.definition, params['arguments']);
    const outcome = await entry.get(args, call);
    if (isInputRequired(outcome) || outcome instanceof ForwardedResult) return outcome;
    return outcome as unknown as JsonObject;
  }

  async #late(name: string, call: Call): Promise<PromptEntry> {
    for (const source of this.#registry.sources) await source.pending(call);
    const entry = this.#registry.prompts.get(name);
    if (entry === undefined) throw new FerroError('PROMPT_UNKNOWN', { detail: name.slice(0, 128) });
    return entry;
  }
}

function readArguments(prompt: Prompt, value: JsonValue | undefined): Readonly<Record<string, string>> {
  const args = value ?? {};
  if (!isJsonObject(args)) throw new FerroError('INVALID_PARAMS', { detail: 'arguments must be an object' });
  for (const [name, argument] of Object.entries(args)) {
    if (typeof argument !== 'string') {
      throw new FerroError('PROMPT_ARGUMENT', { detail: `${name.slice(0, 64)} must be a string` });
    }
  }
  for (const argument of prompt.arguments ?? []) {
    if (argument.required === true && !Object.hasOwn(args, argument.name)) {
      throw new FerroError('PROMPT_ARGUMENT', { detail: `${argument.name} is required` });
    }
  }
  return args as Readonly<Record<string, string>>;
}

/** Makes a prompt result of what a handler returns: a full result, messages, one message, or the user's text. */
export function toPromptResult(
  value: unknown,
  description: string | undefined,
): GetPromptResult | InputRequired {
  if (isInputRequired(value)) return value;
  const messages = toMessages(value);
  if (messages === undefined) return value as GetPromptResult;
  return { ...(description === undefined ? {} : { description }), messages };
}

function toMessages(value: unknown): readonly PromptMessage[] | undefined {
  if (typeof value === 'string') return [{ role: 'user', content: { type: 'text', text: value } }];
  if (Array.isArray(value)) return value as PromptMessage[];
  if (isJsonObject(value)) {
    if (Array.isArray(value['messages'])) return undefined;
    if (typeof value['role'] === 'string') return [value as unknown as PromptMessage];
  }
  throw new FerroError('RESULT_INVALID', { detail: 'a prompt must return text, messages or a result' });
}
