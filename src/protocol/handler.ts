import type { JsonObject } from '../core/json.ts';
import type { Call } from './call.ts';
import type { ForwardedResult } from './forwarded-result.ts';
import type { InputRequired } from './input-required.ts';

/** JSON text of a result that is already in the shape of the call's revision (precomputed lists). */
export class EncodedResult {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * The result of a tool that is one text block and nothing else: what most tools return, and the same in every revision,
 * so that only the text has to be encoded.
 */
export class TextResult {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  /** The object it stands for. */
  toJson(): { readonly content: readonly [{ readonly type: 'text'; readonly text: string }] } {
    return { content: [{ type: 'text', text: this.text }] };
  }
}

/** The handler keeps the request open and answers through the outlet itself (`subscriptions/listen`). */
export class DetachedResult {
  /** Runs when the call is cancelled or its peer goes away. */
  readonly stop: () => void;
  constructor(stop: () => void) {
    this.stop = stop;
  }
}

export type MethodResult =
  | JsonObject
  | EncodedResult
  | TextResult
  | ForwardedResult
  | InputRequired
  | DetachedResult;

/** Answers one method for all revisions. */
export interface MethodHandler {
  handle(params: JsonObject, call: Call): MethodResult | Promise<MethodResult>;
  /** Deadline of one run in milliseconds, 0 = none; default `limits.callMs`. */
  timeoutMs?(params: JsonObject): number | undefined;
}

export type MethodHandlers = ReadonlyMap<string, MethodHandler>;

/** What middleware sees of a request. */
export interface MiddlewareRequest {
  readonly method: string;
  readonly params: JsonObject;
}

/**
 * Wraps every request of a server. Call `next()` to go on, return its value or another result, or throw. Results are
 * era-neutral; precomputed lists arrive encoded and are best passed on. Where there is middleware, large results of
 * upstreams are parsed for it.
 */
export type Middleware = (
  request: MiddlewareRequest,
  ctx: Call,
  next: () => Promise<MethodResult>,
) => Promise<MethodResult> | MethodResult;
