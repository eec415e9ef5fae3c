/** Settings of cached results: what holds when nothing is said, and what may be said. Sizes are bytes, times milliseconds. */
const MIB = 1024 * 1024;

export const SONA_DEFAULTS = { enabled: true, cacheSize: 64 * MIB, timeoutMs: 50 } as const;
export const CACHE_SIZE_RANGE = [MIB, 64 * 1024 * MIB] as const;
export const TIMEOUT_RANGE = [1, 60_000] as const;
/** Names of memory that processes share. */
export const SHARED_NAME = /^[a-z0-9-]{1,32}$/;
