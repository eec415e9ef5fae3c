import type { JsonObject, JsonValue } from '../core/json.ts';
import type {
  ClientCapabilities,
  CreateMessageParams,
  CreateMessageResult,
  ElicitParams,
  ElicitResult,
  Implementation,
  InputResponses,
  LoggingLevel,
  ProgressUpdate,
  Root,
} from '../core/mcp.ts';
import type { Principal } from '../core/principal.ts';
import type { Era, Revision } from '../core/revisions.ts';

export interface InputOptions {
  /**
   * Name under which the question travels and its answer is remembered. Default: kind and position (`elicit-1`). Give
   * one when the order of questions may differ between runs.
   */
  readonly key?: string;
}

/**
 * What a handler knows of its request. The same for every protocol revision: whether a question to the client becomes
 * a server-to-client request or an `input_required` round trip is decided by the era, not by the handler.
 */
export interface RequestContext {
  readonly method: string;
  readonly era: Era;
  readonly revision: Revision;
  readonly principal: Principal;
  /**
   * Identifies who may see what belongs together: the legacy session or stdio connection; in the modern era each
   * request stands alone and gets a key of its own.
   */
  readonly peerKey: string;
  readonly clientInfo: Implementation | undefined;
  readonly clientCapabilities: ClientCapabilities;
  /** The request's `_meta`, trace context (`traceparent`, `tracestate`, `baggage`) included. */
  readonly meta: JsonObject;
  /** Aborts when the client cancels or goes away, the deadline passes, or the server stops. */
  readonly signal: AbortSignal;
  /** Least severe level the client wants for this request; undefined = none. */
  readonly logLevel: LoggingLevel | undefined;
  /** Reports progress if the client asked for it. Values that do not increase are dropped (2026-07-28, progress). */
  progress(update: ProgressUpdate): void;
  /** Sends a log message on this request's stream, if the client wants the level. */
  log(level: LoggingLevel, data: JsonValue, logger?: string): void;
  /** Asks the user. Rejects with CAPABILITY_MISSING when the client cannot. */
  elicit(params: ElicitParams, options?: InputOptions): Promise<ElicitResult>;
  /** Asks the client's model. Rejects with CAPABILITY_MISSING when the client cannot. */
  sample(params: CreateMessageParams, options?: InputOptions): Promise<CreateMessageResult>;
  /** The client's roots. Rejects with CAPABILITY_MISSING when the client has none to tell. */
  roots(options?: InputOptions): Promise<readonly Root[]>;
  /**
   * Runs `fn` once for the whole request, however many input rounds it takes: the result is carried along and returned
   * in later rounds. Wrap every effect that comes before a question. The result must be JSON.
   */
  step<T extends JsonValue>(name: string, fn: () => T | Promise<T>): Promise<T>;
  /** Answers to the last `inputRequired(...)` this handler returned; undefined in the first round. */
  readonly inputResponses: InputResponses | undefined;
  /** The `state` of the last `inputRequired(...)`. */
  readonly inputState: JsonValue | undefined;
  /** Forwards a notification on this request's stream (gateway pass-through). */
  notify(method: string, params: JsonObject): void;
  /** Runs `listener` once the reply to this request has been given to the transport (measurement). */
  onReplied?(listener: () => void): void;
  /** Tells how long the result may be kept by whoever keeps results, in milliseconds (gateway pass-through). */
  keepFor?(ttlMs: number): void;
}
