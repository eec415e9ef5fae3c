import type { Writable } from 'node:stream';
import type { Limits } from '../../core/limits.ts';

interface Quiet {
  /** Since when the stream has taken nothing, if it has not. */
  since: number | undefined;
  readonly drop: () => void;
}

/** Keeps quiet streams alive with comments, and ends those that are not read; one timer for all of them. */
export class KeepAlive {
  readonly #streams = new Map<Writable, Quiet>();
  readonly #intervalMs: number;
  readonly #stallMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Pick<Limits, 'keepAliveMs' | 'writeStallMs'>) {
    this.#intervalMs = limits.keepAliveMs;
    this.#stallMs = limits.writeStallMs;
  }

  /** `drop` ends a stream that is not read. */
  add(stream: Writable, drop: () => void = () => stream.destroy()): void {
    this.#streams.set(stream, { since: undefined, drop });
    stream.once('close', () => this.#remove(stream));
    this.#timer ??= setInterval(() => this.#tick(), this.#intervalMs).unref();
  }

  #tick(): void {
    const now = performance.now();
    for (const [stream, quiet] of this.#streams) {
      // A stream that has ended but is not read up to its end must get no further byte.
      if (stream.writableEnded) continue;
      if (!stream.writableNeedDrain) {
        stream.write(':\n\n');
        quiet.since = undefined;
      } else if (quiet.since === undefined) {
        quiet.since = now;
      } else if (now - quiet.since >= this.#stallMs) {
        quiet.drop();
      }
    }
  }

  #remove(stream: Writable): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0 || this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
