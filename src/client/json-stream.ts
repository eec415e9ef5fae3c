/**
 * A strict check of JSON text that arrives in pieces (RFC 8259): every byte is looked at once, nothing is kept but the
 * state. UTF-8 is checked by {@link Utf8Check}, which is faster apart.
 */

/** What a value is. */
export const SHAPE = { object: 0, array: 1, string: 2, number: 3, literal: 4 } as const;

/** Is told of the containers it wants to look into and of what is in them; offsets count from the first byte. */
export interface JsonObserver {
  /** A container begins. True: its members or items are to be told, too. */
  open(isObject: boolean, start: number): boolean;
  /** The container ends whose beginning was told last and that has not ended; `watched` as `open` said. */
  close(watched: boolean, end: number): void;
  /** A key with its quotes. */
  key(start: number, end: number, escaped: boolean): void;
  /** A string with its quotes, a number, or `true`, `false`, `null`. */
  scalar(shape: number, start: number, end: number, escaped: boolean): void;
}

const MODE = {
  value: 0,
  firstItem: 1,
  firstKey: 2,
  key: 3,
  colon: 4,
  after: 5,
  string: 6,
  escape: 7,
  hex: 8,
  number: 9,
  literal: 10,
  done: 11,
  broken: 12,
} as const;

/** Where a number stands; those from `zero` on are complete. */
const NUMBER = {
  minus: 0,
  point: 1,
  exponent: 2,
  sign: 3,
  zero: 4,
  integer: 5,
  fraction: 6,
  power: 7,
} as const;

/** Digits of an exponent, and characters of a number, beyond which it may become infinite for who parses it. */
const EXPONENT_DIGITS = 2;
const NUMBER_CHARS = 64;
/** Runs of text shorter than this are read byte by byte. */
const SHORT_RUN = 24;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

/** True for what ends a run of plain text: quote, backslash, control characters. */
const endsRun = (byte: number): boolean => byte < SPACE || byte === QUOTE || byte === BACKSLASH;

/** Mode after a backslash and this byte; 0: nothing may follow. */
const ESCAPES = new Uint8Array(256);
for (const character of '"\\/bfnrt') ESCAPES[character.charCodeAt(0)] = MODE.string;
ESCAPES[0x75] = MODE.hex;

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/** The piece whose words are at hand: making the view costs more than reading a short run. */
let viewed: Buffer | undefined;
let words: Int32Array = new Int32Array(0);
/** Offset in the piece of its first word. */
let wordsStart = 0;

function viewWords(bytes: Buffer): void {
  viewed = bytes;
  wordsStart = -bytes.byteOffset & 3;
  const count = Math.max(0, bytes.length - wordsStart) >> 2;
  words =
    count === 0 ? new Int32Array(0) : new Int32Array(bytes.buffer, bytes.byteOffset + wordsStart, count);
}

/** The view must not keep the last piece alive. */
function releaseWords(): void {
  viewed = undefined;
  words = new Int32Array(0);
}

/** First byte of `bytes[at, end)` that ends a run of plain text, or `end`. */
function runEnd(bytes: Buffer, at: number, end: number): number {
  let pos = at;
  const near = Math.min(end, at + SHORT_RUN);
  while (pos < near && !endsRun(bytes[pos] as number)) pos += 1;
  if (pos < near || pos === end) return pos;
  if (viewed !== bytes) viewWords(bytes);
  while (pos < end && ((pos - wordsStart) & 3) !== 0) {
    if (endsRun(bytes[pos] as number)) return pos;
    pos += 1;
  }
  const all = words;
  const count = all.length;
  let index = (pos - wordsStart) >> 2;
  // Four bytes at a time; the highest bit of a byte of `hits` is set when it is below 0x20, a quote or a backslash.
  for (; index < count; index += 1) {
    const word = all[index] as number;
    const quote = word ^ 0x22222222;
    const backslash = word ^ 0x5c5c5c5c;
    const hits =
      ((word - 0x20202020) & ~word) |
      ((quote - 0x01010101) & ~quote) |
      ((backslash - 0x01010101) & ~backslash);
    if ((hits & 0x80808080) !== 0) break;
  }
  pos = Math.max(pos, wordsStart + index * 4);
  while (pos < end && !endsRun(bytes[pos] as number)) pos += 1;
  return pos;
}

export class JsonStream {
  readonly #observer: JsonObserver;
  readonly #maxDepth: number;
  #mode: number = MODE.value;
  /** Bytes before the current piece. */
  #base = 0;
  /** Open containers, 1 for an object. */
  #stack = new Uint8Array(64);
  #depth = 0;
  /** How many of them, from the outermost, are watched. */
  #watched = 0;
  /** Of the token that is being read. */
  #tokenStart = 0;
  #isKey = false;
  #escaped = false;
  #hexLeft = 0;
  #number = 0;
  #exponentDigits = 0;
  #literal: Buffer = TRUE;
  #literalAt = 0;

  /** @param maxDepth containers that may be open at a time */
  constructor(observer: JsonObserver, maxDepth: number) {
    this.#observer = observer;
    this.#maxDepth = maxDepth;
  }

  /** False once the text is broken: nothing can make it whole again. */
  get sound(): boolean {
    return this.#mode !== MODE.broken;
  }

  /**
   * Reads on. Line breaks between tokens become spaces in `bytes` itself, so that what stands on one line stays there.
   */
  push(bytes: Buffer): void {
    const end = bytes.length;
    let pos = this.#resume(bytes, end);
    while (pos < end && this.#mode !== MODE.broken) {
      const byte = bytes[pos] as number;
      if (byte > SPACE) pos = this.#token(byte, bytes, pos, end);
      else if (byte === SPACE || byte === 0x09) pos += 1;
      else if (byte === LF || byte === CR) bytes[pos++] = SPACE;
      else this.#mode = MODE.broken;
    }
    this.#base += end;
    if (viewed !== undefined) releaseWords();
  }

  /** True when the text was one whole value. */
  finish(): boolean {
    // A number at the top needs something after it to be known as complete; nobody asks for one.
    return this.#mode === MODE.done;
  }

  /** Goes on with the token the last piece ended in. */
  #resume(bytes: Buffer, end: number): number {
    let pos = 0;
    if (this.#mode === MODE.escape && end > 0) pos = this.#escape(bytes, 0);
    if (this.#mode === MODE.hex) pos = this.#hex(bytes, pos, end);
    if (this.#mode === MODE.string) return this.#string(bytes, pos, end);
    if (this.#mode === MODE.number) return this.#numberPart(bytes, 0, end);
    if (this.#mode === MODE.literal) return this.#literalPart(bytes, 0, end);
    return pos;
  }

  /** Reads what begins with `byte`, which is no white space; returns where to go on. */
  #token(byte: number, bytes: Buffer, pos: number, end: number): number {
    switch (this.#mode) {
      case MODE.after:
        if (byte === 0x2c) this.#mode = this.#inObject() ? MODE.key : MODE.value;
        else if (byte === (this.#inObject() ? 0x7d : 0x5d)) this.#close(pos);
        else this.#mode = MODE.broken;
        return pos + 1;
      case MODE.colon:
        this.#mode = byte === 0x3a ? MODE.value : MODE.broken;
        return pos + 1;
      case MODE.firstKey:
      case MODE.key:
        if (byte === QUOTE) {
          this.#begin(MODE.string, pos, true);
          return this.#string(bytes, pos + 1, end);
        }
        if (byte === 0x7d && this.#mode === MODE.firstKey) this.#close(pos);
        else this.#mode = MODE.broken;
        return pos + 1;
      case MODE.firstItem:
        if (byte !== 0x5d) return this.#value(byte, bytes, pos, end);
        this.#close(pos);
        return pos + 1;
      case MODE.value:
        return this.#value(byte, bytes, pos, end);
      default:
        this.#mode = MODE.broken;
        return end;
    }
  }

  #value(byte: number, bytes: Buffer, pos: number, end: number): number {
    if (byte === QUOTE) {
      this.#begin(MODE.string, pos, false);
      return this.#string(bytes, pos + 1, end);
    }
    if (byte === 0x7b || byte === 0x5b) {
      this.#open(byte === 0x7b, pos);
      return pos + 1;
    }
    if (byte === 0x2d || isDigit(byte)) {
      this.#begin(MODE.number, pos, false);
      this.#number = byte === 0x2d ? NUMBER.minus : byte === 0x30 ? NUMBER.zero : NUMBER.integer;
      this.#exponentDigits = 0;
      return this.#numberPart(bytes, pos + 1, end);
    }
    const literal = byte === 0x74 ? TRUE : byte === 0x66 ? FALSE : byte === 0x6e ? NULL : undefined;
    if (literal === undefined) {
      this.#mode = MODE.broken;
      return end;
    }
    this.#begin(MODE.literal, pos, false);
    this.#literal = literal;
    this.#literalAt = 1;
    return this.#literalPart(bytes, pos + 1, end);
  }

  #begin(mode: number, pos: number, isKey: boolean): void {
    this.#mode = mode;
    this.#tokenStart = this.#base + pos;
    this.#isKey = isKey;
    this.#escaped = false;
  }

  #break(end: number): number {
    this.#mode = MODE.broken;
    return end;
  }

  #inObject(): boolean {
    return this.#stack[this.#depth - 1] === 1;
  }

  #open(isObject: boolean, pos: number): void {
    const depth = this.#depth;
    if (depth >= this.#maxDepth) {
      this.#mode = MODE.broken;
      return;
    }
    if (depth >= this.#stack.length) {
      const larger = new Uint8Array(this.#stack.length * 2);
      larger.set(this.#stack);
      this.#stack = larger;
    }
    if (depth === this.#watched && this.#observer.open(isObject, this.#base + pos)) this.#watched += 1;
    this.#stack[depth] = isObject ? 1 : 0;
    this.#depth = depth + 1;
    this.#mode = isObject ? MODE.firstKey : MODE.firstItem;
  }

  #close(pos: number): void {
    this.#depth -= 1;
    this.#mode = this.#depth === 0 ? MODE.done : MODE.after;
    if (this.#depth > this.#watched) return;
    const watched = this.#depth < this.#watched;
    this.#watched = this.#depth;
    this.#observer.close(watched, this.#base + pos + 1);
  }

  #string(bytes: Buffer, from: number, end: number): number {
    let pos = from;
    for (;;) {
      pos = runEnd(bytes, pos, end);
      if (pos === end) return end;
      const byte = bytes[pos] as number;
      if (byte === QUOTE) {
        this.#tokenEnded(SHAPE.string, this.#base + pos + 1);
        return pos + 1;
      }
      if (byte !== BACKSLASH) return this.#break(end);
      this.#escaped = true;
      this.#mode = MODE.escape;
      pos += 1;
      if (pos === end) return end;
      pos = this.#escape(bytes, pos);
      if (this.#mode === MODE.hex) pos = this.#hex(bytes, pos, end);
      if (this.#mode !== MODE.string) return pos;
    }
  }

  #escape(bytes: Buffer, pos: number): number {
    const meaning = ESCAPES[bytes[pos] as number] as number;
    if (meaning === 0) return this.#break(bytes.length);
    this.#mode = meaning;
    this.#hexLeft = 4;
    return pos + 1;
  }

  #hex(bytes: Buffer, from: number, end: number): number {
    let pos = from;
    while (pos < end && this.#hexLeft > 0) {
      if (!isHexDigit(bytes[pos] as number)) return this.#break(end);
      pos += 1;
      this.#hexLeft -= 1;
    }
    if (this.#hexLeft === 0) this.#mode = MODE.string;
    return pos;
  }

  #numberPart(bytes: Buffer, from: number, end: number): number {
    for (let pos = from; pos < end; pos += 1) {
      const next = this.#numberStep(bytes[pos] as number);
      if (next < 0) return this.#break(end);
      if (next === 0) {
        const stop = this.#base + pos;
        if (stop - this.#tokenStart > NUMBER_CHARS) return this.#break(end);
        this.#tokenEnded(SHAPE.number, stop);
        return pos;
      }
    }
    return end;
  }

  /** 1: `byte` belongs to the number; 0: the number ended before it; -1: it cannot end or go on like that. */
  #numberStep(byte: number): number {
    const state = this.#number;
    if (isDigit(byte)) {
      if (state === NUMBER.zero) return -1;
      if (state === NUMBER.minus) this.#number = byte === 0x30 ? NUMBER.zero : NUMBER.integer;
      else if (state === NUMBER.point) this.#number = NUMBER.fraction;
      else if (state === NUMBER.exponent || state === NUMBER.sign || state === NUMBER.power) {
        this.#number = NUMBER.power;
        this.#exponentDigits += 1;
        if (this.#exponentDigits > EXPONENT_DIGITS) return -1;
      }
      return 1;
    }
    if (byte === 0x2e && (state === NUMBER.zero || state === NUMBER.integer)) {
      this.#number = NUMBER.point;
      return 1;
    }
    const mayHaveExponent = state === NUMBER.zero || state === NUMBER.integer || state === NUMBER.fraction;
    if ((byte === 0x65 || byte === 0x45) && mayHaveExponent) {
      this.#number = NUMBER.exponent;
      return 1;
    }
    if ((byte === 0x2b || byte === 0x2d) && state === NUMBER.exponent) {
      this.#number = NUMBER.sign;
      // Small numbers are no danger.
      if (byte === 0x2d) this.#exponentDigits = -NUMBER_CHARS;
      return 1;
    }
    return state >= NUMBER.zero ? 0 : -1;
  }

  #literalPart(bytes: Buffer, from: number, end: number): number {
    let pos = from;
    const literal = this.#literal;
    while (pos < end && this.#literalAt < literal.length) {
      if (bytes[pos] !== literal[this.#literalAt]) return this.#break(end);
      pos += 1;
      this.#literalAt += 1;
    }
    if (this.#literalAt === literal.length) this.#tokenEnded(SHAPE.literal, this.#base + pos);
    return pos;
  }

  #tokenEnded(shape: number, end: number): void {
    const told = this.#depth === this.#watched;
    if (this.#isKey) {
      this.#mode = MODE.colon;
      if (told) this.#observer.key(this.#tokenStart, end, this.#escaped);
      return;
    }
    this.#mode = this.#depth === 0 ? MODE.done : MODE.after;
    if (told && this.#depth > 0) this.#observer.scalar(shape, this.#tokenStart, end, this.#escaped);
  }
}
