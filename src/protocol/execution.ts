import type { JsonCodec } from '../core/envelope.ts';
import { FerroError, inspectable } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Limits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import type { Call } from './call.ts';
import { type Deadline, Deadlines } from './deadlines.ts';
import { ForwardedResult, lengthOf, type Parts } from './forwarded-result.ts';
import { errorFrame, replyFrame, replyParts, type WireError } from './frames.ts';
import {
  DetachedResult,
  EncodedResult,
  type MethodHandler,
  type MethodHandlers,
  type MethodResult,
  type Middleware,
  TextResult,
} from './handler.ts';
import { type InputRequired, isInputRequired } from './input-required.ts';
import type { MethodSpec } from './methods.ts';
import { NOT_LISTED, Roster, type RosterMember } from './roster.ts';
import type { Runs } from './runs.ts';

/** What differs between the eras once a request is running. */
export interface EraCodec {
  /** JSON text of a result in the shape of the call's revision. */
  encodeResult(call: Call, spec: MethodSpec, result: JsonObject | TextResult): string;
  /** JSON of a result that passes through, in the shape of the call's revision. */
  encodeForwarded(call: Call, spec: MethodSpec, result: ForwardedResult): Parts;
  /** JSON text of the result with which the server ends a long-lived stream by itself. */
  encodeStreamEnd(call: Call): string;
  encodeError(thrown: unknown, logger: Logger): WireError;
  /** The handler wants input: either finishes the call or runs it again later. */
  inputRequired(run: Run, outcome: InputRequired): void;
  readonly missingId: 'null' | 'omit';
  /** True when a peer that leaves the request's stream thereby cancels it. */
  readonly goneCancels: boolean;
}

export interface ExecutionDeps {
  readonly handlers: MethodHandlers;
  readonly middleware: readonly Middleware[];
  readonly limits: Limits;
  readonly logger: Logger;
  readonly codec: JsonCodec;
}

/** Runs handlers: middleware, deadline, encoding, size limit, one reply for every request whatever happens. */
export class Execution {
  readonly deps: ExecutionDeps;
  readonly #deadlines = new Deadlines();
  /** Calls that were not answered at once. */
  readonly #running = new Roster<Run>();
  #drained: (() => void) | undefined;
  #closing = false;

  constructor(deps: ExecutionDeps) {
    this.deps = deps;
  }

  get running(): number {
    return this.#running.size;
  }

  /**
   * Answers a call on its outlet. One that is not answered at once is entered in `runs` until it is.
   * @param outcome of the first round, when the handler need not run for it
   */
  start(call: Call, spec: MethodSpec, era: EraCodec, runs: Runs | undefined, outcome?: MethodResult): void {
    const run = new Run(this, call, spec, era, this.deps.handlers.get(call.method), runs);
    call.run = run;
    if (this.#closing) run.fail(new FerroError('SHUTTING_DOWN'));
    else if (outcome !== undefined) run.settle(outcome);
    else run.round();
    if (call.done) return;
    this.#running.add(run);
    runs?.add(run);
    if (!era.goneCancels) return;
    // Through a variable: V8 takes a function that is written into a property for one that stays, allocates it among the
    // old, and then whatever it refers to lives until the next full collection.
    const cancel = (): void => run.cancel();
    call.outlet.onGone = cancel;
  }

  /** Invokes the handler behind the middleware. */
  invoke(call: Call, handler: MethodHandler): MethodResult | Promise<MethodResult> {
    const { middleware } = this.deps;
    if (middleware.length === 0) return handler.handle(call.params, call);
    const at = (index: number): Promise<MethodResult> => {
      const layer = middleware[index];
      if (layer === undefined) return Promise.resolve(handler.handle(call.params, call)).then(parsed);
      return Promise.resolve(
        layer({ method: call.method, params: call.params }, call, async () => at(index + 1)),
      );
    };
    return at(0);
  }

  deadline(ms: number, expire: () => void): Deadline {
    return this.#deadlines.start(ms, expire);
  }

  finished(run: Run): void {
    this.#running.delete(run);
    if (this.#running.size === 0) this.#drained?.();
  }

  /** Refuses new calls, ends open streams, waits up to `ms` for the rest, then cancels what is left. */
  async drain(ms: number): Promise<void> {
    this.#closing = true;
    for (const run of this.#running.members()) run.endStream();
    if (this.#running.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    for (const run of this.#running.members()) run.fail(new FerroError('SHUTTING_DOWN'));
  }
}

/** @throws FerroError REQUEST_DUPLICATE_ID, QUOTA_REQUESTS when the peer may not have a further request run. */
export function assertRoom(runs: Runs, idRaw: string, limits: Limits): void {
  if (runs.size === 0) return;
  if (runs.get(idRaw) !== undefined) throw new FerroError('REQUEST_DUPLICATE_ID');
  if (runs.size >= limits.requestsPerPeer) throw new FerroError('QUOTA_REQUESTS');
}

/** One running request. */
export class Run implements RosterMember {
  readonly call: Call;
  rosterIndex = NOT_LISTED;
  /** Rounds of input so far. */
  rounds = 0;
  readonly #execution: Execution;
  readonly #spec: MethodSpec;
  readonly #era: EraCodec;
  readonly #handler: MethodHandler | undefined;
  readonly #runs: Runs | undefined;
  #deadline: Deadline | undefined;
  #detached: DetachedResult | undefined;

  constructor(
    execution: Execution,
    call: Call,
    spec: MethodSpec,
    era: EraCodec,
    handler: MethodHandler | undefined,
    runs: Runs | undefined,
  ) {
    this.#execution = execution;
    this.call = call;
    this.#spec = spec;
    this.#era = era;
    this.#handler = handler;
    this.#runs = runs;
  }

  get limits(): Limits {
    return this.#execution.deps.limits;
  }

  /** Runs the handler from its beginning. */
  round(): void {
    const { call } = this;
    const handler = this.#handler;
    if (handler === undefined) {
      this.fail(new FerroError('METHOD_NOT_FOUND', { detail: call.method }));
      return;
    }
    call.beginRound();
    let outcome: MethodResult | Promise<MethodResult>;
    try {
      outcome = this.#execution.invoke(call, handler);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (!isThenable(outcome)) {
      this.settle(outcome);
      return;
    }
    const ms = handler.timeoutMs?.(call.params) ?? this.limits.callMs;
    if (ms > 0) {
      this.#deadline?.stop();
      this.#deadline = this.#execution.deadline(ms, () => this.#expire(ms));
    }
    outcome.then(
      (value) => this.settle(value),
      (error: unknown) => this.fail(error),
    );
  }

  settle(outcome: MethodResult): void {
    const { call } = this;
    if (call.done) return;
    if (outcome instanceof DetachedResult) {
      this.#deadline?.stop();
      this.#detached = outcome;
      call.outlet.onDrain = () => this.endStream();
      return;
    }
    if (isInputRequired(outcome)) {
      this.#deadline?.stop();
      this.#deadline = undefined;
      try {
        this.#era.inputRequired(this, outcome);
      } catch (error) {
        this.fail(error);
      }
      return;
    }
    if (outcome instanceof ForwardedResult) {
      this.#forward(outcome);
      return;
    }
    let text: string;
    try {
      text =
        outcome instanceof EncodedResult ? outcome.text : this.#era.encodeResult(call, this.#spec, outcome);
      this.#checkSize(text);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.reply(text);
  }

  /** Sends a result that is already encoded. */
  reply(resultText: string): void {
    if (this.call.done) return;
    this.#finish();
    this.call.outlet.end(replyFrame(this.call.idRaw, resultText), 200);
    this.call.replied();
  }

  #forward(outcome: ForwardedResult): void {
    const { call } = this;
    let parts: Parts;
    try {
      parts = this.#era.encodeForwarded(call, this.#spec, outcome);
      this.#assertSize(lengthOf(parts));
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#finish();
    const { outlet } = call;
    if (outlet.endBytes === undefined) {
      outlet.end(replyFrame(call.idRaw, Buffer.concat(parts).toString('utf8')), 200);
    } else {
      outlet.endBytes(replyParts(call.idRaw, parts), 200);
    }
    call.replied();
  }

  fail(reason: unknown): void {
    if (this.call.done) return;
    this.#finish();
    const thrown = inspectable(reason);
    const error = this.#era.encodeError(thrown, this.#execution.deps.logger);
    this.call.outlet.end(errorFrame(this.call.idRaw, error, this.#era.missingId), error.http);
    this.call.replied();
    // Whatever the handler still does must notice that nobody waits for it.
    this.call.abort(thrown instanceof Error ? thrown : new FerroError('INTERNAL'));
  }

  /** The client no longer wants the answer: stop the work, send nothing more. */
  cancel(): void {
    if (this.call.done) return;
    this.#finish();
    this.call.abort(new FerroError('REQUEST_CANCELLED'));
    this.call.outlet.abandon();
  }

  /** Ends a long-lived stream with its graceful result, if the call is one. */
  endStream(): void {
    const { call } = this;
    if (this.#detached === undefined || call.done) return;
    this.reply(this.#era.encodeStreamEnd(call));
  }

  /** The clock stands still while the client is asked. */
  async whilePaused<T>(work: Promise<T>): Promise<T> {
    this.#deadline?.pause();
    try {
      return await work;
    } finally {
      this.#deadline?.resume();
    }
  }

  #expire(ms: number): void {
    const error = new FerroError('REQUEST_TIMEOUT', { detail: `${ms} ms` });
    this.fail(error);
  }

  #finish(): void {
    const { call } = this;
    call.done = true;
    call.watcher?.finished();
    this.#deadline?.stop();
    this.#detached?.stop();
    if (this.rosterIndex === NOT_LISTED) return;
    this.#execution.finished(this);
    this.#runs?.delete(this);
  }

  #checkSize(text: string): void {
    const limit = this.limits.resultBytes;
    // A UTF-16 unit is at most 3 bytes of UTF-8: most results need no exact count.
    if (text.length * 3 <= limit) return;
    this.#assertSize(Buffer.byteLength(text));
  }

  #assertSize(bytes: number): void {
    const limit = this.limits.resultBytes;
    if (bytes > limit) throw new FerroError('RESULT_TOO_LARGE', { detail: `${bytes} bytes, limit ${limit}` });
  }
}

/** Middleware looks into results and changes them, so it gets values. */
function parsed(outcome: MethodResult): MethodResult {
  return outcome instanceof ForwardedResult || outcome instanceof TextResult ? outcome.toJson() : outcome;
}

function isThenable(value: MethodResult | Promise<MethodResult>): value is Promise<MethodResult> {
  return typeof (value as { then?: unknown }).then === 'function';
}
