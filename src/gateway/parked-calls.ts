import { FerroError } from '../core/errors.ts';
import { secureId } from '../core/ids.ts';
import type { UpstreamCall } from './upstream-call.ts';

interface Parked {
  readonly call: UpstreamCall;
  readonly binding: string;
  readonly timer: NodeJS.Timeout;
}

/**
 * Calls that wait for a client to answer an upstream's question. A handle is unguessable, works once, and only for the
 * principal and the request it was made for. Calls whose client does not come back are cancelled.
 */
export class ParkedCalls {
  readonly #ttlMs: number;
  readonly #limit: number;
  readonly #byHandle = new Map<string, Parked>();

  constructor(ttlMs: number, limit: number) {
    this.#ttlMs = ttlMs;
    this.#limit = limit;
  }

  get size(): number {
    return this.#byHandle.size;
  }

  /** @throws FerroError UPSTREAM_BUSY when too many calls are parked. */
  park(call: UpstreamCall, binding: string): string {
    if (this.#byHandle.size >= this.#limit) {
      throw new FerroError('UPSTREAM_BUSY', { detail: 'too many calls wait for input' });
    }
    const handle = secureId();
    const timer = setTimeout(() => {
      this.#byHandle.delete(handle);
      call.abort(new FerroError('REQUEST_TIMEOUT', { detail: 'no answer from the client' }));
    }, this.#ttlMs);
    timer.unref();
    this.#byHandle.set(handle, { call, binding, timer });
    // Cancelled by the client, or the upstream went on by itself and is done: an aborted call is of no use to anyone,
    // a finished one is kept until its client comes for the result.
    call.onEnd(() => {
      if (call.aborted) this.#remove(handle);
    });
    return handle;
  }

  /** @throws FerroError STATE_INVALID for a handle that is unknown, used, expired or someone else's. */
  resume(handle: string, binding: string, principalId: string): UpstreamCall {
    const parked = this.#byHandle.get(handle);
    if (parked === undefined || parked.binding !== binding || parked.call.principalId !== principalId) {
      throw new FerroError('STATE_INVALID');
    }
    this.#remove(handle);
    return parked.call;
  }

  /** Cancels the calls of one peer, or all. */
  abandon(peerKey?: string): void {
    for (const [handle, { call }] of [...this.#byHandle]) {
      if (peerKey !== undefined && call.peerKey !== peerKey) continue;
      this.#remove(handle);
      call.abort();
    }
  }

  #remove(handle: string): void {
    const parked = this.#byHandle.get(handle);
    if (parked === undefined) return;
    clearTimeout(parked.timer);
    this.#byHandle.delete(handle);
  }
}
