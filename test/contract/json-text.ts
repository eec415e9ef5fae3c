/** Random JSON texts in many spellings, from a seed: faster than an arbitrary, so that very many can be compared. */

/** A stream of numbers in [0, 1) (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const CHARACTERS = [
  'a',
  'b',
  'Z',
  '0',
  ' ',
  '_',
  '/',
  '\u007f',
  'é',
  '\u2028',
  '\u2029',
  '\ufeff',
  '퟿',
  '\ue000',
  '\uffff',
  '😀',
  '𐀀',
  '\u{10ffff}',
];
const ESCAPES = [
  '\\"',
  '\\\\',
  '\\/',
  '\\b',
  '\\f',
  '\\n',
  '\\r',
  '\\t',
  '\\u0000',
  '\\u001F',
  '\\u0061',
  '\\u00e9',
  '\\u20AC',
  '\\ud83d\\ude00',
  '\\uDBFF\\uDFFF',
  '\\uFFFF',
  '\\\\ud800',
];
const NUMBERS = [
  '0',
  '-0',
  '-0.0',
  '0e9',
  '1',
  '-1',
  '1.0',
  '1.50',
  '10e-1',
  '1E+2',
  '100',
  '9007199254740991',
  '9007199254740993',
  '-9007199254740993',
  '12345678901234567890123',
  '1e21',
  '1e20',
  '999999999999999',
  '1000000000000000',
  '1e-6',
  '1e-7',
  '5e-324',
  '2e-324',
  '1e400',
  '-1e400',
  '1.7976931348623157e308',
  '0.1',
  '0.30000000000000004',
];
const KEYS = [
  '"a"',
  '"b"',
  '"_meta"',
  '"\\u0061"',
  '"__proto__"',
  '"constructor"',
  '"1"',
  '"10"',
  '"2"',
  '""',
];

/** One JSON text; `depth` bounds its nesting. */
export function jsonText(random: () => number, depth: number): string {
  const below = (count: number): number => Math.floor(random() * count);
  const pick = (from: readonly string[]): string => from[below(from.length)] ?? '';
  const gap = (): string => (random() < 0.8 ? '' : pick([' ', '\n', '\r\n', '\t ']));
  const string = (): string =>
    `"${Array.from({ length: below(6) }, () => (random() < 0.7 ? pick(CHARACTERS) : pick(ESCAPES))).join('')}"`;
  const number = (): string => {
    if (random() < 0.5) return pick(NUMBERS);
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, below(2 ** 32));
    view.setUint32(4, below(2 ** 32));
    const value = view.getFloat64(0);
    return Number.isFinite(value) ? (random() < 0.5 ? String(value) : value.toExponential(below(18))) : '7';
  };
  const value = (left: number): string => {
    const kind = left === 0 ? below(4) : below(7);
    if (kind === 0) return pick(['true', 'false', 'null']);
    if (kind === 1) return string();
    if (kind <= 3) return number();
    if (kind === 4) return `[${gap()}${list(() => value(left - 1))}${gap()}]`;
    return object(left - 1);
  };
  const list = (item: () => string): string =>
    Array.from({ length: below(5) }, item).join(`${gap()},${gap()}`);
  const object = (left: number): string => {
    const member = (): string => `${random() < 0.5 ? pick(KEYS) : string()}${gap()}:${gap()}${value(left)}`;
    return `{${gap()}${list(member)}${gap()}}`;
  };
  return random() < 0.9 ? object(depth) : value(depth);
}
