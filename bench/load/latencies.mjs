/** Latencies of a load in a bounded histogram: steps of 1 % of the value, whatever the number of replies. */

const STEP = Math.log(1.01);
/** From one microsecond to about two minutes. */
const BUCKETS = 1_900;

export class Latencies {
  #counts = new Uint32Array(BUCKETS);
  #total = 0;
  #max = 0;

  /** @param {number} milliseconds */
  add(milliseconds) {
    const at = milliseconds <= 1e-3 ? 0 : Math.floor(Math.log(milliseconds * 1e3) / STEP) + 1;
    const index = Math.min(at, BUCKETS - 1);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total += 1;
    if (milliseconds > this.#max) this.#max = milliseconds;
  }

  /**
   * Milliseconds below which a share of the replies came.
   * @param {number} share
   */
  at(share) {
    if (this.#total === 0) return undefined;
    const rank = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index += 1) {
      seen += this.#counts[index] ?? 0;
      if (seen >= rank) return Math.min(this.#max, Math.exp(index * STEP) / 1e3);
    }
    return this.#max;
  }

  get max() {
    return this.#total === 0 ? undefined : this.#max;
  }

  report() {
    return { p50: this.at(0.5), p95: this.at(0.95), p99: this.at(0.99), max: this.max };
  }
}
