/** So many events at once, and so many a second. */
export class RateBucket {
  readonly #most: number;
  readonly #perSecond: number;
  #left: number;
  #filledAt = performance.now();

  constructor(most: number, perSecond: number) {
    this.#most = most;
    this.#perSecond = perSecond;
    this.#left = most;
  }

  earn(count: number): void {
    this.#left = Math.min(this.#most, this.#left + count);
  }

  /** False when there is none left. */
  spend(): boolean {
    if (this.#left < 1) {
      const now = performance.now();
      this.earn(((now - this.#filledAt) / 1_000) * this.#perSecond);
      this.#filledAt = now;
      if (this.#left < 1) return false;
    }
    this.#left -= 1;
    return true;
  }
}
