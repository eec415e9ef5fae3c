import type { ServerResponse } from 'node:http';
import type { Limits } from '../../core/limits.ts';

/** Keeps quiet streams alive with comments, and ends those that are not read; one timer for all of them. */
export class KeepAlive {
  /** Open streams, each with the time since when it has taken nothing, if it has not. */
  readonly #streams = new Map<ServerResponse, number | undefined>();
  readonly #intervalMs: number;
  readonly #stallMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Pick<Limits, 'keepAliveMs' | 'writeStallMs'>) {
    this.#intervalMs = limits.keepAliveMs;
    this.#stallMs = limits.writeStallMs;
  }

  add(response: ServerResponse): void {
    this.#streams.set(response, undefined);
    response.once('close', () => this.#remove(response));
    this.#timer ??= setInterval(() => this.#tick(), this.#intervalMs).unref();
  }

  #tick(): void {
    const now = performance.now();
    for (const [stream, since] of this.#streams) {
      // A stream that has ended but is not read up to its end must get no further byte.
      if (stream.writableEnded) continue;
      if (!stream.writableNeedDrain) {
        stream.write(':\n\n');
        this.#streams.set(stream, undefined);
      } else if (since === undefined) {
        this.#streams.set(stream, now);
      } else if (now - since >= this.#stallMs) {
        stream.destroy();
      }
    }
  }

  #remove(response: ServerResponse): void {
    this.#streams.delete(response);
    if (this.#streams.size > 0 || this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
