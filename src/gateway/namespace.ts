/**
 * Names under which tools and prompts of an upstream are offered: `<prefix>__<name>`.
 *
 * A name is a function of the upstream's own name and the tool's name, of nothing else: it does not depend on which
 * other upstreams exist or on who started first. It is injective (two different pairs never share a name, up to
 * collisions of a 50-bit hash inside one upstream) because
 * - a prefix has no `__` and does not end in `_`, so the first `__` of a name ends the prefix, whatever follows;
 * - names that had to be changed end in a mark plus hash, and names that merely look so are changed as well.
 *
 * Names keep to `[A-Za-z0-9_-]{1,64}`, which the strictest clients accept.
 */
import { createHash } from 'node:crypto';

export const SEPARATOR = '__';
/** Characters a name may have for the strictest clients; the specification allows 128. */
export const MAX_NAME = 64;
export const MAX_PREFIX = 24;

const PLAIN_PREFIX = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;
const HASHED_PREFIX = /-x[0-9a-v]{6}$/;
const PLAIN_NAME = /^[A-Za-z0-9_-]+$/;
const HASHED_NAME = /_x[0-9a-v]{10}$/;
const PREFIX_HASH = 6;
const NAME_HASH = 10;

/** The prefix of an upstream; letters, digits, `-` and single `_`. */
export function upstreamPrefix(name: string): string {
  if (
    name.length <= MAX_PREFIX &&
    PLAIN_PREFIX.test(name) &&
    !name.includes(SEPARATOR) &&
    !name.endsWith('_') &&
    !HASHED_PREFIX.test(name)
  ) {
    return name;
  }
  const readable = name
    .replace(/[^A-Za-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, MAX_PREFIX - PREFIX_HASH - 2);
  return `${readable === '' ? 'u' : readable}-x${hash(name, PREFIX_HASH)}`;
}

/** The name under which `name` of the upstream with `prefix` is offered. */
export function offeredName(prefix: string, name: string): string {
  const room = MAX_NAME - prefix.length - SEPARATOR.length;
  if (name.length <= room && PLAIN_NAME.test(name) && !HASHED_NAME.test(name)) {
    return `${prefix}${SEPARATOR}${name}`;
  }
  const readable = name.replace(/[^A-Za-z0-9_-]/gu, '_').slice(0, room - NAME_HASH - 2);
  return `${prefix}${SEPARATOR}${readable}_x${hash(name, NAME_HASH)}`;
}

/** Lower-case base 32 of a SHA-256. Lone surrogates count as what they are. */
function hash(text: string, length: number): string {
  const digest = createHash('sha256').update(Buffer.from(text, 'utf16le')).digest();
  let value = digest.readBigUInt64BE(0);
  let result = '';
  for (let index = 0; index < length; index += 1) {
    result += (value & 31n).toString(32);
    value >>= 5n;
  }
  return result;
}
