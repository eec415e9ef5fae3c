import { FerroError, isFerroError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { LogMessage, ProgressUpdate } from '../core/mcp.ts';
import type { RawResult } from './raw-result.ts';

/** How a request that nobody waits for any more is taken back. */
export type CancelMode =
  /** `notifications/cancelled`; a stream of its own is closed after that. */
  | 'notify'
  /** Closing its stream says it all (modern Streamable HTTP). */
  | 'stream'
  /** Never told (`initialize`). */
  | 'none';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without an answer or progress; 0 = no deadline. */
  readonly timeoutMs: number;
  /** Milliseconds in all, whatever progress there is; 0 = no deadline. */
  readonly maxTimeoutMs: number;
  readonly cancel: CancelMode;
  readonly meta?: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly onProgress?: ((update: ProgressUpdate) => void) | undefined;
  readonly onLog?: ((message: LogMessage) => void) | undefined;
  readonly onSent?: ((requestId: number | string) => void) | undefined;
  readonly onAnswer?: ((arrivedAt: number) => void) | undefined;
  /** A large result may be left as bytes. */
  readonly bytes?: boolean | undefined;
}

export interface PendingOwner {
  /** True while the server waits for us on behalf of this request: its clock stands still. */
  isWaitingForUs(requestId: number): boolean;
  withdraw(pending: PendingRequest, why: string): void;
}

/** One unanswered request of ours: its deadlines, its abort signal, its promise. */
export class PendingRequest {
  readonly id: number;
  readonly method: string;
  readonly options: CallOptions;
  readonly promise: Promise<JsonObject | RawResult>;
  /** Closes the request's own stream, where the transport has such a thing. */
  readonly stream: AbortController | undefined;
  readonly #owner: PendingOwner;
  readonly #hardDeadline: number;
  #resolve: (result: JsonObject | RawResult) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #settled = false;

  constructor(id: number, method: string, options: CallOptions, owner: PendingOwner, hasStream: boolean) {
    this.id = id;
    this.method = method;
    this.options = options;
    this.#owner = owner;
    this.stream = hasStream ? new AbortController() : undefined;
    this.#hardDeadline =
      options.maxTimeoutMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + options.maxTimeoutMs;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.restartClock();
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Progress was made: the idle deadline starts anew, the hard one does not. */
  restartClock(): void {
    clearTimeout(this.#timer);
    const idle = this.options.timeoutMs === 0 ? Number.POSITIVE_INFINITY : this.options.timeoutMs;
    const ms = Math.min(idle, this.#hardDeadline - performance.now());
    if (ms !== Number.POSITIVE_INFINITY) {
      // setTimeout fires at once for more than 31 bits.
      this.#timer = setTimeout(this.#onTimer, Math.min(Math.max(ms, 0), 0x7fffffff));
    }
  }

  readonly #onTimer = (): void => {
    if (performance.now() < this.#hardDeadline && this.#owner.isWaitingForUs(this.id)) {
      this.restartClock();
      return;
    }
    this.#owner.withdraw(this, 'timeout');
    this.reject(new FerroError('UPSTREAM_TIMEOUT', { detail: this.method }));
  };

  readonly #onAbort = (): void => {
    this.#owner.withdraw(this, 'cancelled by the caller');
    const reason: unknown = this.options.signal?.reason;
    this.reject(isFerroError(reason) ? reason : new FerroError('REQUEST_CANCELLED', { cause: reason }));
  };

  resolve(result: JsonObject | RawResult): void {
    if (this.#settle()) {
      this.#resolve(result);
    }
  }

  reject(reason: unknown): void {
    if (this.#settle()) {
      this.#reject(reason);
    }
  }

  #settle(): boolean {
    if (this.#settled) {
      return false;
    }
    this.#settled = true;
    clearTimeout(this.#timer);
    this.options.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}
