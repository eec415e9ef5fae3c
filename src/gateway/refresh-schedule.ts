/** How long news are collected before anything is fetched, and the least time between two fetches. */
const COLLECT_MS = 100;
const GAP_MS = 1_000;

/** Turns storms of change notifications into few fetches: collects what has changed, one run at a time. */
export class RefreshSchedule<T> {
  readonly #run: (items: readonly T[]) => Promise<void>;
  readonly #wanted = new Set<T>();
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #last = Number.NEGATIVE_INFINITY;

  constructor(run: (items: readonly T[]) => Promise<void>) {
    this.#run = run;
  }

  request(items: readonly T[], collectMs = COLLECT_MS): void {
    for (const item of items) this.#wanted.add(item);
    this.#arm(collectMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wanted.clear();
  }

  #arm(collectMs: number): void {
    if (this.#timer !== undefined || this.#running || this.#wanted.size === 0) return;
    const ms = Math.max(collectMs, this.#last + GAP_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#fire();
    }, ms);
    this.#timer.unref();
  }

  async #fire(): Promise<void> {
    const items = [...this.#wanted];
    this.#wanted.clear();
    this.#running = true;
    this.#last = performance.now();
    try {
      await this.#run(items);
    } finally {
      this.#running = false;
      this.#arm(COLLECT_MS);
    }
  }
}
