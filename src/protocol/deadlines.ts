/**
 * Deadlines of running calls. One timer for all of them: a timer per request costs more than most handlers, and a
 * deadline need not be exact.
 */
export class Deadlines {
  readonly #entries = new Set<Deadline>();
  readonly #tickMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(tickMs = 100) {
    this.#tickMs = tickMs;
  }

  /** Runs `expire` once `ms` have passed, unless stopped or paused. */
  start(ms: number, expire: () => void): Deadline {
    const deadline = new Deadline(ms, expire, (self) => this.#entries.delete(self));
    this.#entries.add(deadline);
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref();
    return deadline;
  }

  #tick(): void {
    const now = performance.now();
    for (const deadline of this.#entries) deadline.check(now);
    if (this.#entries.size === 0 && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}

/** One running deadline; pausing stops its clock (while the client is asked for input). */
export class Deadline {
  #left: number;
  #since: number | undefined = performance.now();
  #paused = 0;
  readonly #expire: () => void;
  readonly #remove: (self: Deadline) => void;

  constructor(ms: number, expire: () => void, remove: (self: Deadline) => void) {
    this.#left = ms;
    this.#expire = expire;
    this.#remove = remove;
  }

  pause(): void {
    this.#paused += 1;
    if (this.#since === undefined) return;
    this.#left -= performance.now() - this.#since;
    this.#since = undefined;
  }

  resume(): void {
    this.#paused -= 1;
    if (this.#paused === 0) this.#since = performance.now();
  }

  stop(): void {
    this.#remove(this);
  }

  check(now: number): void {
    if (this.#since === undefined || now - this.#since < this.#left) return;
    this.#remove(this);
    this.#expire();
  }
}
