/**
 * Duplicate keys of the tracked objects. A few keys are compared pairwise in fixed memory; more of them go to a hash
 * table whose function has a secret seed, so that neither their number nor their choice makes the search slower than
 * linear.
 */
import { randomBytes } from 'node:crypto';

/** Keys compared pairwise before the table takes over. */
const SMALL = 24;

const places = new Uint8Array(SMALL);
const starts = new Uint32Array(SMALL);
const ends = new Uint32Array(SMALL);
let count = 0;
/** One bit per fingerprint of the keys above. */
let filter = 0;
let table: KeyTable | undefined;

export function clearKeys(): void {
  count = 0;
  filter = 0;
  table = undefined;
}

/** Adds the key `bytes[start, end)`, which has no escapes; false when `place` already has it. */
export function addKey(place: number, bytes: Uint8Array, start: number, end: number): boolean {
  if (table !== undefined) return table.add(place, bytes, start, end);
  const length = end - start;
  const first = length === 0 ? 0 : (bytes[start] as number);
  const last = length === 0 ? 0 : (bytes[end - 1] as number);
  const bit = 1 << ((first ^ (last << 1) ^ (length << 2) ^ (place << 3)) & 31);
  if ((filter & bit) !== 0) {
    for (let i = 0; i < count; i++) {
      if (places[i] !== place) continue;
      if (sameBytes(bytes, starts[i] as number, ends[i] as number, bytes, start, end)) return false;
    }
  }
  if (count === SMALL) return moveToTable(bytes).add(place, bytes, start, end);
  places[count] = place;
  starts[count] = start;
  ends[count] = end;
  count++;
  filter |= bit;
  return true;
}

/** Adds the key `key[0, length)`, which had escapes in the message `bytes`; false when `place` already has it. */
export function addDecodedKey(place: number, bytes: Uint8Array, key: Uint8Array, length: number): boolean {
  return moveToTable(bytes).add(place, key, 0, length);
}

function moveToTable(bytes: Uint8Array): KeyTable {
  if (table !== undefined) return table;
  const created = new KeyTable(bytes);
  for (let i = 0; i < count; i++) {
    created.add(places[i] as number, bytes, starts[i] as number, ends[i] as number);
  }
  table = created;
  return created;
}

function sameBytes(
  left: Uint8Array,
  leftStart: number,
  leftEnd: number,
  right: Uint8Array,
  rightStart: number,
  rightEnd: number,
): boolean {
  const length = leftEnd - leftStart;
  if (length !== rightEnd - rightStart) return false;
  for (let i = 0; i < length; i++) {
    if (left[leftStart + i] !== right[rightStart + i]) return false;
  }
  return true;
}

const seed = randomBytes(8);
const SEED_0 = seed.readInt32LE(0);
const SEED_1 = seed.readInt32LE(4);

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/** HalfSipHash-1-3 of the place and the bytes. */
function keyHash(place: number, bytes: Uint8Array, start: number, end: number): number {
  let v0 = SEED_0;
  let v1 = SEED_1;
  let v2 = 0x6c796765 ^ SEED_0;
  let v3 = 0x74656462 ^ SEED_1;
  const length = end - start;
  // The last word has the length and the place on top of what is left of the bytes.
  const words = (length >> 2) + 1;
  for (let word = 0; word < words + 3; word++) {
    let input = 0;
    if (word < words - 1) {
      const at = start + word * 4;
      input =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
    } else if (word === words - 1) {
      input = ((length & 0x1f) << 27) | (place << 24);
      for (let i = 0; i < (length & 3); i++) input |= (bytes[start + word * 4 + i] as number) << (8 * i);
    } else if (word === words) {
      v2 ^= 0xff;
    }
    v3 ^= input;
    v0 = (v0 + v1) | 0;
    v1 = rotate(v1, 5) ^ v0;
    v0 = rotate(v0, 16);
    v2 = (v2 + v3) | 0;
    v3 = rotate(v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotate(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotate(v1, 13) ^ v2;
    v2 = rotate(v2, 16);
    v0 ^= input;
  }
  return v1 ^ v3;
}

/** Open addressing over growable arrays; lives for one scan only. */
class KeyTable {
  private readonly message: Uint8Array;
  private size = 0;
  private slots = new Int32Array(128);
  private hashes = new Int32Array(64);
  private places = new Uint8Array(64);
  private starts = new Uint32Array(64);
  private ends = new Uint32Array(64);
  /** 1: the key is in `decoded` and not in the message. */
  private isDecoded = new Uint8Array(64);
  private decoded = new Uint8Array(256);
  private decodedSize = 0;

  constructor(message: Uint8Array) {
    this.message = message;
  }

  /** Adds `bytes[start, end)`, copying it unless it stands in the message. */
  add(place: number, bytes: Uint8Array, start: number, end: number): boolean {
    const hash = keyHash(place, bytes, start, end);
    if (this.size === this.hashes.length) this.grow();
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (let entry = this.slots[slot] as number; entry !== 0; entry = this.slots[slot] as number) {
      const index = entry - 1;
      if (this.hashes[index] === hash && this.places[index] === place) {
        const known = this.isDecoded[index] === 1 ? this.decoded : this.message;
        const knownStart = this.starts[index] as number;
        if (sameBytes(known, knownStart, this.ends[index] as number, bytes, start, end)) return false;
      }
      slot = (slot + 1) & mask;
    }
    const index = this.size++;
    const isOurs = bytes !== this.message;
    const at = isOurs ? this.keep(bytes, start, end) : start;
    this.hashes[index] = hash;
    this.places[index] = place;
    this.starts[index] = at;
    this.ends[index] = at + end - start;
    this.isDecoded[index] = isOurs ? 1 : 0;
    this.slots[slot] = this.size;
    return true;
  }

  /** Copies a key, whose memory is used anew for the next one. */
  private keep(bytes: Uint8Array, start: number, end: number): number {
    const at = this.decodedSize;
    this.decodedSize += end - start;
    if (this.decodedSize > this.decoded.length) {
      this.decoded = widened(this.decoded, new Uint8Array(2 * this.decodedSize));
    }
    for (let i = start; i < end; i++) this.decoded[at + i - start] = bytes[i] as number;
    return at;
  }

  private grow(): void {
    const capacity = this.size * 2;
    this.hashes = widened(this.hashes, new Int32Array(capacity));
    this.places = widened(this.places, new Uint8Array(capacity));
    this.starts = widened(this.starts, new Uint32Array(capacity));
    this.ends = widened(this.ends, new Uint32Array(capacity));
    this.isDecoded = widened(this.isDecoded, new Uint8Array(capacity));
    this.slots = new Int32Array(capacity * 2);
    const mask = this.slots.length - 1;
    for (let index = 0; index < this.size; index++) {
      let slot = (this.hashes[index] as number) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = index + 1;
    }
  }
}

function widened<T extends Int32Array | Uint32Array | Uint8Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
