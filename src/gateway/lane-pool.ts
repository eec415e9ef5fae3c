import { FerroError } from '../core/errors.ts';
import type { UpstreamOptions } from '../runtime/config/upstream-options.ts';
import { Lane, type LaneEvents, type LaneOptions } from './lane.ts';
import type { UpstreamCall } from './upstream-call.ts';

/**
 * The connections of one upstream. Normally everyone shares the first. An upstream that asks questions on a channel
 * that does not say whom they concern gets one connection for each peer with calls in flight.
 */
export class LanePool {
  readonly primary: Lane;
  readonly #options: UpstreamOptions;
  readonly #setup: LaneOptions;
  readonly #events: LaneEvents;
  readonly #lanes: Lane[];
  readonly #waiting = new Set<() => void>();
  readonly #idle = new Map<Lane, NodeJS.Timeout>();
  /** Set when the first connection must not be ended although nobody calls. */
  keepPrimary: () => boolean = () => false;
  #nextId = 1;
  #interactive = false;
  #stopped = false;

  constructor(setup: LaneOptions, events: LaneEvents) {
    this.#setup = setup;
    this.#options = setup.options;
    this.#events = {
      ...events,
      free: (lane) => {
        events.free(lane);
        this.#onFree(lane);
      },
    };
    this.primary = new Lane(0, setup, this.#events);
    this.#lanes = [this.primary];
  }

  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  get interactive(): boolean {
    return this.#interactive;
  }

  /** From now on no connection is shared between peers. */
  separatePeers(): void {
    this.#interactive = true;
  }

  /** Gives the call a connection. @throws FerroError UPSTREAM_BUSY, REQUEST_CANCELLED */
  async assign(call: UpstreamCall, stateless: boolean, signal: AbortSignal): Promise<Lane> {
    const deadline = performance.now() + this.#options.timeoutMs;
    for (;;) {
      if (this.#stopped) throw new FerroError('SHUTTING_DOWN');
      const lane = this.#interactive ? this.#pick(call) : this.primary;
      if (lane !== undefined) {
        clearTimeout(this.#idle.get(lane));
        if (this.#interactive) {
          lane.owner = call.peerKey;
          // A stateless peer never comes back under this key.
          if (stateless) {
            call.onEnd(() => {
              if (lane.owner === call.peerKey) lane.owner = undefined;
            });
          }
        }
        lane.begin(call);
        return lane;
      }
      await this.#turn(signal, deadline - performance.now());
    }
  }

  #pick(call: UpstreamCall): Lane | undefined {
    const own = this.#lanes.find((lane) => lane.owner === call.peerKey);
    if (own !== undefined) return own;
    const free = this.#lanes.filter((lane) => lane.free);
    const mine = (lane: Lane): boolean => [...lane.principals].every((id) => id === call.principalId);
    const unowned = free.find((lane) => lane.owner === undefined && mine(lane));
    if (unowned !== undefined) return unowned;
    if (this.#lanes.length < this.#options.lanes) {
      const lane = new Lane(this.#nextId, this.#setup, this.#events);
      this.#nextId += 1;
      this.#lanes.push(lane);
      return lane;
    }
    const reusable = free.find(mine) ?? free[0];
    // What an upstream remembers of one principal must not meet another; nor, at the limit, one peer's another's.
    if (reusable !== undefined) void reusable.recycle();
    return reusable;
  }

  async #turn(signal: AbortSignal, waitMs: number): Promise<void> {
    if (this.#waiting.size >= this.#options.maxQueue || waitMs <= 0) {
      throw new FerroError('UPSTREAM_BUSY', { detail: `${this.#setup.name}: all connections are taken` });
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', onAbort);
      };
      const wake = (): void => {
        leave();
        resolve();
      };
      const onAbort = (): void => {
        leave();
        reject(new FerroError('REQUEST_CANCELLED'));
      };
      const timer = setTimeout(wake, waitMs);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(wake);
    });
  }

  #onFree(lane: Lane): void {
    for (const wake of this.#waiting) {
      wake();
      break;
    }
    const ms = lane === this.primary ? this.#options.idleStopMs : this.#options.laneIdleMs;
    clearTimeout(this.#idle.get(lane));
    if (ms === 0 || this.#stopped) return;
    const timer = setTimeout(() => {
      this.#idle.delete(lane);
      if (!lane.free) return;
      if (lane !== this.primary) this.#remove(lane);
      else if (!this.keepPrimary()) void lane.recycle();
    }, ms);
    timer.unref();
    this.#idle.set(lane, timer);
  }

  #remove(lane: Lane): void {
    const index = this.#lanes.indexOf(lane);
    if (index !== -1) this.#lanes.splice(index, 1);
    void lane.stop();
    for (const wake of this.#waiting) {
      wake();
      break;
    }
  }

  /** A peer has gone: its connections are nobody's. */
  release(peerKey: string): void {
    for (const lane of [...this.#lanes]) {
      if (lane.owner !== peerKey) continue;
      lane.owner = undefined;
      if (lane.free && lane !== this.primary) this.#remove(lane);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    for (const wake of [...this.#waiting]) wake();
    await Promise.all(this.#lanes.map((lane) => lane.stop()));
  }
}
