/**
 * The TypeScript twin of `crates/envelope`: the same single pass over the bytes, the same verdict, code, offset and
 * words for every input. Which error wins and what each of them means is told in that crate's documentation.
 */
import { types } from 'node:util';
import {
  checkMessage,
  clearFindings,
  ends,
  found,
  noteContent,
  noteString,
  SHAPE,
  shapes,
  starts,
  writeFailure,
} from './findings.ts';
import {
  badByte,
  decoded,
  decodeEscaped,
  fail,
  NOWHERE,
  releaseDecoded,
  scanLiteral,
  scanNumber,
  scanString,
  stop,
  token,
} from './json-tokens.ts';
import { addDecodedKey, addKey, clearKeys } from './key-index.ts';
import { PLACE, ROLE, roleOf } from './known-keys.ts';
import { FLAG, HEADER_WORDS, LIMIT_WORDS, STATUS, WORD } from './port.ts';

/** States of the loop: a value, a key, or what follows a value. */
const VALUE = 0;
const KEY = 1;
const AFTER = 2;

/** Open containers, 1 for an object; grows with the depth limit. */
let stack = new Uint8Array(256);
/** Places of the containers at depth 1 to 3, and roles of those opened at depth 0 to 2; deeper ones have neither. */
const places = new Uint8Array(4);
const openRoles = new Uint8Array(4);

/** See `NativePort.scanEnvelope`. */
export function scanEnvelope(
  body: Uint8Array,
  start: number,
  end: number,
  limits: Uint32Array,
  out: Uint32Array,
): number {
  if (!isSound(body, start, end, limits, out)) return STATUS.argument;
  clearFindings();
  clearKeys();
  for (let word = 0; word < HEADER_WORDS; word++) out[word] = 0;
  const result = scanText(body, start, end, limits, out);
  clearKeys();
  releaseDecoded();
  if (result === 0) return STATUS.accepted;
  if (stop.status !== STATUS.argument) writeFailure(out, stop.status, stop.offset);
  return stop.status;
}

/** Types and memory of `limits` and `out` as last found sound: callers use the same ones again and again. */
let knownLimits: unknown;
let knownOut: unknown;
let outMemory: ArrayBufferLike | undefined;

/** True when the arguments are what they should be: callers without types and detached buffers get here too. */
function isSound(
  body: Uint8Array,
  start: number,
  end: number,
  limits: Uint32Array,
  out: Uint32Array,
): boolean {
  if (!types.isUint8Array(body) || !Number.isInteger(start) || !Number.isInteger(end)) return false;
  if (start < 0 || start > end || end > body.length || end > 0xffffffff) return false;
  if (limits !== knownLimits) {
    if (!types.isUint32Array(limits) || isShared(limits.buffer)) return false;
    knownLimits = limits;
  }
  if (out !== knownOut) {
    if (!types.isUint32Array(out) || isShared(out.buffer)) return false;
    knownOut = out;
    outMemory = out.buffer;
  }
  // Lengths are looked at each time: memory can be detached in between.
  if (limits.length < LIMIT_WORDS || out.length < HEADER_WORDS) return false;
  const memory = body.buffer;
  if (isShared(memory)) return false;
  return (
    memory !== outMemory ||
    out.byteOffset >= body.byteOffset + body.byteLength ||
    body.byteOffset >= out.byteOffset + out.byteLength
  );
}

/** Another thread may change shared memory between two reads. */
function isShared(buffer: ArrayBufferLike): boolean {
  return buffer instanceof SharedArrayBuffer;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function skipSpace(bytes: Uint8Array, pos: number, end: number): number {
  while (pos < end && isSpace(bytes[pos] as number)) pos++;
  return pos;
}

/** Returns 0, or -1 with the reason in `stop`. */
function scanText(
  bytes: Uint8Array,
  from: number,
  end: number,
  limits: Uint32Array,
  out: Uint32Array,
): number {
  const maxDepth = limits[0] as number;
  const maxNodes = limits[1] as number;
  const maxNumber = limits[2] as number;
  let pos = skipSpace(bytes, from, end);
  if (pos >= end) return fail(STATUS.empty, end);
  const root = bytes[pos] as number;
  const isBatch = root === 0x5b;
  found.start = pos;

  let depth = 0;
  let nodes = 0;
  let place: number = PLACE.other;
  let role: number = ROLE.none;
  let elements = 0;
  let elementStart = 0;
  let state = VALUE;

  for (;;) {
    if (pos >= end || (bytes[pos] as number) <= 0x20) pos = skipSpace(bytes, pos, end);
    if (pos >= end) {
      if (state === AFTER && depth === 0) break;
      return fail(STATUS.syntax, end);
    }
    const byte = bytes[pos] as number;
    /** A value or a container has just ended. */
    let ended = false;

    if (state === VALUE) {
      if (nodes >= maxNodes) return fail(STATUS.nodes, pos);
      nodes++;
      if (isBatch && depth === 1) {
        if (elements >= (limits[5] as number)) return fail(STATUS.batchSize, pos);
        elementStart = pos;
      }
      if (byte === 0x7b || byte === 0x5b) {
        const isObject = byte === 0x7b;
        if (depth >= maxDepth) return fail(STATUS.depth, pos);
        if (depth < 3) {
          openRoles[depth] = role;
          if (role !== ROLE.none) {
            shapes[role] = isObject ? SHAPE.object : SHAPE.other;
            starts[role] = pos;
            ends[role] = pos;
          }
          place = isObject ? placeWithin(place, role, depth) : PLACE.other;
          places[depth + 1] = place;
        } else {
          if (role !== ROLE.none) shapes[role] = isObject ? SHAPE.object : SHAPE.other;
          place = PLACE.other;
        }
        role = ROLE.none;
        if (depth >= stack.length) growStack();
        stack[depth] = isObject ? 1 : 0;
        depth++;
        pos++;
        if (pos < end && (bytes[pos] as number) <= 0x20) pos = skipSpace(bytes, pos, end);
        // An empty container ends in the state after a value, which knows how to close it.
        const closing = isObject ? 0x7d : 0x5d;
        if (pos < end && bytes[pos] === closing) state = AFTER;
        else state = isObject ? KEY : VALUE;
        continue;
      }
      let shape: number = SHAPE.other;
      const valueStart = pos;
      if (byte === 0x22) {
        pos = scanString(bytes, pos, end);
        if (pos < 0) return -1;
        shape = token.escaped ? SHAPE.escaped : SHAPE.text;
        if (!token.ascii) found.ascii = false;
        if (token.control !== NOWHERE || token.surrogate !== NOWHERE) {
          const named = role === ROLE.method || role === ROLE.name || role === ROLE.uri;
          noteString(token.control, token.surrogate, named);
          if (token.surrogate !== NOWHERE) shape = SHAPE.other;
        }
      } else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
        pos = scanNumber(bytes, pos, end, maxNumber);
        if (pos < 0) return -1;
        if (token.integer) shape = SHAPE.integer;
      } else if (byte === 0x74 || byte === 0x66 || byte === 0x6e) {
        pos = scanLiteral(bytes, pos, end);
        if (pos < 0) return -1;
        if (byte === 0x6e) shape = SHAPE.null;
      } else {
        return badByte(bytes, pos, end);
      }
      if (role !== ROLE.none) {
        shapes[role] = shape;
        starts[role] = valueStart;
        ends[role] = pos;
        role = ROLE.none;
      }
      ended = true;
    } else if (state === KEY) {
      if (byte !== 0x22) return badByte(bytes, pos, end);
      const keyStart = pos;
      pos = scanString(bytes, pos, end);
      if (pos < 0) return -1;
      if (!token.ascii) found.ascii = false;
      if (token.control !== NOWHERE || token.surrogate !== NOWHERE) {
        noteString(token.control, token.surrogate, true);
      }
      if (place !== PLACE.other) role = trackKey(bytes, place, keyStart, pos);
      if (pos >= end || bytes[pos] !== 0x3a) {
        pos = skipSpace(bytes, pos, end);
        if (pos >= end || bytes[pos] !== 0x3a) return badByte(bytes, pos, end);
      }
      pos++;
      state = VALUE;
    } else {
      if (depth === 0) return badByte(bytes, pos, end);
      const isObject = stack[depth - 1] === 1;
      if (byte === (isObject ? 0x7d : 0x5d)) {
        pos++;
        depth--;
        if (depth < 3) {
          const closed = openRoles[depth] as number;
          if (closed !== ROLE.none) ends[closed] = pos;
        }
        place = depth < 4 ? (places[depth] as number) : PLACE.other;
        ended = true;
      } else if (byte === 0x2c) {
        pos++;
        state = isObject ? KEY : VALUE;
      } else {
        return badByte(bytes, pos, end);
      }
    }

    if (ended) {
      state = AFTER;
      if (isBatch && depth === 1) {
        const word = WORD.elements + elements * 2;
        if (word + 1 < out.length) {
          out[word] = elementStart;
          out[word + 1] = pos;
        }
        elements++;
      }
    }
  }

  if (root === 0x7b) return checkMessage(bytes, limits, out);
  if (isBatch) {
    if (elements === 0) return fail(STATUS.batchEmpty, found.start);
    if (HEADER_WORDS + elements * 2 > out.length) return fail(STATUS.argument, 0);
    out[WORD.flags] = 3 | (found.ascii ? FLAG.ascii : 0);
    out[WORD.elementCount] = elements;
    return 0;
  }
  if (found.contentStatus !== 0) return fail(found.contentStatus, found.contentOffset);
  return fail(STATUS.type, found.start);
}

/** Place of the object that is the value of `role` in `place`. */
function placeWithin(place: number, role: number, depth: number): number {
  if (depth === 0) return PLACE.message;
  if (place === PLACE.message && role === ROLE.params) return PLACE.params;
  if (place === PLACE.params && role === ROLE.meta) return PLACE.meta;
  if (place === PLACE.params && role === ROLE.arguments) return PLACE.arguments;
  return PLACE.other;
}

/** Finds the role of the key `bytes[start, end)`, quotes included, and whether its object has it already. */
function trackKey(bytes: Uint8Array, place: number, start: number, end: number): number {
  let role: number;
  let fresh = true;
  if (token.escaped) {
    const length = decodeEscaped(bytes, start + 1, end - 1);
    role = roleOf(place, decoded, 0, length);
    if (found.contentStatus === 0) fresh = addDecodedKey(place, bytes, decoded, length);
  } else {
    role = roleOf(place, bytes, start + 1, end - 1);
    if (found.contentStatus === 0) fresh = addKey(place, bytes, start + 1, end - 1);
  }
  if (role === ROLE.id && shapes[ROLE.id] !== SHAPE.absent) found.duplicateId = true;
  if (!fresh) noteContent(STATUS.duplicateKey, start);
  return role;
}

function growStack(): void {
  const larger = new Uint8Array(stack.length * 2);
  larger.set(stack);
  stack = larger;
}
