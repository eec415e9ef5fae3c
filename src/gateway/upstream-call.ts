import type { RequestOptions, ServerRequest } from '../client/contract.ts';
import type { RawResult } from '../client/raw-result.ts';
import { FerroError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type {
  ClientCapabilities,
  InputRequest,
  InputRequests,
  InputResponses,
  LogMessage,
} from '../core/mcp.ts';
import type { RequestContext } from '../protocol/context.ts';
import { CallClock } from './delays.ts';

interface Question {
  readonly request: InputRequest;
  /** Handed to the client; waits for its answer. */
  asked: boolean;
  /** True while another call of the same client may be the one that asks. */
  shared(): boolean;
  answer(result: JsonObject): void;
  refuse(error: Error): void;
}

export type CallEvent =
  | { readonly kind: 'result'; readonly result: JsonObject | RawResult }
  | { readonly kind: 'failure'; readonly error: unknown }
  | { readonly kind: 'questions' };

const nothing = (): void => {};

/**
 * One request on its way through an upstream of the legacy era. It may outlive the client's request that began it:
 * while the client is asked for input it is parked, and the client's next request goes on with it.
 */
export class UpstreamCall {
  readonly peerKey: string;
  readonly principalId: string;
  /** What the client declared, in its latest request. */
  capabilities: ClientCapabilities;
  /** What the upstream wanted and the client has not declared. */
  missing: ClientCapabilities | undefined;
  /** JSON-RPC id on the upstream's connection, once sent. */
  requestId: number | string | undefined;
  readonly #abort = new AbortController();
  readonly #questions = new Map<string, Question>();
  #context: RequestContext | undefined;
  #detach: () => void = nothing;
  #asked = 0;
  #settled: Exclude<CallEvent, { kind: 'questions' }> | undefined;
  #wake: () => void = () => {};
  #onEnd: (() => void)[] = [];

  readonly clock: CallClock;

  constructor(context: RequestContext, clock = new CallClock()) {
    this.clock = clock;
    this.peerKey = context.peerKey;
    this.principalId = context.principal.id;
    this.capabilities = context.clientCapabilities;
    this.attach(context);
  }

  get done(): boolean {
    return this.#settled !== undefined;
  }

  /** The upstream has asked something in the middle of the call. */
  get hasAsked(): boolean {
    return this.#asked > 0;
  }

  get aborted(): boolean {
    return this.#abort.signal.aborted;
  }

  /** The client's request that waits for this call now; undefined while the call is parked. */
  get context(): RequestContext | undefined {
    return this.#context;
  }

  /** From now on events go to this request of the client, and its end is the call's end. */
  attach(context: RequestContext): void {
    this.#detach();
    this.#context = context;
    this.capabilities = context.clientCapabilities;
    const onAbort = (): void => this.abort(new FerroError('REQUEST_CANCELLED'));
    if (context.signal.aborted) onAbort();
    context.signal.addEventListener('abort', onAbort, { once: true });
    // Through a variable: a function written straight into a property is allocated as one that stays, and with it the
    // whole call.
    const detach = (): void => context.signal.removeEventListener('abort', onAbort);
    this.#detach = detach;
  }

  /** The client's request has ended without ending the call. */
  detach(): void {
    this.#detach();
    this.#detach = nothing;
    this.#context = undefined;
  }

  /** Starts the request; its outcome is met by {@link next}. */
  run(send: (options: RequestOptions) => Promise<JsonObject | RawResult>): void {
    let outcome: Promise<JsonObject | RawResult>;
    try {
      outcome = send({
        signal: this.#abort.signal,
        onProgress: (update) => this.#context?.progress(update),
        onLog: (message) => this.log(message),
        onSent: (requestId) => {
          this.requestId = requestId;
          this.clock.sent();
        },
        onAnswer: (arrivedAt) => this.clock.answered(arrivedAt),
      });
    } catch (error) {
      outcome = Promise.reject(error);
    }
    outcome.then(
      (result) => this.#settle({ kind: 'result', result }),
      (error: unknown) => this.#settle({ kind: 'failure', error }),
    );
  }

  log(message: LogMessage): void {
    this.#context?.log(message.level, message.data, message.logger);
  }

  /** Runs `listener` when the upstream has answered (or never will). */
  onEnd(listener: () => void): void {
    if (this.done) listener();
    else this.#onEnd.push(listener);
  }

  /** Waits for the outcome or for questions that the client has not been asked yet. */
  async next(): Promise<CallEvent> {
    for (;;) {
      if (this.#hasNewQuestions()) return { kind: 'questions' };
      // A question that stands here for another call is answered before this one ends.
      if (this.#settled !== undefined && this.#questions.size === 0) return this.#settled;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /**
   * The upstream asks something on behalf of this call, or, while `shared` says so, perhaps of another one of the same
   * client: nothing on a shared channel tells them apart.
   */
  ask(
    request: InputRequest,
    origin: ServerRequest,
    shared: () => boolean = () => false,
  ): Promise<JsonObject> {
    this.#asked += 1;
    const key = `${request.method.split('/')[0] ?? 'input'}-${this.#asked}`;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#questions.delete(key);
        origin.signal.removeEventListener('abort', onAbort);
        if (this.#settled !== undefined) this.#wake();
      };
      const onAbort = (): void => {
        leave();
        reject(new FerroError('REQUEST_CANCELLED'));
      };
      origin.signal.addEventListener('abort', onAbort, { once: true });
      this.#questions.set(key, {
        request,
        asked: false,
        shared,
        answer: (result) => {
          leave();
          resolve(result);
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
      });
      this.#wake();
    });
  }

  /** The questions to hand to the client now. */
  takeQuestions(): InputRequests {
    const taken: Record<string, InputRequest> = {};
    for (const [key, question] of this.#questions) {
      if (question.asked) continue;
      question.asked = true;
      taken[key] = question.request;
    }
    return taken;
  }

  /** Passes the client's answers on; a question that was handed over and is not answered is refused. */
  answer(responses: InputResponses): void {
    for (const [key, question] of [...this.#questions]) {
      if (!question.asked) continue;
      const response = Object.hasOwn(responses, key) ? responses[key] : undefined;
      if (response === undefined) question.refuse(new FerroError('CLIENT_INPUT_FAILED'));
      else question.answer(response);
    }
  }

  refuseQuestions(error: Error): void {
    for (const question of [...this.#questions.values()]) question.refuse(error);
  }

  /** Nobody waits any more: open questions are refused and the upstream is told to stop. */
  abort(reason: Error = new FerroError('REQUEST_CANCELLED')): void {
    this.refuseQuestions(reason);
    if (this.aborted || this.done) return;
    this.#abort.abort(reason);
  }

  #hasNewQuestions(): boolean {
    for (const question of this.#questions.values()) if (!question.asked) return true;
    return false;
  }

  #settle(event: Exclude<CallEvent, { kind: 'questions' }>): void {
    this.#settled = event;
    this.#detach();
    for (const question of [...this.#questions.values()]) {
      if (!question.shared()) question.refuse(new FerroError('REQUEST_CANCELLED'));
    }
    for (const listener of this.#onEnd) listener();
    this.#onEnd = [];
    this.#wake();
  }
}
