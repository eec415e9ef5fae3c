import { FerroError } from '../core/errors.ts';
import { type Logger, SILENT } from '../core/log.ts';
import { native } from '../native/loader.ts';
import {
  MAX_KEY_BYTES,
  MAX_SUGGESTIONS,
  type NativeSonaPort,
  type NativeSonaStats,
  SONA,
  SONA_STATE,
} from '../native/sona-port.ts';
import { type CacheQuery, writeKey } from './cache-key.ts';
import { type ResolvedSonaOptions, resolveSonaOptions, type SonaOptions } from './sona-options.ts';

/** A name that requests are routed by, and other names for the same thing. */
export interface RouteEntry {
  /** `tool`, or `server__tool` (also `server/tool`) for one of several servers. */
  readonly name: string;
  readonly aliases?: readonly string[];
}

export type RouteResult =
  | { readonly kind: 'routed'; readonly name: string; readonly by: 'name' | 'alias' | 'namespace' }
  /** At most three names that may have been meant, the nearest first. None of them is ever chosen. */
  | { readonly kind: 'unknown'; readonly didYouMean: readonly string[] };

export interface SonaStatistics extends Omit<NativeSonaStats, 'state'> {
  /** Why the store is switched off, or `up`. */
  readonly state: 'up' | 'failed' | 'slow';
  /** True when other processes can find the results. */
  readonly shared: boolean;
}

export interface SonaDeps {
  readonly logger?: Logger;
  /** Default: the addon, or its TypeScript twin. */
  readonly port?: NativeSonaPort;
  /** Milliseconds since the Unix epoch; default `Date.now`. */
  readonly now?: () => number;
}

const MAX_ROUTES = 100_000;
const MAX_ALIASES = 32;
const MAX_NAME = 256;
const MAX_TTL_MS = 365 * 86_400_000;
const BY = ['name', 'alias', 'namespace'] as const;
const HALF_PAIR = /\p{Cs}/u;

/**
 * Exact routing of names, and results kept under keys that hold everything they depend on. Works in the addon over
 * memory that several processes may share, or in TypeScript with the same answers. A look-up never throws: a store that
 * fails or stalls is switched off with one warning, and everything is a miss from then on.
 */
export class Sona {
  readonly #options: ResolvedSonaOptions;
  readonly #port: NativeSonaPort;
  readonly #handle: number;
  readonly #shared: boolean;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #key = Buffer.allocUnsafeSlow(MAX_KEY_BYTES);
  readonly #name = Buffer.allocUnsafeSlow(4 * MAX_NAME);
  readonly #found = new Uint32Array(1 + MAX_SUGGESTIONS);
  #routes: readonly string[] = [];
  #closed = false;
  #warned = false;

  constructor(options: SonaOptions, deps: SonaDeps = {}) {
    this.#options = resolveSonaOptions(options);
    this.#logger = deps.logger ?? SILENT;
    this.#port = deps.port ?? native().port;
    this.#now = deps.now ?? Date.now;
    const { cacheSize, maxEntry, shared, timeoutMs } = this.#options;
    const opened = this.#open({
      cacheSize,
      maxEntry,
      timeoutMs,
      ...(shared === undefined ? {} : { shared }),
    });
    this.#handle = opened.handle;
    this.#shared = opened.kind === 'segment';
    if (typeof opened.warning === 'string') {
      this.#logger.log('warn', new FerroError('SONA_NOT_SHARED', { detail: opened.warning }).message, {
        code: 'SONA_NOT_SHARED',
      });
    }
  }

  #open(options: Parameters<NativeSonaPort['sonaOpen']>[0]): ReturnType<NativeSonaPort['sonaOpen']> {
    try {
      return this.#port.sonaOpen(options);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      throw new FerroError('CONFIG_INVALID', { detail: `sona: ${detail}`, cause: error });
    }
  }

  /** Stands for this instance in the addon, so that its front looks results up in the same store. */
  get handle(): number {
    return this.#handle;
  }

  /** Most bytes of cached results. */
  get cacheSize(): number {
    return this.#options.cacheSize;
  }

  /** Largest key and value together, in bytes. */
  get maxEntryBytes(): number {
    return this.#options.maxEntry;
  }

  /**
   * Replaces the names that {@link routeRequest} knows; at most 100,000 with 32 aliases each, 256 characters a name.
   * @throws FerroError SONA_ARGUMENT, NAME_INVALID, NAME_TAKEN (a name or alias that stands for two), SONA_CLOSED
   */
  setRoutes(routes: Iterable<RouteEntry>): void {
    this.#assertOpen();
    const table: string[][] = [];
    const taken = new Set<string>();
    for (const { name, aliases = [] } of routes) {
      if (table.length >= MAX_ROUTES) throw argument(`more than ${MAX_ROUTES} routes`);
      if (aliases.length > MAX_ALIASES) throw argument(`more than ${MAX_ALIASES} aliases`);
      const forms = [name, ...aliases];
      for (const form of forms) {
        if (!isName(form)) throw new FerroError('NAME_INVALID', { detail: 'a route' });
        if (taken.has(form)) throw new FerroError('NAME_TAKEN', { detail: form });
        taken.add(form);
      }
      table.push(forms);
    }
    this.#port.sonaSetRoutes(this.#handle, table);
    this.#routes = table.map(([name = '']) => name);
  }

  /**
   * What a name means: exactly one route by its name, an alias or a namespaced form (`server__tool`, `server/tool`, plain
   * `tool` if no other server has one), or none. Similar names are proposed and never chosen.
   */
  routeRequest(name: string): RouteResult {
    if (!isName(name) || this.#closed) return { kind: 'unknown', didYouMean: [] };
    const length = this.#name.write(name);
    const how = this.#port.sonaRoute(this.#handle, this.#name, length, this.#found);
    const by = BY[how - 1];
    const first = this.#found[0] ?? 0;
    if (by !== undefined) return { kind: 'routed', name: this.#routes[first] ?? '', by };
    const indices = how === 0 ? this.#found.subarray(1, 1 + first) : [];
    return { kind: 'unknown', didYouMean: Array.from(indices, (index) => this.#routes[index] ?? '') };
  }

  /**
   * Key of a request, for {@link cacheLookup} and {@link cacheWrite}. Undefined when its answer must not come from a cache:
   * it goes on with an earlier one (`inputResponses`, `requestState`, `task`), wants progress or log messages, or is too
   * deep (128) or too long (64 KiB).
   */
  cacheKey(query: CacheQuery): Uint8Array | undefined {
    const length = writeKey(query, this.#key);
    return length === 0 ? undefined : Uint8Array.from(this.#key.subarray(0, length));
  }

  /**
   * Copies what is stored under `key` to `out` and returns its length in bytes; -1 when there is nothing. A length greater
   * than `out` has says that it did not fit and nothing was copied. Never throws.
   */
  cacheLookup(key: Uint8Array, out: Uint8Array): number {
    return this.lookup(key, key.length, out);
  }

  /**
   * Keeps `value` under `key` for `ttlMs` milliseconds. False when it was not stored: it is too large (`maxEntryBytes`),
   * `enabled` is false, or the store is switched off.
   * @throws FerroError SONA_ARGUMENT, SONA_CLOSED
   */
  cacheWrite(key: Uint8Array, value: Uint8Array, ttlMs: number): boolean {
    this.#assertOpen();
    if (!(ttlMs > 0 && ttlMs <= MAX_TTL_MS))
      throw argument(`ttlMs must be above 0 and at most ${MAX_TTL_MS}`);
    if (key.length === 0 || key.length > MAX_KEY_BYTES) throw argument('a key has 1 to 65,536 bytes');
    return this.write(key, key.length, value, value.length, this.#now() + ttlMs);
  }

  /** Forgets what is stored under `key`; true when there was something. */
  cacheRemove(key: Uint8Array): boolean {
    return !this.#closed && this.#port.sonaRemove(this.#handle, key, key.length) === 1;
  }

  /** Forgets everything, for all processes that share it. */
  clear(): void {
    if (!this.#closed) this.#port.sonaClear(this.#handle);
  }

  stats(): SonaStatistics {
    const stats = this.#closed ? null : this.#port.sonaStats(this.#handle);
    if (stats === null) throw new FerroError('SONA_CLOSED');
    const state = stats.state === SONA_STATE.up ? 'up' : stats.state === SONA_STATE.slow ? 'slow' : 'failed';
    return { ...stats, state, shared: this.#shared };
  }

  /** Lets go of the store. Afterwards everything is unknown or a miss, and writing throws SONA_CLOSED. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.sonaClose(this.#handle);
  }

  /** As {@link cacheLookup}, for a key in a longer buffer. */
  lookup(key: Uint8Array, length: number, out: Uint8Array): number {
    if (this.#closed || !this.#options.enabled) return SONA.none;
    const found = this.#port.sonaGet(this.#handle, key, length, this.#now(), out);
    return found < 0 ? SONA.none : found;
  }

  /** As {@link cacheWrite}, for parts of longer buffers; `expires` in milliseconds since the Unix epoch. Never throws. */
  write(key: Uint8Array, length: number, value: Uint8Array, size: number, expires: number): boolean {
    if (this.#closed || !this.#options.enabled) return false;
    const written = this.#port.sonaPut(this.#handle, key, length, value, size, expires);
    if (written === SONA.off && !this.#warned) {
      this.#warned = true;
      const reason = this.stats().state === 'slow' ? 'it took too long' : 'it failed';
      const error = new FerroError('SONA_OFF', { detail: reason });
      this.#logger.log('warn', error.message, { code: error.code });
    }
    return written === 1;
  }

  #assertOpen(): void {
    if (this.#closed) throw new FerroError('SONA_CLOSED');
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME && !HALF_PAIR.test(value);
}

function argument(detail: string): FerroError {
  return new FerroError('SONA_ARGUMENT', { detail });
}

/**
 * Opens routing and cached results of their own, apart from any server's.
 * @throws FerroError CONFIG_INVALID, CONFIG_UNKNOWN_KEY
 */
export function createSona(options: SonaOptions = {}, deps: SonaDeps = {}): Sona {
  return new Sona(options, deps);
}
