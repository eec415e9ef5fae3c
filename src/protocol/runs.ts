import { idKey } from '../core/envelope.ts';
import type { Run } from './execution.ts';

/**
 * Requests of one peer that are running, by id. The map holds places, not runs: the tables a `Map` leaves behind as
 * its entries come and go would keep whole requests alive until the next full collection.
 */
export class Runs {
  readonly #places = new Map<string, number>();
  readonly #runs: (Run | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  /** The run of an id, in whatever spelling. */
  get(idRaw: string): Run | undefined {
    const place = this.#places.get(idKey(idRaw));
    return place === undefined ? undefined : this.#runs[place];
  }

  /** A snapshot: runs may end while it is gone through. */
  all(): readonly Run[] {
    return this.#runs.filter((run) => run !== undefined);
  }

  add(run: Run): void {
    const place = this.#free.pop() ?? this.#runs.length;
    this.#runs[place] = run;
    this.#places.set(idKey(run.call.idRaw), place);
  }

  delete(run: Run): void {
    const key = idKey(run.call.idRaw);
    const place = this.#places.get(key);
    if (place === undefined || this.#runs[place] !== run) return;
    this.#places.delete(key);
    this.#runs[place] = undefined;
    this.#free.push(place);
  }
}
