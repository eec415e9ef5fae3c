import { FerroError, inspectable, isFerroError, RpcError } from '../../core/errors.ts';
import { correlationId } from '../../core/ids.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { Logger } from '../../core/log.ts';
import type { CallToolResult } from '../../core/mcp.ts';
import type { Call } from '../../protocol/call.ts';
import { ForwardedResult } from '../../protocol/forwarded-result.ts';
import { type MethodHandler, type MethodResult, TextResult } from '../../protocol/handler.ts';
import { isInputRequired } from '../../protocol/input-required.ts';
import { toolSubject } from '../cached/cache-subjects.ts';
import type { CachedAnswers } from '../cached/cached-answers.ts';
import type { ParsedArguments, Registry, ToolEntry, ToolOutcome } from '../registry.ts';
import { assertParameterHeaders } from './parameter-headers.ts';
import { toolFailure } from './tool-result.ts';

/** `tools/call` (2026-07-28, tools; earlier revisions the same by their codec). */
export class CallToolHandler implements MethodHandler {
  readonly #registry: Registry;
  readonly #logger: Logger;
  readonly #cached: CachedAnswers | undefined;

  constructor(registry: Registry, logger: Logger, cached?: CachedAnswers) {
    this.#registry = registry;
    this.#cached = cached;
    this.#logger = logger;
  }

  timeoutMs(params: JsonObject): number | undefined {
    return typeof params['name'] === 'string'
      ? this.#registry.tools.get(params['name'])?.timeoutMs
      : undefined;
  }

  handle(params: JsonObject, call: Call): MethodResult | Promise<MethodResult> {
    const entry = this.#entry(params['name']);
    if (entry === undefined) return this.#whenComplete(params, call);
    return this.#call(entry, params, call);
  }

  #entry(name: JsonValue | undefined): ToolEntry | undefined {
    if (typeof name !== 'string') throw new FerroError('INVALID_PARAMS', { detail: 'name must be a string' });
    return this.#registry.tools.get(name);
  }

  /** A tool may be unknown only because its upstream has not told its list yet. */
  async #whenComplete(params: JsonObject, call: Call): Promise<MethodResult> {
    for (const source of this.#registry.sources) await source.pending(call);
    const entry = this.#entry(params['name']);
    if (entry === undefined)
      throw new FerroError('TOOL_UNKNOWN', { detail: String(params['name']).slice(0, 128) });
    return this.#call(entry, params, call);
  }

  #call(entry: ToolEntry, params: JsonObject, call: Call): MethodResult | Promise<MethodResult> {
    const args = params['arguments'] ?? {};
    if (!isJsonObject(args))
      throw new FerroError('INVALID_PARAMS', { detail: 'arguments must be an object' });
    // Headers are no part of what a cached answer depends on, so they are compared before there is one.
    if (call.headers !== undefined) assertParameterHeaders(entry, args, call.headers);
    const subject = this.#cached && toolSubject(entry);
    if (this.#cached === undefined || subject === undefined) return this.#parse(entry, args, call);
    return this.#cached.answer(subject, entry.definition.name, call, () => this.#parse(entry, args, call));
  }

  #parse(entry: ToolEntry, args: JsonObject, call: Call): MethodResult | Promise<MethodResult> {
    if (entry.parseArguments !== undefined) {
      const parsed = entry.parseArguments(args);
      return parsed instanceof Promise
        ? parsed.then((value) => this.#run(entry, value, call))
        : this.#run(entry, parsed, call);
    }
    return this.#run(entry, { ok: true, value: args }, call);
  }

  #run(entry: ToolEntry, args: ParsedArguments, call: Call): MethodResult | Promise<MethodResult> {
    if (!args.ok) return args.result as unknown as JsonObject;
    let outcome: ReturnType<ToolEntry['call']>;
    try {
      outcome = entry.call(args.value, call);
    } catch (error) {
      return this.#failure(error, entry);
    }
    if (!(outcome instanceof Promise)) return this.#checked(entry, outcome);
    return outcome.then(
      (value) => this.#checked(entry, value),
      (error: unknown) => this.#failure(error, entry),
    );
  }

  #checked(entry: ToolEntry, outcome: ToolOutcome): MethodResult | Promise<MethodResult> {
    if (outcome instanceof TextResult) {
      return entry.outputProblem === undefined ? outcome : this.#checked(entry, outcome.toJson());
    }
    if (isInputRequired(outcome)) return outcome;
    if (outcome instanceof ForwardedResult) {
      // What is checked has to be a value.
      return entry.outputProblem === undefined
        ? outcome
        : this.#checked(entry, outcome.toJson() as unknown as CallToolResult);
    }
    const result = outcome as unknown as JsonObject;
    if (entry.outputProblem === undefined || outcome.isError === true) return result;
    const problem = entry.outputProblem(outcome.structuredContent);
    if (problem instanceof Promise) return problem.then((found) => accepted(entry, result, found));
    return accepted(entry, result, problem);
  }

  /** Errors with a code of their own are protocol errors; what a tool throws otherwise is for the model to read. */
  #failure(thrown: unknown, entry: ToolEntry): JsonObject {
    const error = inspectable(thrown);
    if (isFerroError(error) || error instanceof RpcError) throw error;
    const id = correlationId();
    this.#logger.log('warn', 'A tool failed', { tool: entry.definition.name, correlationId: id, error });
    const text = error instanceof Error && error.message !== '' ? error.message : `The tool failed (${id})`;
    return toolFailure(text) as unknown as JsonObject;
  }
}

function accepted(entry: ToolEntry, result: JsonObject, problem: string | undefined): JsonObject {
  if (problem === undefined) return result;
  throw new FerroError('RESULT_INVALID', { detail: `tool ${entry.definition.name}: ${problem}` });
}
