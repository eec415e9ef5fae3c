/**
 * Reads an ECMA-262 pattern (the caller has already had V8 accept it) into a tree of code point sets, so that it can be
 * judged and handed to a linear-time engine without a change of meaning.
 */

/** Inclusive code point ranges, sorted and disjoint. */
export type Ranges = readonly (readonly [number, number])[];

export interface UnicodeProperty {
  /** As written between the braces, e.g. `L`, `Script=Greek`. */
  readonly name: string;
  readonly negated: boolean;
}

export type PatternNode =
  | {
      readonly kind: 'set';
      readonly ranges: Ranges;
      readonly properties: readonly UnicodeProperty[];
      readonly negated: boolean;
    }
  | { readonly kind: 'sequence'; readonly items: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly item: PatternNode; readonly min: number; readonly max: number }
  | { readonly kind: 'assertion'; readonly which: 'start' | 'end' | 'boundary' | 'inside' }
  | { readonly kind: 'lookahead'; readonly negated: boolean; readonly item: PatternNode };

export class PatternUnsupported extends Error {}

export const LAST_CODE_POINT = 0x10ffff;
const MAX_NESTING = 64;

const DIGIT: Ranges = [[0x30, 0x39]];
const WORD: Ranges = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]; // biome-ignore format: a table
const SPACE: Ranges = [[9, 13], [32, 32], [0xa0, 0xa0], [0x1680, 0x1680], [0x2000, 0x200a], [0x2028, 0x2029], [0x202f, 0x202f], [0x205f, 0x205f], [0x3000, 0x3000], [0xfeff, 0xfeff]]; // biome-ignore format: a table
const LINE_END: Ranges = [[10, 10], [13, 13], [0x2028, 0x2029]]; // biome-ignore format: a table
const CONTROL: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

export function normalizeRanges(ranges: Ranges): Ranges {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

export function complementRanges(ranges: Ranges): Ranges {
  const result: [number, number][] = [];
  let next = 0;
  for (const [from, to] of normalizeRanges(ranges)) {
    if (from > next) result.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= LAST_CODE_POINT) result.push([next, LAST_CODE_POINT]);
  return result;
}

function set(ranges: Ranges): PatternNode {
  return { kind: 'set', ranges: normalizeRanges(ranges), properties: [], negated: false };
}

/** What an escape stands for inside or outside a class. */
type Escape = { readonly ranges: Ranges; readonly single: boolean } | { readonly property: UnicodeProperty };

class Reader {
  readonly #text: string;
  #at = 0;
  #nesting = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw new PatternUnsupported('unbalanced parenthesis');
    return node;
  }

  #peek(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#at += text.length;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found !== null) this.#at = pattern.lastIndex;
    return found;
  }

  #codePoint(): number {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw new PatternUnsupported('unexpected end');
    this.#at += code > 0xffff ? 2 : 1;
    return code;
  }

  #choice(): PatternNode {
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) throw new PatternUnsupported('groups are nested too deeply');
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    this.#nesting -= 1;
    const [only] = options;
    return options.length === 1 && only !== undefined ? only : { kind: 'choice', options };
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = [];
    while (this.#at < this.#text.length && !this.#peek('|') && !this.#peek(')')) {
      const atom = this.#atom();
      items.push(this.#quantified(atom));
    }
    return { kind: 'sequence', items };
  }

  #quantified(item: PatternNode): PatternNode {
    let min: number;
    let max: number;
    if (this.#take('*')) [min, max] = [0, Number.POSITIVE_INFINITY];
    else if (this.#take('+')) [min, max] = [1, Number.POSITIVE_INFINITY];
    else if (this.#take('?')) [min, max] = [0, 1];
    else {
      const braces = this.#match(/\{(\d+)(?:(,)(\d*))?\}/y);
      if (braces === null) return item;
      min = Number(braces[1]);
      max = braces[2] === undefined ? min : braces[3] === '' ? Number.POSITIVE_INFINITY : Number(braces[3]);
    }
    // Greedy or lazy changes what is captured, never whether there is a match.
    this.#take('?');
    return { kind: 'repeat', item, min, max };
  }

  #atom(): PatternNode {
    if (this.#take('^')) return { kind: 'assertion', which: 'start' };
    if (this.#take('$')) return { kind: 'assertion', which: 'end' };
    if (this.#take('.')) return set(complementRanges(LINE_END));
    if (this.#take('[')) return this.#class();
    if (this.#take('(')) return this.#group();
    if (this.#take('\\b')) return { kind: 'assertion', which: 'boundary' };
    if (this.#take('\\B')) return { kind: 'assertion', which: 'inside' };
    if (this.#take('\\')) {
      if (this.#match(/[1-9k]/y) !== null) throw new PatternUnsupported('back-references');
      const escaped = this.#escape();
      return 'ranges' in escaped
        ? set(escaped.ranges)
        : { kind: 'set', ranges: [], properties: [escaped.property], negated: false };
    }
    const code = this.#codePoint();
    return set([[code, code]]);
  }

  #group(): PatternNode {
    let negated: boolean | undefined;
    if (this.#take('?=')) negated = false;
    else if (this.#take('?!')) negated = true;
    else if (this.#peek('?<=') || this.#peek('?<!')) throw new PatternUnsupported('look-behind');
    else if (!this.#take('?:') && this.#match(/\?<[^>]*>/y) === null && this.#peek('?')) {
      throw new PatternUnsupported('group modifiers');
    }
    const item = this.#choice();
    if (!this.#take(')')) throw new PatternUnsupported('unbalanced parenthesis');
    return negated === undefined ? item : { kind: 'lookahead', negated, item };
  }

  /** After the backslash. */
  #escape(): Escape {
    const property = this.#match(/([pP])\{([^}]+)\}/y);
    if (property !== null) return { property: { name: property[2] ?? '', negated: property[1] === 'P' } };
    const single = (code: number): Escape => ({ ranges: [[code, code]], single: true });
    const pair = this.#match(/u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})/y);
    if (pair !== null) {
      return single(
        ((Number.parseInt(pair[1] ?? '', 16) - 0xd800) << 10) +
          Number.parseInt(pair[2] ?? '', 16) -
          0xdc00 +
          0x10000,
      );
    }
    const hex = this.#match(/u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})/y);
    if (hex !== null) return single(Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16));
    const control = this.#match(/c([a-zA-Z])/y);
    if (control !== null) return single((control[1] ?? '').charCodeAt(0) % 32);
    const letter = this.#codePoint();
    switch (String.fromCodePoint(letter)) {
      case 'd':
        return { ranges: DIGIT, single: false };
      case 'D':
        return { ranges: complementRanges(DIGIT), single: false };
      case 'w':
        return { ranges: WORD, single: false };
      case 'W':
        return { ranges: complementRanges(WORD), single: false };
      case 's':
        return { ranges: SPACE, single: false };
      case 'S':
        return { ranges: complementRanges(SPACE), single: false };
      case '0':
        return single(0);
      default:
        return single(CONTROL[String.fromCodePoint(letter)] ?? letter);
    }
  }

  /** After the opening bracket. */
  #class(): PatternNode {
    const negated = this.#take('^');
    const ranges: (readonly [number, number])[] = [];
    const properties: UnicodeProperty[] = [];
    while (!this.#take(']')) {
      const from = this.#classAtom();
      if (!('ranges' in from)) {
        properties.push(from.property);
        continue;
      }
      const low = from.single ? from.ranges[0]?.[0] : undefined;
      const dash = this.#at;
      if (low !== undefined && this.#take('-') && !this.#peek(']')) {
        const to = this.#classAtom();
        const high = 'ranges' in to && to.single ? to.ranges[0]?.[1] : undefined;
        if (high !== undefined && high >= low) {
          ranges.push([low, high]);
          continue;
        }
      }
      this.#at = low === undefined ? this.#at : dash;
      ranges.push(...from.ranges);
    }
    return { kind: 'set', ranges: normalizeRanges(ranges), properties, negated };
  }

  #classAtom(): Escape {
    if (this.#take('\\b')) return { ranges: [[8, 8]], single: true };
    if (this.#take('\\')) return this.#escape();
    const code = this.#codePoint();
    return { ranges: [[code, code]], single: true };
  }
}

/**
 * @throws PatternUnsupported for back-references, look-behind, modifiers and absurd nesting.
 */
export function readPattern(text: string): PatternNode {
  return new Reader(text).read();
}
