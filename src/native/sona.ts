/** The TypeScript twin of `native/src/sona.rs`: the same answers for the same calls, in memory of this process. */
import { types } from 'node:util';
import { canonicalParams as canonicalText } from '../core/canonical-json.ts';
import type { JsonValue } from '../core/json.ts';
import { HeapStore } from './heap-store.ts';
import { Router } from './router.ts';
import {
  MAX_CANONICAL_DEPTH,
  MAX_KEY_BYTES,
  type NativeSonaOpened,
  type NativeSonaOptions,
  type NativeSonaPort,
  SONA,
} from './sona-port.ts';

interface Open {
  readonly store: HeapStore;
  readonly maxEntry: number;
  router: Router;
}

/** The smallest store the addon makes. */
const MIN_CACHE = 64 * 1024;

const open = new Map<number, Open>();
let next = 1;

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const sonaFallback: NativeSonaPort = {
  canonicalParams(body, start, end, out) {
    if (!isMemory(body) || !isMemory(out) || overlap(body, out)) return SONA.argument;
    if (!isWhole(start) || !isWhole(end) || start > end || end > body.length) return SONA.argument;
    const text = canonicalOf(body.subarray(start, end));
    if (text === undefined) return SONA.none;
    const length = Buffer.byteLength(text);
    if (length <= out.length) bufferOf(out).write(text, 'utf8');
    return length;
  },

  sonaOpen(options: NativeSonaOptions): NativeSonaOpened {
    const { cacheSize, maxEntry, shared } = options;
    if (!(cacheSize >= MIN_CACHE)) throw new Error('CACHE_OPTION: the capacity must be at least 64 KiB');
    if (!(maxEntry >= 1 && maxEntry <= cacheSize / 4)) {
      throw new Error('CACHE_OPTION: the largest entry must be between 1 byte and a quarter of the capacity');
    }
    const handle = next;
    next += 1;
    open.set(handle, { store: new HeapStore(cacheSize, maxEntry), maxEntry, router: new Router([]) });
    return {
      handle,
      kind: 'heap',
      warning: shared === undefined ? undefined : 'CACHE_UNSUPPORTED: only the addon can share memory',
    };
  },

  sonaClose: (handle) => open.delete(handle),

  sonaSetRoutes(handle, routes) {
    const sona = open.get(handle);
    if (sona !== undefined) sona.router = new Router(routes);
    return sona !== undefined;
  },

  sonaClear(handle) {
    open.get(handle)?.store.clear();
    return open.has(handle);
  },

  sonaStats: (handle) => open.get(handle)?.store.stats() ?? null,

  sonaRoute(handle, name, length, out) {
    const sona = open.get(handle);
    if (sona === undefined || !isMemory(name) || !isWhole(length) || length > name.length)
      return SONA.argument;
    if (!types.isUint32Array(out) || isShared(out.buffer) || out.length < 4 || overlap(name, out)) {
      return SONA.argument;
    }
    let text: string;
    try {
      text = strict.decode(name.subarray(0, length));
    } catch {
      return SONA.argument;
    }
    const found = sona.router.route(text);
    out.fill(0, 0, 4);
    if ('index' in found) {
      out[0] = found.index;
      return found.how;
    }
    out[0] = found.length;
    out.set(found, 1);
    return 0;
  },

  sonaGet(handle, key, length, now, out) {
    const sona = open.get(handle);
    if (sona === undefined || !isMemory(key) || !isMemory(out) || overlap(key, out)) return SONA.argument;
    if (!isWhole(length) || length > key.length || !isTime(now)) return SONA.argument;
    const value = sona.store.get(key.subarray(0, length), now);
    if (value === undefined) return SONA.none;
    if (value.length <= out.length) out.set(value);
    return value.length;
  },

  sonaPut(handle, key, length, value, size, expires) {
    const sona = open.get(handle);
    if (sona === undefined || !isMemory(key) || !isMemory(value) || !isTime(expires)) return SONA.argument;
    if (!isWhole(length) || length > key.length || !isWhole(size) || size > value.length)
      return SONA.argument;
    if (length === 0 || length > MAX_KEY_BYTES) return 0;
    return sona.store.put(key.subarray(0, length), value.subarray(0, size), expires) ? 1 : 0;
  },

  sonaRemove(handle, key, length) {
    const sona = open.get(handle);
    if (sona === undefined || !isMemory(key) || !isWhole(length) || length > key.length) return SONA.argument;
    return sona.store.remove(key.subarray(0, length)) ? 1 : 0;
  },
};

/** Canonical text of raw params; undefined for what is not JSON in UTF-8 without half surrogate pairs, or too deep. */
function canonicalOf(params: Uint8Array): string | undefined {
  if (params.length === 0) return '{}';
  try {
    const text = strict.decode(params);
    const value = JSON.parse(text) as JsonValue;
    return hasHalfPair(text) ? undefined : canonicalText(value, MAX_CANONICAL_DEPTH);
  } catch {
    return undefined;
  }
}

/** True when a `\u` escape of JSON text is half a surrogate pair. */
function hasHalfPair(text: string): boolean {
  if (!/\\u[dD][89a-fA-F]/.test(text)) return false;
  let high = false;
  // Every escape in order: a backslash that is itself escaped begins none. Whatever stands between two ends a pair.
  for (const match of text.matchAll(/\\u([0-9a-fA-F]{4})|\\.|[^\\]+/g)) {
    const code = Number.parseInt(match[1] ?? '0', 16);
    if (high !== (code >= 0xdc00 && code <= 0xdfff)) return true;
    high = code >= 0xd800 && code <= 0xdbff;
  }
  return high;
}

function isMemory(value: unknown): value is Uint8Array {
  return types.isUint8Array(value) && !isShared(value.buffer);
}

/** Another thread may change shared memory between two reads. */
function isShared(buffer: ArrayBufferLike): boolean {
  return buffer instanceof SharedArrayBuffer;
}

function overlap(one: Uint8Array, other: Uint8Array | Uint32Array): boolean {
  return (
    one.buffer === other.buffer &&
    one.byteOffset < other.byteOffset + other.byteLength &&
    other.byteOffset < one.byteOffset + one.byteLength
  );
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
