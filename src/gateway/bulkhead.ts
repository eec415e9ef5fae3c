import { FerroError } from '../core/errors.ts';

interface Waiting {
  admit(): void;
}

/** Bounds how much one upstream may be given at a time, so that a slow one cannot take what others need. */
export class Bulkhead {
  readonly #limit: number;
  readonly #queueLimit: number;
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  constructor(limit: number, queueLimit: number) {
    this.#limit = limit;
    this.#queueLimit = queueLimit;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a place; the result gives it back (once, further calls do nothing).
   * @throws FerroError UPSTREAM_BUSY when the queue is full or `waitMs` has passed; REQUEST_CANCELLED on abort.
   */
  async acquire(signal: AbortSignal, waitMs: number): Promise<() => void> {
    if (signal.aborted) throw new FerroError('REQUEST_CANCELLED');
    if (this.#running < this.#limit) {
      this.#running += 1;
      return this.#release();
    }
    if (this.#waiting.size >= this.#queueLimit) throw new FerroError('UPSTREAM_BUSY');
    return await new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = {
        admit: () => {
          leave();
          this.#running += 1;
          resolve(this.#release());
        },
      };
      const onAbort = (): void => {
        leave();
        reject(new FerroError('REQUEST_CANCELLED'));
      };
      const timer = setTimeout(() => {
        leave();
        reject(new FerroError('UPSTREAM_BUSY', { detail: `waited ${waitMs} ms` }));
      }, waitMs);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  #release(): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#running -= 1;
      for (const next of this.#waiting) {
        next.admit();
        break;
      }
    };
  }
}
