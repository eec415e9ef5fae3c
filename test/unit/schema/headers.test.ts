import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFerroError } from '../../../src/core/errors.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import {
  decodeHeaderValue,
  encodeHeaderValue,
  headerValueMatches,
} from '../../../src/protocol/header-values.ts';
import { headerParameters } from '../../../src/protocol/schema/index.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isFerroError(error)) return error.code;
    throw error;
  }
  return 'none';
}

describe('header values', () => {
  it.each([
    ['us-west1', 'us-west1'],
    ['us west 1', 'us west 1'],
    ['', ''],
    ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
    [' padded ', '=?base64?IHBhZGRlZCA=?='],
    ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
    ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
    ['\tindented', '=?base64?CWluZGVudGVk?='],
    [42, '42'],
    [-0, '0'],
    [true, 'true'],
  ])('%j is sent as %s', (value, text) => {
    expect(encodeHeaderValue(value)).toBe(text);
    expect(decodeHeaderValue(text)).toBe(String(value));
    expect(headerValueMatches(text, value)).toBe(true);
  });

  it('every string survives the way, in characters a header may have', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (value) => {
        const text = encodeHeaderValue(value);
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        expect(text.trim()).toBe(text);
        expect(decodeHeaderValue(text)).toBe(value);
      }),
    );
  });

  it.each([['a\r\nX: y'], ['é'], ['\0'], ['\x7f']])('D06 invalid character %j -> HEADER_MISMATCH', (text) => {
    expect(codeOf(() => decodeHeaderValue(text))).toBe('HEADER_MISMATCH');
  });

  it.each([
    ['=?base64?a?='],
    ['=?base64?YQ?='],
    ['=?base64?YR==?='],
    ['=?base64?Y Q==?='],
    ['=?base64?YQ==YQ==?='],
    ['=?base64?_-8=?='],
    ['=?base64?/w==?='],
    ['=?base64?7aCA?='],
  ])('D06 bad base64 sentinel %s -> HEADER_MISMATCH', (text) => {
    expect(codeOf(() => decodeHeaderValue(text))).toBe('HEADER_MISMATCH');
  });

  it('D06 case games are literal text', () => {
    expect(decodeHeaderValue('=?BASE64?YQ==?=')).toBe('=?BASE64?YQ==?=');
    expect(headerValueMatches('=?BASE64?YQ==?=', 'a')).toBe(false);
    expect(decodeHeaderValue('=?base64?=')).toBe('=?base64?=');
  });

  it('compares integers as numbers and nothing with null', () => {
    expect(headerValueMatches('42.0', 42)).toBe(true);
    expect(headerValueMatches('4.2e1', 42)).toBe(true);
    expect(headerValueMatches('0x2a', 42)).toBe(false);
    expect(headerValueMatches('', 0)).toBe(false);
    expect(headerValueMatches('42.0', '42')).toBe(false);
    expect(headerValueMatches('TRUE', true)).toBe(false);
    expect(headerValueMatches('null', null)).toBe(false);
    expect(headerValueMatches('', undefined)).toBe(false);
  });

  it('refuses to send what would change on the way', () => {
    expect(codeOf(() => encodeHeaderValue(2 ** 53))).toBe('INVALID_PARAMS');
    expect(codeOf(() => encodeHeaderValue(1.5))).toBe('INVALID_PARAMS');
    expect(codeOf(() => encodeHeaderValue('\ud800'))).toBe('INVALID_PARAMS');
  });
});

describe('x-mcp-header', () => {
  const property = (name: unknown, type: unknown = 'string') =>
    ({ type, 'x-mcp-header': name }) as unknown as JsonObject;
  const tool = (properties: Record<string, unknown>) =>
    ({ type: 'object', properties }) as unknown as JsonObject;

  it('finds annotations along chains of properties', () => {
    const schema = tool({
      region: property('Region'),
      options: tool({ level: property('Level', 'integer'), 'x-mcp-header': { type: 'boolean' } }),
      plain: { type: 'string', default: { 'x-mcp-header': 'no annotation' } },
    });
    expect(headerParameters(schema)).toEqual([
      { name: 'Region', path: ['region'], type: 'string' },
      { name: 'Level', path: ['options', 'level'], type: 'integer' },
    ]);
    expect(headerParameters({ type: 'object' })).toEqual([]);
  });

  it.each([
    ['empty', tool({ a: property('') })],
    ['space', tool({ a: property('My Region') })],
    ['colon', tool({ a: property('a:b') })],
    ['non-ASCII', tool({ a: property('Région') })],
    ['control character', tool({ a: property('a\r\n') })],
    ['not a string', tool({ a: property(1) })],
    ['same name twice', tool({ a: property('X'), b: property('X') })],
    ['same name in another case', tool({ a: property('Region'), b: tool({ c: property('REGION') }) })],
    ['number', tool({ a: property('X', 'number') })],
    ['object', tool({ a: property('X', 'object') })],
    ['array', tool({ a: property('X', 'array') })],
    ['null', tool({ a: property('X', 'null') })],
    ['no type', tool({ a: { 'x-mcp-header': 'X' } })],
    ['several types', tool({ a: property('X', ['string', 'integer']) })],
    ['the root', { 'x-mcp-header': 'X', ...tool({}) }],
    ['items', tool({ a: { type: 'array', items: property('X') } })],
    ['anyOf', { ...tool({}), anyOf: [tool({ a: property('X') })] }],
    // biome-ignore lint/suspicious/noThenProperty: the keyword is named so
    ['then', { ...tool({}), then: tool({ a: property('X') }) }],
    ['$defs', { ...tool({ a: { $ref: '#/$defs/a' } }), $defs: { a: property('X') } }],
    ['additionalProperties', { ...tool({}), additionalProperties: property('X') }],
    ['patternProperties', { ...tool({}), patternProperties: { a: property('X') } }],
  ])('refuses %s', (_name, schema) => {
    expect(codeOf(() => headerParameters(schema as unknown as JsonObject))).toBe('SCHEMA_HEADER');
  });

  it('refuses nesting without end', () => {
    let schema: Record<string, unknown> = {};
    for (let i = 0; i < 10_000; i += 1) schema = { not: schema };
    expect(codeOf(() => headerParameters(schema as unknown as JsonObject))).toBe('SCHEMA_BUDGET');
  });
});
