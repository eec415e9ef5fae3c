import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UriTemplate } from '../../../src/features/resources/uri-template.ts';

/** Values a variable may carry outside reserved expansion: no separators, no dot segments, no control characters. */
const value = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => !/[/\\?#\p{Cc}\p{Cs}]/u.test(text) && text !== '.' && text !== '..');

/** Expansion of one value (RFC 6570, 3.2.1), written independently of the product. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

type Shape = readonly [template: string, expand: (a: string, b: string) => string];
const SHAPES: readonly Shape[] = [
  ['x://h/{a}/{b}', (a, b) => `x://h/${a}/${b}`],
  ['x://h/{a,b}', (a, b) => `x://h/${a},${b}`],
  ['x://h{/a,b}', (a, b) => `x://h/${a}/${b}`],
  ['x://h{/a}/end{?b}', (a, b) => `x://h/${a}/end?b=${b}`],
  ['x://h{?a,b}', (a, b) => `x://h?a=${a}&b=${b}`],
  ['x://h?f=1{&a,b}', (a, b) => `x://h?f=1&a=${a}&b=${b}`],
  ['x://h{;a,b}', (a, b) => `x://h;a=${a};b=${b}`],
  ['{a}:{b}', (a, b) => `${a}:${b}`],
];

describe('matching', () => {
  it.each(SHAPES.slice(0, -1))('%s: what was expanded is found again', (template, expand) => {
    const matcher = new UriTemplate(template);
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect({ ...matcher.match(expand(encode(a), encode(b))) }).toEqual({ a, b });
      }),
    );
  });

  it('labels: the value is found again, with its dots', () => {
    const matcher = new UriTemplate('x://h{.a}');
    fc.assert(
      fc.property(value, (a) => {
        expect({ ...matcher.match(`x://h.${encode(a)}`) }).toEqual({ a });
      }),
    );
  });

  it('lists: the items are found again', () => {
    const matcher = new UriTemplate('x://h{/list*}');
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), (list) => {
        expect(matcher.match(`x://h/${list.map(encode).join('/')}`)?.['list']).toEqual(list);
      }),
    );
  });

  it('reserved expansion keeps separators', () => {
    expect({ ...new UriTemplate('file:///{+path}').match('file:///a/b%20c/d.txt') }).toEqual({
      path: 'a/b c/d.txt',
    });
    expect({ ...new UriTemplate('x://h{#part}').match('x://h#a/b') }).toEqual({ part: 'a/b' });
  });

  it.each([
    ['x://h/{id}', 'x://h/1', { id: '1' }],
    ['x://h/{id}', 'x://h/', { id: '' }],
    ['x://h/{id}', 'x://h', undefined],
    ['x://h/{id}', 'x://h/1/', undefined],
    ['x://h/{id}', 'y://h/1', undefined],
    ['x://h/{id}', 'X://h/1', undefined],
    ['x://h/{id:3}', 'x://h/abc', { id: 'abc' }],
    ['x://h/{id:3}', 'x://h/abcd', undefined],
    ['x://{a}/{a}', 'x://1/1', { a: '1' }],
    ['x://{a}/{a}', 'x://1/2', undefined],
    ['x://h{?q}', 'x://h', {}],
    ['x://h/a.b', 'x://h/aXb', undefined],
    ['x://h/(a|b)', 'x://h/(a|b)', {}],
    ['x://h/(a|b)', 'x://h/a', undefined],
    ['x://h/{__proto__}', 'x://h/p', { ['__proto__']: 'p' }],
  ])('%s on %s', (template, uri, expected) => {
    const found = new UriTemplate(template).match(uri);
    expect(found === undefined ? undefined : Object.entries(found)).toEqual(
      expected === undefined ? undefined : Object.entries(expected),
    );
  });
});

describe('G07 values that carry a path', () => {
  const matchers = ['x://h/{a}', 'x://h{/a}', 'x://h{?a}', 'x://h{;a}', 'x://h{.a}', 'x://h/{+a}'].map(
    (template) => new UriTemplate(template),
  );
  const prefixes = ['x://h/', 'x://h/', 'x://h?a=', 'x://h;a=', 'x://h.', 'x://h/'];

  it('G07 no value has a separator, a dot segment or a control character, however it is spelt', () => {
    const piece = fc.constantFrom(
      '..',
      '.',
      '/',
      '\\',
      '?',
      '#',
      'a',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '%5C',
      '%00',
      '%0a',
      '%7f',
      '%252e',
      '%252f',
      '%3f',
      '%23',
      '%',
      '%2',
      '%c0%af',
      '%ff',
      ':',
      '@',
      ';',
      '&',
      '=',
      ',',
      'http://evil.example',
      ' ',
      '\t',
      'é',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const raw = pieces.join('');
        for (const [index, matcher] of matchers.entries()) {
          const found = matcher.match(`${prefixes[index]}${raw}`)?.['a'];
          if (found === undefined) continue;
          const text = String(found);
          const reserved = index === matchers.length - 1;
          expect(text.split(/[\\/]/).filter((part) => part === '..' || part === '.')).toEqual([]);
          expect(text).not.toMatch(/\p{Cc}/u);
          if (!reserved) expect(text).not.toMatch(/[/\\?#]/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('G07 a value is decoded once', () => {
    expect(new UriTemplate('x://h/{a}').match('x://h/%252e%252e%252f')?.['a']).toBe('%2e%2e%2f');
  });

  it('C18 hostile URIs are matched in linear time', () => {
    const matcher = new UriTemplate('x://{a}{b}{c}{d}{e}/{a2*}/{+b2}/{+c2}/{+d2}!');
    for (const uri of [
      `x://${'a'.repeat(8_000)}`,
      `x://${'a/'.repeat(4_000)}`,
      `x://h/${'%41'.repeat(2_600)}`,
    ]) {
      expect(matcher.match(uri)).toBeUndefined();
    }
    expect(new UriTemplate('x://{+a}').match(`x://${'a'.repeat(9_000)}`)).toBeUndefined();
  });
});

describe('templates that are none', () => {
  it.each([
    'x://{',
    'x://}',
    'x://{a',
    'x://a}',
    'x://{}',
    'x://{{a}}',
    'x://{a b}',
    'x://{a,}',
    'x://{,a}',
    'x://{=a}',
    'x://{!a}',
    'x://{@a}',
    'x://{|a}',
    'x://{a:0}',
    'x://{a:10000}',
    'x://{a:x}',
    'x://{a*b}',
    'x://{a**}',
    `x://${'a'.repeat(3_000)}`,
    `x://{${Array.from({ length: 40 }, (_, i) => `v${i}`).join(',')}}`,
  ])('%s -> SCHEMA_INVALID', (template) => {
    expect(() => new UriTemplate(template)).toThrow(expect.objectContaining({ code: 'SCHEMA_INVALID' }));
  });
});
