import { NOT_LISTED, Roster, type RosterMember } from './roster.ts';

/**
 * Deadlines of running calls. One timer for all of them: a timer per request costs more than most handlers, and a
 * deadline need not be exact.
 */
export class Deadlines {
  readonly #entries = new Roster<Deadline>();
  readonly #tickMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(tickMs = 100) {
    this.#tickMs = tickMs;
  }

  /** Runs `expire` once `ms` have passed, unless stopped or paused. */
  start(ms: number, expire: () => void): Deadline {
    const deadline = new Deadline(ms, expire, this.#entries);
    this.#entries.add(deadline);
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref();
    return deadline;
  }

  #tick(): void {
    const now = performance.now();
    for (const deadline of this.#entries.members()) deadline.check(now);
    if (this.#entries.size === 0 && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}

/** One running deadline; pausing stops its clock (while the client is asked for input). */
export class Deadline implements RosterMember {
  #left: number;
  #since: number | undefined = performance.now();
  #paused = 0;
  readonly #expire: () => void;
  readonly #roster: Roster<Deadline>;
  rosterIndex = NOT_LISTED;

  constructor(ms: number, expire: () => void, roster: Roster<Deadline>) {
    this.#left = ms;
    this.#expire = expire;
    this.#roster = roster;
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
    this.#roster.delete(this);
  }

  check(now: number): void {
    if (this.#since === undefined || now - this.#since < this.#left) return;
    this.#roster.delete(this);
    this.#expire();
  }
}
