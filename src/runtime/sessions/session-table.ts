import { FerroError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { Principal } from '../../core/principal.ts';

/** What the table needs to know of a session. */
export interface TableSession {
  readonly id: string;
  readonly principal: Principal;
  readonly closed: boolean;
  close(): void;
  onClose(listener: () => void): void;
}

interface Slot<T> {
  readonly session: T;
  usedAt: number;
  /** Requests and streams that keep the session from expiring. */
  holds: number;
}

/** Someone who answers in sessions without asking the table. */
export interface SessionObserver<T> {
  opened(session: T): void;
  closed(session: T): void;
  /** When the session was last used there, in milliseconds since 1970; negative = never. */
  usedAt(session: T): number;
}

const SWEEPS_PER_TTL = 10;

/**
 * Sessions in memory, by id. A session is found only by the principal that created it; to anyone else it does not
 * exist. Unused sessions expire.
 */
export class SessionTable<T extends TableSession> {
  /** Set by a front that answers in sessions by itself. */
  observer: SessionObserver<T> | undefined;
  readonly #slots = new Map<string, Slot<T>>();
  readonly #perPrincipal = new Map<string, number>();
  readonly #limits: Limits;
  readonly #now: () => number;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(limits: Limits, now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
  }

  get size(): number {
    return this.#slots.size;
  }

  sessions(): readonly T[] {
    return [...this.#slots.values()].map((slot) => slot.session);
  }

  /** @throws FerroError QUOTA_SESSIONS when the table, or the principal's share of it, is full */
  add(session: T): void {
    const owned = this.#perPrincipal.get(session.principal.id) ?? 0;
    // Nobody is told apart among the anonymous: only the total bounds them.
    const quota =
      session.principal.kind === 'anonymous' ? this.#limits.sessions : this.#limits.sessionsPerPrincipal;
    if (this.#slots.size >= this.#limits.sessions || owned >= quota) throw new FerroError('QUOTA_SESSIONS');
    this.#slots.set(session.id, { session, usedAt: this.#now(), holds: 0 });
    this.#perPrincipal.set(session.principal.id, owned + 1);
    session.onClose(() => this.#forget(session));
    this.#sweeper ??= setInterval(
      () => this.sweep(),
      Math.max(this.#limits.sessionIdleMs / SWEEPS_PER_TTL, 100),
    ).unref();
  }

  /** A session that was added has been agreed on with its client: from now on the observer may answer in it. */
  agreed(session: T): void {
    if (this.#slots.has(session.id)) this.observer?.opened(session);
  }

  /** The session, marked as used; undefined when there is none for this principal. */
  find(id: string, principal: Principal): T | undefined {
    const slot = this.#slots.get(id);
    if (slot === undefined || slot.session.principal.id !== principal.id) return undefined;
    slot.usedAt = this.#now();
    return slot.session;
  }

  /** Keeps a session alive until the returned function runs. */
  hold(id: string): () => void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return () => {};
    slot.holds += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      slot.holds -= 1;
      slot.usedAt = this.#now();
    };
  }

  /** Ends sessions that were idle for longer than allowed. */
  sweep(): void {
    const oldest = this.#now() - this.#limits.sessionIdleMs;
    for (const { session, usedAt, holds } of [...this.#slots.values()]) {
      if (holds > 0 || usedAt >= oldest) continue;
      if (this.observer !== undefined && this.observer.usedAt(session) >= oldest) continue;
      session.close();
    }
  }

  /** Ends all sessions. */
  close(): void {
    for (const { session } of [...this.#slots.values()]) session.close();
    if (this.#sweeper !== undefined) clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  #forget(session: T): void {
    if (!this.#slots.delete(session.id)) return;
    this.observer?.closed(session);
    const owned = (this.#perPrincipal.get(session.principal.id) ?? 1) - 1;
    if (owned > 0) this.#perPrincipal.set(session.principal.id, owned);
    else this.#perPrincipal.delete(session.principal.id);
  }
}
