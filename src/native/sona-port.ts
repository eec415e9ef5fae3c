/** What a cache is opened with. Sizes are bytes. */
export interface NativeSonaOptions {
  /** Name of memory shared with other processes; undefined: that of this process. */
  readonly shared?: string;
  /** Most bytes of all entries. */
  readonly cacheSize: number;
  /** Largest key and value together. */
  readonly maxEntry: number;
  /** How long a call of the store may take, in milliseconds. */
  readonly timeoutMs: number;
}

export interface NativeSonaOpened {
  readonly handle: number;
  /** `segment` for shared memory, else `heap`. */
  readonly kind: string;
  /** Why it is not shared although that was asked for: code, colon, text. */
  readonly warning?: string | undefined;
}

/** Counters of this process and sizes of the store. */
export interface NativeSonaStats {
  readonly hits: number;
  readonly misses: number;
  readonly puts: number;
  readonly refused: number;
  readonly evictions: number;
  readonly corrupt: number;
  readonly entries: number;
  readonly bytes: number;
  readonly capacity: number;
  /** See {@link SONA_STATE}. */
  readonly state: number;
}

/**
 * Exact routing and cached results, by handle. Rust (`crates/sona`) and TypeScript (`sona.ts`) implement it with the
 * same answers. The functions that return a number never throw; those below zero are {@link SONA}'s.
 */
export interface NativeSonaPort {
  /**
   * Writes the canonical text of the params in `body[start, end)`, without `_meta`, to `out` and returns its length;
   * nothing is written when that is more than `out` holds. {@link SONA.none} for what is not JSON or too deep.
   */
  canonicalParams(body: Uint8Array, start: number, end: number, out: Uint8Array): number;
  /** Throws an error whose message is `CODE: text` for options out of range. */
  sonaOpen(options: NativeSonaOptions): NativeSonaOpened;
  /** False when the handle is unknown; so below. */
  sonaClose(handle: number): boolean;
  /** Replaces the routes: each is a name and its aliases. */
  sonaSetRoutes(handle: number, routes: string[][]): boolean;
  sonaClear(handle: number): boolean;
  sonaStats(handle: number): NativeSonaStats | null;
  /**
   * What the UTF-8 in `name[0, length)` means: 1 a name, 2 an alias, 3 a namespaced form, with the route's index in
   * `out[0]`; else 0, with the number of suggestions in `out[0]` and their indices behind it.
   *
   * @param out At least 4 words.
   */
  sonaRoute(handle: number, name: Uint8Array, length: number, out: Uint32Array): number;
  /**
   * Copies the value of `key[0, length)` to `out` and returns its length; when that is more than `out` holds, nothing is
   * written. {@link SONA.none} when there is none.
   *
   * @param now Milliseconds since the Unix epoch.
   */
  sonaGet(handle: number, key: Uint8Array, length: number, now: number, out: Uint8Array): number;
  /**
   * Keeps `value[0, size)` under `key[0, length)` until the time `expires`. 1 stored, 0 refused (too large, empty key),
   * {@link SONA.off}.
   */
  sonaPut(
    handle: number,
    key: Uint8Array,
    length: number,
    value: Uint8Array,
    size: number,
    expires: number,
  ): number;
  /** 1 when there was an entry, else 0. */
  sonaRemove(handle: number, key: Uint8Array, length: number): number;
}

/** Every function of the port, for the loader. */
export const SONA_EXPORTS: readonly (keyof NativeSonaPort)[] = [
  'canonicalParams',
  'sonaOpen',
  'sonaClose',
  'sonaSetRoutes',
  'sonaClear',
  'sonaStats',
  'sonaRoute',
  'sonaGet',
  'sonaPut',
  'sonaRemove',
];

/** Results below zero. */
export const SONA = {
  /** There is no entry; there is no canonical text. */
  none: -1,
  /** An argument has the wrong type or range, or the handle is unknown. */
  argument: -2,
  /** The implementation failed. */
  panic: -3,
  /** The store is switched off. */
  off: -4,
} as const;

export const SONA_STATE = { up: 0, failed: 1, slow: 2 } as const;

/** Bytes a key may have. */
export const MAX_KEY_BYTES = 64 * 1024;
/** Containers params may be nested in and still have a key. */
export const MAX_CANONICAL_DEPTH = 128;
/** Most suggestions for a name that is unknown. */
export const MAX_SUGGESTIONS = 3;
