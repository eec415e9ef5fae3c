import { FerroError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { Completion } from '../../core/mcp.ts';
import type { Call } from '../../protocol/call.ts';
import type { MethodHandler, MethodResult } from '../../protocol/handler.ts';
import type { ArgumentCompleter, Registry } from '../registry.ts';

/** A result holds at most this many values (2026-07-28, completion). */
const MAX_VALUES = 100;

/** `completion/complete` for prompts, resource templates and, as an extension, tools. */
export class CompleteHandler implements MethodHandler {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async handle(params: JsonObject, call: Call): Promise<MethodResult> {
    const argument = readArgument(params['argument']);
    const context = readContext(params['context']);
    const complete = this.#completer(params['ref']);
    const completion = complete === undefined ? { values: [] } : await complete(argument, context, call);
    return { completion: bounded(completion) as unknown as JsonObject };
  }

  /** Undefined when the reference is known but offers no completion. */
  #completer(ref: JsonValue | undefined): ArgumentCompleter | undefined {
    if (!isJsonObject(ref)) throw new FerroError('INVALID_PARAMS', { detail: 'ref must be an object' });
    const { type, name, uri } = ref;
    if (type === 'ref/prompt' && typeof name === 'string') {
      const prompt = this.#registry.prompts.get(name);
      if (prompt === undefined) throw new FerroError('PROMPT_UNKNOWN', { detail: name.slice(0, 128) });
      return prompt.complete;
    }
    if (type === 'ref/resource' && typeof uri === 'string') {
      const template = this.#registry.templates.get(uri);
      if (template === undefined && this.#registry.resources.get(uri) === undefined) {
        throw new FerroError('INVALID_PARAMS', { detail: 'unknown resource template' });
      }
      return template?.complete;
    }
    if (type === 'ref/tool' && typeof name === 'string') {
      const tool = this.#registry.tools.get(name);
      if (tool === undefined) throw new FerroError('TOOL_UNKNOWN', { detail: name.slice(0, 128) });
      return tool.complete;
    }
    throw new FerroError('INVALID_PARAMS', { detail: 'ref must be ref/prompt, ref/resource or ref/tool' });
  }
}

/** What a completer of the application may return: values in order of preference, or a whole completion. */
export function toCompletion(value: readonly string[] | Completion): Completion {
  return isList(value) ? { values: value, total: value.length } : value;
}

function isList(value: readonly string[] | Completion): value is readonly string[] {
  return Array.isArray(value);
}

function bounded(completion: Completion): Completion {
  if (completion.values.length <= MAX_VALUES) return completion;
  return {
    values: completion.values.slice(0, MAX_VALUES),
    total: completion.total ?? completion.values.length,
    hasMore: true,
  };
}

function readArgument(value: JsonValue | undefined): { readonly name: string; readonly value: string } {
  if (!isJsonObject(value) || typeof value['name'] !== 'string' || typeof value['value'] !== 'string') {
    throw new FerroError('INVALID_PARAMS', { detail: 'argument must have a name and a value' });
  }
  return { name: value['name'], value: value['value'] };
}

function readContext(value: JsonValue | undefined): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  const args = isJsonObject(value) ? (value['arguments'] ?? {}) : undefined;
  if (!isJsonObject(args) || !Object.values(args).every((item) => typeof item === 'string')) {
    throw new FerroError('INVALID_PARAMS', { detail: 'context.arguments must be an object of strings' });
  }
  return args as Readonly<Record<string, string>>;
}
