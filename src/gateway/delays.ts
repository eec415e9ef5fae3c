/** How long calls take at an upstream, and how long the gateway makes them take besides. Times are milliseconds. */

/** Upper bounds of the buckets; the last bucket has none. */
export const DELAY_BOUNDS_MS = [
  0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
] as const;

export interface DelaySummary {
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
  /** Calls by {@link DELAY_BOUNDS_MS} (each up to its bound and over the one before); the last: over all bounds. */
  readonly buckets: readonly number[];
}

export class DelayHistogram {
  readonly #buckets = new Array<number>(DELAY_BOUNDS_MS.length + 1).fill(0);
  #count = 0;
  #sum = 0;
  #max = 0;

  record(ms: number): void {
    const value = Math.max(0, ms);
    const found = DELAY_BOUNDS_MS.findIndex((bound) => value <= bound);
    const bucket = found === -1 ? DELAY_BOUNDS_MS.length : found;
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += value;
    this.#max = Math.max(this.#max, value);
  }

  summary(): DelaySummary {
    return { count: this.#count, sumMs: this.#sum, maxMs: this.#max, buckets: [...this.#buckets] };
  }
}

/** One call on its way: when it came, when it went out, when the answer was there. */
export class CallClock {
  readonly #begun = performance.now();
  #waited = 0;
  #sent: number | undefined;
  #answered: number | undefined;

  /** Waits for `work` (a free place, a connection) on the upstream's account, not on the gateway's. */
  async waiting<T>(work: Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await work;
    } finally {
      this.#waited += performance.now() - from;
    }
  }

  sent(): void {
    this.#sent = performance.now();
  }

  answered(at: number): void {
    this.#answered = at;
  }

  /** What it comes to when the reply goes out now; undefined when the upstream has not answered. */
  read(): { readonly upstreamMs: number; readonly gatewayMs: number; readonly waitedMs: number } | undefined {
    if (this.#sent === undefined || this.#answered === undefined) return undefined;
    return {
      upstreamMs: this.#answered - this.#sent,
      gatewayMs: this.#sent - this.#begun - this.#waited + (performance.now() - this.#answered),
      waitedMs: this.#waited,
    };
  }
}

/** Statistics of one upstream since the gateway began. */
export interface UpstreamStats {
  readonly name: string;
  /** From the request on its way to the upstream until the last byte of its answer. */
  readonly upstream: DelaySummary;
  /**
   * The rest of the time between the gateway taking the call up and its reply being with the transport, without waits
   * for a free place or for a connection. Calls that asked the client something are not counted.
   */
  readonly gateway: DelaySummary;
  /** Waits for a free place in the upstream's queue and for a connection. */
  readonly waits: DelaySummary;
  /** Results that passed through as bytes, and those that were parsed and encoded. */
  readonly results: { readonly forwarded: number; readonly forwardedBytes: number; readonly encoded: number };
}

export class CallStatistics {
  readonly #upstream = new DelayHistogram();
  readonly #gateway = new DelayHistogram();
  readonly #waits = new DelayHistogram();
  #forwarded = 0;
  #forwardedBytes = 0;
  #encoded = 0;

  replied(clock: CallClock): void {
    const times = clock.read();
    if (times === undefined) return;
    this.#upstream.record(times.upstreamMs);
    this.#gateway.record(times.gatewayMs);
    this.#waits.record(times.waitedMs);
  }

  /** @param bytes of a result that passed through; undefined for one that is encoded */
  result(bytes: number | undefined): void {
    if (bytes === undefined) {
      this.#encoded += 1;
      return;
    }
    this.#forwarded += 1;
    this.#forwardedBytes += bytes;
  }

  summary(name: string): UpstreamStats {
    return {
      name,
      upstream: this.#upstream.summary(),
      gateway: this.#gateway.summary(),
      waits: this.#waits.summary(),
      results: {
        forwarded: this.#forwarded,
        forwardedBytes: this.#forwardedBytes,
        encoded: this.#encoded,
      },
    };
  }
}
