import type { Logger } from '../core/log.ts';
import type { Principal } from '../core/principal.ts';
import type {
  CacheAttempt,
  CachedRequest,
  CacheRule,
  CacheSubject,
  Flight,
  Landed,
  ResultCache,
} from '../core/result-cache.ts';
import { MAX_KEY_BYTES, type NativeSonaPort } from '../native/sona-port.ts';
import { isUncacheable, keyParams, principalKey, writeKeyOf } from './cache-key.ts';
import { Epochs, type Shape } from './epochs.ts';
import { ResultMemory } from './result-memory.ts';
import { Sona } from './sona.ts';
import type { SonaOptions } from './sona-options.ts';

export interface ResultCacheDeps {
  readonly options: SonaOptions;
  readonly logger: Logger;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** What all results look like; the same object until that changes. */
  readonly shape: () => Shape;
  /** Default: the addon, or its TypeScript twin. */
  readonly port?: NativeSonaPort;
}

/** The part of the cache's size that is kept as text in front of the store. */
const MEMORY_SHARE = 8;
const MAX_MEMORY = 16 * 1024 * 1024;
const FIRST_ROOM = 16 * 1024;

/**
 * Results of tools and resources: texts of this process in front, the store of sona behind, and one run for requests
 * that come while it is being answered.
 */
export class SonaResultCache implements ResultCache {
  readonly #deps: ResultCacheDeps;
  readonly #epochs: Epochs;
  readonly #listeners = new Set<() => void>();
  readonly #flights = new Map<string, ResultFlight>();
  readonly #principals = new WeakMap<Principal, Whom>();
  readonly #key = Buffer.allocUnsafeSlow(MAX_KEY_BYTES);
  #room = Buffer.allocUnsafeSlow(FIRST_ROOM);
  #memory: ResultMemory | undefined;
  #sona: Sona | undefined;

  constructor(deps: ResultCacheDeps) {
    this.#deps = deps;
    this.#epochs = new Epochs(deps.shape);
  }

  /** The store behind; opened when first asked for, since most servers cache nothing. */
  get sona(): Sona {
    const { options, logger, now, port } = this.#deps;
    this.#sona ??= new Sona(options, { logger, now, ...(port === undefined ? {} : { port }) });
    return this.#sona;
  }

  close(): void {
    this.#sona?.close();
  }

  begin(request: CachedRequest): CacheAttempt | undefined {
    if (isUncacheable(request.params)) return undefined;
    const params = keyParams(request.params);
    if (params === undefined || params.length > MAX_KEY_BYTES) return undefined;
    const key = this.#keyOf(request, params);
    const now = this.#deps.now();
    const known = this.#texts.get(key.text, now);
    if (known !== undefined) return { kind: 'hit', text: known };
    const running = this.#flights.get(key.text);
    if (running !== undefined) return { kind: 'wait', landing: running.join() };
    const length = writeKeyOf(key, params, this.#key);
    if (length === 0) return undefined;
    const stored = this.#read(length);
    // The store does not tell when it expires, so the text is not kept in front: only its maker knows.
    if (stored !== undefined) return { kind: 'hit', text: stored };
    const flight = new ResultFlight(request, key, params, this);
    this.#flights.set(key.text, flight);
    return { kind: 'lead', flight };
  }

  ruleOf(subject: CacheSubject): CacheRule {
    return { epoch: this.#epochs.epochOf(subject).bytes, public: this.#epochs.isPublic(subject) };
  }

  forget(subject: CacheSubject): void {
    this.#epochs.renew(subject);
    this.#changed();
  }

  onRulesChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Keeps the result of a flight, under the key its request began with. */
  land(flight: ResultFlight, text: string, personal: boolean, ttlMs: number): Landed {
    this.#flights.delete(flight.key.text);
    const { request, params } = flight;
    const ttl = Math.min(ttlMs, request.subject.policy.ttlMs);
    let { key } = flight;
    if (personal && key.principal === undefined) {
      // What was stored as public by other runs did not depend on who asked, but nobody can tell which will.
      this.#epochs.makePersonal(request.subject);
      this.#changed();
      key = this.#keyOf(request, params);
      this.#store(key, params, text, ttl);
      return { kind: 'retry' };
    }
    this.#store(key, params, text, ttl);
    return { kind: 'hit', text };
  }

  /** Ends a flight that brought nothing to keep. */
  lost(flight: ResultFlight): void {
    this.#flights.delete(flight.key.text);
  }

  get #texts(): ResultMemory {
    this.#memory ??= new ResultMemory(Math.min(this.sona.cacheSize / MEMORY_SHARE, MAX_MEMORY));
    return this.#memory;
  }

  #store(key: Key, params: string, text: string, ttlMs: number): void {
    const bytes = Buffer.byteLength(text);
    const length = writeKeyOf(key, params, this.#key);
    if (length === 0 || length + bytes > this.sona.maxEntryBytes) return;
    const expires = this.#deps.now() + ttlMs;
    this.#texts.set(key.text, text, expires);
    const room = this.#roomFor(bytes);
    this.sona.write(this.#key, length, room, room.write(text, 'utf8'), expires);
  }

  /** The text stored under the key in `#key`. */
  #read(length: number): string | undefined {
    let bytes = this.sona.lookup(this.#key, length, this.#room);
    if (bytes > this.#room.length) bytes = this.sona.lookup(this.#key, length, this.#roomFor(bytes));
    return bytes < 0 || bytes > this.#room.length ? undefined : this.#room.toString('utf8', 0, bytes);
  }

  #roomFor(bytes: number): Buffer {
    if (bytes > this.#room.length)
      this.#room = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#room.length));
    return this.#room;
  }

  #keyOf(request: CachedRequest, params: string): Key {
    const { subject, name, form } = request;
    const { method } = subject;
    const epoch = this.#epochs.epochOf(subject);
    const whom = this.#epochs.isPublic(subject) ? undefined : this.#whom(request.principal);
    // Forms never share a key: to the store the plain one is a revision of its own.
    const revision = form === 'wire' ? request.revision : `${request.revision} plain`;
    // The epoch has always the same length; revision, method and lengths have no line breaks.
    const text = `${epoch.text}${revision}\n${method}\n${whom?.text ?? ''}\n${name.length}:${name}${params}`;
    return { epoch: epoch.bytes, revision, method, name, principal: whom?.bytes, text };
  }

  #whom(principal: Principal): Whom {
    let whom = this.#principals.get(principal);
    if (whom === undefined) {
      const bytes = principalKey(principal);
      whom = { bytes, text: `${bytes.length}:${Buffer.from(bytes).toString('latin1')}` };
      this.#principals.set(principal, whom);
    }
    return whom;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** A principal as it stands in keys. */
interface Whom {
  readonly bytes: Uint8Array;
  readonly text: string;
}

interface Key {
  readonly epoch: Uint8Array;
  readonly revision: string;
  readonly method: string;
  readonly name: string;
  readonly principal: Uint8Array | undefined;
  /** The same as text, for maps. */
  readonly text: string;
}

/** One run and those who wait for it. */
class ResultFlight implements Flight {
  readonly request: CachedRequest;
  readonly key: Key;
  readonly params: string;
  readonly #cache: SonaResultCache;
  #landing: Promise<Landed> | undefined;
  #land: ((landed: Landed) => void) | undefined;
  #over = false;

  constructor(request: CachedRequest, key: Key, params: string, cache: SonaResultCache) {
    this.request = request;
    this.key = key;
    this.params = params;
    this.#cache = cache;
  }

  join(): Promise<Landed> {
    this.#landing ??= new Promise((resolve) => {
      this.#land = resolve;
    });
    return this.#landing;
  }

  keep(text: string, personal: boolean, ttlMs: number = Number.POSITIVE_INFINITY): void {
    if (this.#over) return;
    this.#over = true;
    const landed = this.#cache.land(this, text, personal, ttlMs);
    this.#land?.(landed);
  }

  drop(): void {
    this.#end({ kind: 'alone' });
  }

  abandon(): void {
    this.#end({ kind: 'retry' });
  }

  #end(landed: Landed): void {
    if (this.#over) return;
    this.#over = true;
    this.#cache.lost(this);
    this.#land?.(landed);
  }
}
