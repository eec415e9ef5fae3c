import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAccept } from '../../../src/transports/http/accept.ts';
import { mediaType } from '../../../src/transports/media-type.ts';

const TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

describe('Content-Type', () => {
  it('A11 any parameter of the grammar but a foreign charset leaves JSON what it is', () => {
    const token = fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 8 });
    const name = token.filter((text) => text.toLowerCase() !== 'charset');
    const quoted = fc
      .string({ unit: fc.constantFrom(...TOKEN, ' ', ',', '='), maxLength: 8 })
      .map((text) => `"${text}"`);
    const space = fc.constantFrom('', ' ', '\t', '  ');
    const parameter = fc
      .tuple(space, space, name, fc.oneof(token, quoted))
      .map(([a, b, n, v]) => `${a};${b}${n}=${v}`);
    fc.assert(
      fc.property(fc.array(parameter, { maxLength: 4 }), (parameters) => {
        expect(mediaType(`application/json${parameters.join('')}`)).toBe('application/json');
      }),
    );
  });

  it('A11 what is not of the grammar is no type at all', () => {
    for (const text of [
      undefined,
      '',
      'application',
      'application/',
      '/json',
      'application/json x',
      'application/json;=x',
      'application/json;x=',
      'application/json;x="y',
      'application/json, text/plain',
      'application/json\0',
      'application /json',
      `application/json; x=${'y'.repeat(10_000)}`,
    ]) {
      expect(mediaType(text), String(text)).not.toBe('application/json');
    }
  });

  it('A11 a text that only contains the type is another type', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (before, after) => {
        for (const text of [`${before}application/json`, `text/plain;${before}application/json${after}`]) {
          if (text.trimStart().toLowerCase() !== 'application/json')
            expect(mediaType(text)).not.toBe('application/json');
        }
      }),
    );
  });
});

describe('Accept', () => {
  const both = { json: true, sse: true };
  it.each([
    [undefined, both],
    ['*/*', both],
    ['application/json, text/event-stream', both],
    ['text/event-stream,application/json', both],
    ['APPLICATION/JSON , TEXT/EVENT-STREAM', both],
    ['application/*, text/*', both],
    ['application/json', { json: true, sse: false }],
    ['text/event-stream;q=0.1', { json: false, sse: true }],
    ['application/json;q=0, */*', { json: false, sse: true }],
    ['*/*, application/json;q=0', { json: false, sse: true }],
    ['*/*, application/*;q=0', { json: false, sse: true }],
    ['application/*;q=0, */*', { json: false, sse: true }],
    ['application/*;q=0, application/json', { json: true, sse: false }],
    ['*/*;q=0, application/json', { json: true, sse: false }],
    ['text/*;q=0.000, application/json;q=0.001', { json: true, sse: false }],
    ['application/json;q=0;v=1', { json: false, sse: false }],
    ['*/*;q=0', { json: false, sse: false }],
    ['', { json: false, sse: false }],
    ['text/html', { json: false, sse: false }],
  ])('A12 %j', (value, accepted) => {
    expect(readAccept(value)).toEqual(accepted);
  });

  it('A12 the order of the ranges changes nothing', () => {
    const range = fc.tuple(
      fc.constantFrom('application/json', 'text/event-stream', 'application/*', 'text/*', '*/*', 'text/html'),
      fc.constantFrom('', ';q=0', ';q=0.5', ';q=1.000'),
    );
    fc.assert(
      fc.property(fc.uniqueArray(range, { maxLength: 6, selector: ([type]) => type }), (ranges) => {
        const texts = ranges.map((parts) => parts.join(''));
        expect(readAccept(texts.join(', '))).toEqual(readAccept([...texts].reverse().join(',')));
      }),
    );
  });

  it('A12 anything else is read without harm', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000 }), (text) => {
        const { json, sse } = readAccept(text);
        expect([typeof json, typeof sse]).toEqual(['boolean', 'boolean']);
      }),
    );
  });
});
