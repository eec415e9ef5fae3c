/** Keys of cached results: the twin of `crates/sona/src/key.rs`, where the layout is told. */
import { canonicalParams } from '../core/canonical-json.ts';
import type { JsonObject } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import { ANONYMOUS, type Principal } from '../core/principal.ts';
import { META } from '../core/revisions.ts';
import { MAX_CANONICAL_DEPTH, MAX_KEY_BYTES } from '../native/sona-port.ts';

/** Everything a cached result depends on. */
export interface CacheQuery {
  /** Identity of what answers; changes when it is replaced. */
  readonly epoch: Uint8Array;
  /** Protocol revision of the answer, hence also its era. */
  readonly revision: string;
  readonly method: string;
  /** Tool name or URI. */
  readonly name: string;
  /** Bytes of {@link principalKey}; undefined for results declared public. */
  readonly principal: Uint8Array | undefined;
  readonly params: JsonObject;
}

const VERSION = 1;

/** Members of params that tie a request to others (2026-07-28, MRTR; 2025-11-25, tasks). */
const STATEFUL = ['inputResponses', 'requestState', 'task'];

/** True when a request must be answered by its handler: it goes on with an earlier one, or wants reports on the way. */
export function isUncacheable(params: JsonObject): boolean {
  for (const name of STATEFUL) if (params[name] !== undefined) return true;
  const meta = params['_meta'];
  return isJsonObject(meta) && (meta['progressToken'] !== undefined || meta[META.logLevel] !== undefined);
}

/** Params as they stand in a key; undefined when they are too deep. */
export function keyParams(params: JsonObject): string | undefined {
  return canonicalParams(params, MAX_CANONICAL_DEPTH);
}

/**
 * Writes the key of a request to `out` and returns its length; 0 for requests that have none: those that are
 * {@link isUncacheable}, too deep or too long.
 *
 * @param out At least {@link MAX_KEY_BYTES}.
 */
export function writeKey(query: CacheQuery, out: Buffer): number {
  const params = isUncacheable(query.params) ? undefined : keyParams(query.params);
  return params === undefined ? 0 : writeKeyOf(query, params, out);
}

/** As {@link writeKey}, with params that are canonical already. */
export function writeKeyOf(query: Omit<CacheQuery, 'params'>, params: string, out: Buffer): number {
  out[0] = VERSION;
  let end = putBytes(query.epoch, out, 1);
  end = putText(query.revision, out, end);
  end = putText(query.method, out, end);
  end = putText(query.name, out, end);
  if (end === 0 || end >= MAX_KEY_BYTES) return 0;
  out[end] = query.principal === undefined ? 0 : 1;
  end = putBytes(query.principal ?? NOBODY, out, end + 1);
  return putText(params, out, end);
}

const NOBODY = new Uint8Array(0);
const NOT_AUTHENTICATED: Uint8Array = Buffer.from(ANONYMOUS.id);

/** Writes length and bytes at `at`; returns the end, or 0 when they do not fit (or did not before). */
function putBytes(bytes: Uint8Array, out: Buffer, at: number): number {
  const start = at + 4;
  if (at === 0 || start + bytes.length > MAX_KEY_BYTES) return 0;
  out.writeUInt32LE(bytes.length, at);
  out.set(bytes, start);
  return start + bytes.length;
}

function putText(text: string, out: Buffer, at: number): number {
  const start = at + 4;
  if (at === 0 || start > MAX_KEY_BYTES) return 0;
  // A unit is at most three bytes; most texts need no exact count.
  if (text.length * 3 > MAX_KEY_BYTES - start && Buffer.byteLength(text) > MAX_KEY_BYTES - start) return 0;
  const length = out.write(text, start, 'utf8');
  out.writeUInt32LE(length, at);
  return start + length;
}

/**
 * Who asks, as it stands in keys: kind, id and scopes. A narrower token of the same user is someone else. Whoever is not
 * authenticated is `anonymous`, as in the native front.
 */
export function principalKey(principal: Principal): Uint8Array {
  const { kind, id, scopes } = principal;
  if (kind === ANONYMOUS.kind && id === ANONYMOUS.id && scopes.length === 0) return NOT_AUTHENTICATED;
  const parts = [kind, id, ...[...new Set(scopes)].sort()];
  return Buffer.from(parts.map((part) => `${part.length}:${part}`).join(''));
}
