import { setTimeout as delay } from 'node:timers/promises';

const FIRST_MS = 1_000;
const MIN_MS = 50;
const MAX_RETRY_MS = 300_000;
const MAX_BACKOFF_MS = 30_000;

/** When to connect again: the server's `retry` while things go well, exponential with jitter while they do not. */
export class ReconnectDelay {
  #retryMs = FIRST_MS;
  #failures = 0;

  get failures(): number {
    return this.#failures;
  }

  /** `retry` field of the stream. Bounded on both sides, so that a server can cause neither a storm nor silence. */
  set retry(ms: number) {
    this.#retryMs = Math.min(Math.max(ms, MIN_MS), MAX_RETRY_MS);
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures += 1;
  }

  /** False when `signal` ended the wait. */
  async wait(signal: AbortSignal): Promise<boolean> {
    let ms = this.#retryMs;
    if (this.#failures > 0) {
      const backoff = Math.min(this.#retryMs * 2 ** Math.min(this.#failures, 16), MAX_BACKOFF_MS);
      // Never earlier than the server asked for.
      ms = Math.max(this.#retryMs, backoff * (0.5 + Math.random() / 2));
    }
    try {
      await delay(ms, undefined, { signal });
      return true;
    } catch {
      return false;
    }
  }
}
