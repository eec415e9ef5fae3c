/**
 * Tokens of the scanner: strings, numbers, literals, straight on the bytes. Each function returns the index after what it
 * read, or -1 with {@link stop} filled; there are no objects, so that a scan allocates nothing.
 */
import { STATUS } from './port.ts';

/** Where and why the scan ends. */
export const stop = { status: 0, offset: 0 };

/** What the last string was made of. */
export const token = {
  escaped: false,
  ascii: true,
  /** First control character, raw or escaped, or {@link NOWHERE}. */
  control: 0,
  /** First escape of a lone surrogate, or {@link NOWHERE}. */
  surrogate: 0,
  /** The last number had neither fraction nor exponent. */
  integer: false,
};

export const NOWHERE = 0xffffffff;

/** 1: the byte ends a plain run of string text (quote, backslash, control, DEL, non-ASCII). */
const SPECIAL = new Uint8Array(256);
/** Value of a hexadecimal digit, 16 for every other byte. */
const HEX = new Uint8Array(256).fill(16);
for (let byte = 0; byte < 256; byte++) {
  if (byte < 0x20 || byte === 0x22 || byte === 0x5c || byte >= 0x7f) SPECIAL[byte] = 1;
  const digit = Number.parseInt(String.fromCharCode(byte), 16);
  if (!Number.isNaN(digit)) HEX[byte] = digit;
}

/** What the letter of a short escape stands for. */
const SHORT = Uint8Array.from({ length: 256 }, (_, letter) => letter);
for (const [letter, code] of Object.entries({ b: 8, f: 12, n: 10, r: 13, t: 9 }))
  SHORT[letter.charCodeAt(0)] = code;

export function fail(status: number, offset: number): -1 {
  stop.status = status;
  stop.offset = offset;
  return -1;
}

/** The error for a byte that cannot stand at `pos`, or for the end of the text. */
export function badByte(bytes: Uint8Array, pos: number, end: number): -1 {
  if (pos >= end) return fail(STATUS.syntax, end);
  const broken = (bytes[pos] as number) >= 0x80 && sequenceLength(bytes, pos, end) === 0;
  return fail(broken ? STATUS.utf8 : STATUS.syntax, pos);
}

/** Length of the UTF-8 sequence of a non-ASCII character at `pos`, 0 when it is not sound (Unicode, table 3-7). */
function sequenceLength(bytes: Uint8Array, pos: number, end: number): number {
  const first = bytes[pos] as number;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first < 0xc2 || first > 0xf4 || pos + length > end) return 0;
  const second = bytes[pos + 1] as number;
  let low = 0x80;
  let high = 0xbf;
  if (first === 0xe0) low = 0xa0;
  else if (first === 0xed) high = 0x9f;
  else if (first === 0xf0) low = 0x90;
  else if (first === 0xf4) high = 0x8f;
  if (second < low || second > high) return 0;
  if (length > 2 && ((bytes[pos + 2] as number) & 0xc0) !== 0x80) return 0;
  if (length > 3 && ((bytes[pos + 3] as number) & 0xc0) !== 0x80) return 0;
  return length;
}

function isPlain4(bytes: Uint8Array, pos: number): boolean {
  return (
    ((SPECIAL[bytes[pos] as number] as number) |
      (SPECIAL[bytes[pos + 1] as number] as number) |
      (SPECIAL[bytes[pos + 2] as number] as number) |
      (SPECIAL[bytes[pos + 3] as number] as number)) ===
    0
  );
}

/** Scans the string whose opening quote is at `open`; fills {@link token}. */
export function scanString(bytes: Uint8Array, open: number, end: number): number {
  token.escaped = false;
  token.ascii = true;
  token.control = NOWHERE;
  token.surrogate = NOWHERE;
  let pos = open + 1;
  for (;;) {
    while (pos + 4 <= end && isPlain4(bytes, pos)) pos += 4;
    while (pos < end && SPECIAL[bytes[pos] as number] === 0) pos++;
    if (pos >= end) return fail(STATUS.syntax, end);
    const byte = bytes[pos] as number;
    if (byte === 0x22) return pos + 1;
    if (byte === 0x5c) {
      token.escaped = true;
      pos = scanEscape(bytes, pos, end);
      if (pos < 0) return -1;
    } else if (byte >= 0x80) {
      token.ascii = false;
      const length = sequenceLength(bytes, pos, end);
      if (length === 0) return fail(STATUS.utf8, pos);
      pos += length;
    } else if (byte === 0x7f) {
      if (token.control === NOWHERE) token.control = pos;
      pos++;
    } else {
      return fail(STATUS.syntax, pos);
    }
  }
}

/** Scans the escape at `pos`. */
function scanEscape(bytes: Uint8Array, pos: number, end: number): number {
  if (pos + 1 >= end) return badByte(bytes, pos + 1, end);
  switch (bytes[pos + 1]) {
    case 0x22:
    case 0x5c:
    case 0x2f:
      return pos + 2;
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      if (token.control === NOWHERE) token.control = pos;
      return pos + 2;
    case 0x75:
      break;
    default:
      return badByte(bytes, pos + 1, end);
  }
  const unit = hex4(bytes, pos + 2, end);
  if (unit < 0) return badByte(bytes, -unit, end);
  if (unit < 0x20 || unit === 0x7f) {
    if (token.control === NOWHERE) token.control = pos;
  } else if (unit >= 0xd800 && unit <= 0xdfff) {
    if (unit < 0xdc00 && isLowSurrogate(bytes, pos + 6, end)) return pos + 12;
    if (token.surrogate === NOWHERE) token.surrogate = pos;
  }
  return pos + 6;
}

/** Four hexadecimal digits at `pos`, or the negated index of the first byte that is none. */
function hex4(bytes: Uint8Array, pos: number, end: number): number {
  let unit = 0;
  for (let at = pos; at < pos + 4; at++) {
    const digit = at < end ? (HEX[bytes[at] as number] as number) : 16;
    if (digit === 16) return -at;
    unit = (unit << 4) | digit;
  }
  return unit;
}

function isLowSurrogate(bytes: Uint8Array, pos: number, end: number): boolean {
  if (pos + 6 > end || bytes[pos] !== 0x5c || bytes[pos + 1] !== 0x75) return false;
  const unit = hex4(bytes, pos + 2, end);
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function skipDigits(bytes: Uint8Array, pos: number, end: number): number {
  while (pos < end) {
    const byte = bytes[pos] as number;
    if (byte < 0x30 || byte > 0x39) break;
    pos++;
  }
  return pos;
}

function numberFailure(bytes: Uint8Array, start: number, pos: number, end: number, limit: number): -1 {
  return pos - start > limit ? fail(STATUS.number, start) : badByte(bytes, pos, end);
}

/** Scans the number at `start`; fills `token.integer`. */
export function scanNumber(bytes: Uint8Array, start: number, end: number, limit: number): number {
  // The window is one longer than the limit: whoever fills it is too long, whatever follows.
  const window = Math.min(end, start + limit + 1);
  let pos = start;
  if (pos < window && bytes[pos] === 0x2d) pos++;
  if (pos < window && bytes[pos] === 0x30) {
    pos++;
  } else {
    const digits = pos;
    pos = skipDigits(bytes, pos, window);
    if (pos === digits) return numberFailure(bytes, start, pos, end, limit);
  }
  token.integer = true;
  if (pos < window && bytes[pos] === 0x2e) {
    token.integer = false;
    const digits = pos + 1;
    pos = skipDigits(bytes, digits, window);
    if (pos === digits) return numberFailure(bytes, start, pos, end, limit);
  }
  if (pos < window && ((bytes[pos] as number) | 0x20) === 0x65) {
    token.integer = false;
    pos++;
    if (pos < window && (bytes[pos] === 0x2b || bytes[pos] === 0x2d)) pos++;
    const digits = pos;
    pos = skipDigits(bytes, pos, window);
    if (pos === digits) return numberFailure(bytes, start, pos, end, limit);
  }
  return pos - start > limit ? fail(STATUS.number, start) : pos;
}

const TRUE = Uint8Array.from(Buffer.from('true'));
const FALSE = Uint8Array.from(Buffer.from('false'));
const NULL = Uint8Array.from(Buffer.from('null'));

/** Scans `true`, `false` or `null`, whose first byte stands at `start`. */
export function scanLiteral(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start];
  const word = first === 0x74 ? TRUE : first === 0x66 ? FALSE : NULL;
  for (let at = 0; at < word.length; at++) {
    if (start + at >= end || bytes[start + at] !== word[at]) return badByte(bytes, start + at, end);
  }
  return start + word.length;
}

/** Memory for decoded keys that is kept between scans. */
const KEPT = new Uint8Array(256);
/** The bytes {@link decodeEscaped} has decoded last; the next call writes over them. */
export let decoded: Uint8Array = KEPT;

/** Lets go of the memory that a long key has needed. */
export function releaseDecoded(): void {
  decoded = KEPT;
}

/**
 * Decodes the inside of a scanned string that has escapes into {@link decoded}, as UTF-8, and returns its length. Lone
 * surrogates become their three-byte form, which no sound text has.
 */
export function decodeEscaped(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > decoded.length) decoded = new Uint8Array(2 * (end - start));
  const out = decoded;
  let length = 0;
  let pos = start;
  while (pos < end) {
    const byte = bytes[pos++] as number;
    if (byte !== 0x5c) {
      out[length++] = byte;
      continue;
    }
    const kind = bytes[pos++] as number;
    if (kind !== 0x75) {
      out[length++] = SHORT[kind] as number;
      continue;
    }
    let point = hex4(bytes, pos, end);
    pos += 4;
    if (point >= 0xd800 && point <= 0xdbff && isLowSurrogate(bytes, pos, end)) {
      point = 0x10000 + ((point - 0xd800) << 10) + (hex4(bytes, pos + 2, end) - 0xdc00);
      pos += 6;
    }
    length = pushPoint(out, length, point);
  }
  return length;
}

function pushPoint(out: Uint8Array, length: number, point: number): number {
  let at = length;
  if (point < 0x80) {
    out[at++] = point;
    return at;
  }
  if (point < 0x800) {
    out[at++] = 0xc0 | (point >> 6);
  } else {
    if (point < 0x10000) {
      out[at++] = 0xe0 | (point >> 12);
    } else {
      out[at++] = 0xf0 | (point >> 18);
      out[at++] = 0x80 | ((point >> 12) & 0x3f);
    }
    out[at++] = 0x80 | ((point >> 6) & 0x3f);
  }
  out[at++] = 0x80 | (point & 0x3f);
  return at;
}
