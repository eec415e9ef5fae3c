import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFerroError } from '../../../src/core/errors.ts';
import { compilePattern } from '../../../src/protocol/schema/index.ts';

function codeOf(pattern: string): string {
  try {
    compilePattern(pattern);
    return 'none';
  } catch (error) {
    if (isFerroError(error)) return error.code;
    throw error;
  }
}

const SAMPLES = [
  ...[
    '',
    'a',
    'ab',
    'abc',
    'A1',
    '_',
    'é',
    'Ω',
    '😀',
    '\ud83d',
    ' ',
    '\t\u000b\n',
    '\u00a0\ufeff',
    '\u2028',
    '\r',
  ],
  ...[
    'a.b@example.com',
    '2026-01-31',
    'x-y_z',
    '{}',
    '[]',
    '\\',
    '/',
    '\0',
    '10',
    'aaaa!',
    'foo bar',
    'asc',
    'ascending',
  ],
];

const PATTERNS = [
  ...[
    '^[a-z0-9-]{1,63}$',
    '\\d{4}-\\d{2}-\\d{2}',
    '^\\S+$',
    '\\s',
    '[^\\s]',
    '^.$',
    '^[^]*$',
    '[]',
    '^[\\s\\S]{0,5000}$',
  ],
  ...[
    '^(asc|ascending)$',
    '\\bfoo\\b',
    '\\Boo',
    '^(a+)+$',
    '(a|a)*$',
    'a{2}',
    '^a{0,2}b?$',
    'a*?b',
    '(?<name>a)b',
  ],
  ...[
    '\\u0041',
    '\\u{1F600}',
    '\\uD83D\\uDE00',
    '^\\p{L}+$',
    '\\P{Lu}',
    '[\\p{Letter}_]',
    '\\p{Script=Greek}',
    '\\cJ',
    '\\0',
  ],
  ...[
    '[\\b]',
    '\\/',
    '\\.',
    '[.\\-_]',
    '^$',
    '$',
    '',
    '^(?!a)',
    '^(?=.*\\d)[A-Z]',
    '^(?!.*\\.\\.)[^@]+@[^@]+$',
    '\\xe9',
    '[\\w.-]+@',
  ],
];

describe('patterns', () => {
  it.each(PATTERNS)('%s means what ECMA-262 says', (pattern) => {
    const reference = new RegExp(pattern, 'u');
    const matcher = compilePattern(pattern);
    for (const text of SAMPLES) expect([text, matcher.test(text)]).toEqual([text, reference.test(text)]);
  });

  it('generated patterns mean what ECMA-262 says', () => {
    const atom = fc.oneof(
      fc.constantFrom(
        'a',
        'b',
        '.',
        '\\d',
        '\\w',
        '\\s',
        '\\W',
        '[ab]',
        '[^a]',
        '[a-c\\d]',
        '\\b',
        '😀',
        '[😀-😂]',
        '\\u00e9',
      ),
    );
    const quantifier = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,3}', '*?', '{0,2}');
    const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
      pattern: fc.oneof(
        { maxDepth: 3 },
        fc.tuple(atom, quantifier).map(([a, q]) => (a === '\\b' ? a : a + q)),
        fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => a + b),
        fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`),
        fc.tuple(tie('pattern'), quantifier).map(([a, q]) => `(${a})${q}`),
      ),
    }));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', ' ', '😀', 'é', '\n'), maxLength: 8 });
    const anchors = fc.constantFrom(['', ''], ['^', ''], ['', '$'], ['^', '$']);
    fc.assert(
      fc.property(
        pattern,
        anchors,
        fc.array(text, { minLength: 1, maxLength: 6 }),
        (body, [start, end], texts) => {
          const source = `${start}(?:${body})${end}`;
          const reference = new RegExp(source, 'u');
          const flat = new RegExp(`${start}${body}${end}`, 'u');
          const matcher = compilePattern(source);
          const flatMatcher = compilePattern(`${start}${body}${end}`);
          for (const item of texts) {
            expect(matcher.test(item)).toBe(reference.test(item));
            expect(flatMatcher.test(item)).toBe(flat.test(item));
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('accepts escapes that only the syntax without flag u allows', () => {
    expect(compilePattern('^[\\w-.]+\\-x\\_\\@$').test('a.b-x_@')).toBe(true);
    expect(compilePattern('a{,3}').test('a{,3}')).toBe(true);
  });

  it.each([
    ['(a)\\1'],
    ['(?<n>a)\\k<n>'],
    ['(?<=a)b'],
    ['(?<!a)b'],
    ['a(?=b)'],
    ['(?!a)b'],
    ['(a{500}){500}'],
    ['\\p{Emoji}'],
    [`${'('.repeat(70)}${')'.repeat(70)}`],
    ['a'.repeat(5_000)],
  ])('refuses %s', (pattern) => expect(codeOf(pattern)).toBe('SCHEMA_PATTERN'));

  it.each([['('], ['[z-a]'], ['a**']])('%s is no regular expression', (pattern) => {
    expect(codeOf(pattern)).toBe('SCHEMA_INVALID');
  });
});
