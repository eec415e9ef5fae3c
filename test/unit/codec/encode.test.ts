import { describe, expect, test } from 'vitest';
import { FerroError } from '../../../src/core/errors.ts';
import { encodeJson } from '../../../src/protocol/codec/index.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'no error';
  } catch (error) {
    return error instanceof FerroError ? error.code : `not coded: ${String(error)}`;
  }
}

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { value };
  return value;
};

describe('encodeJson', () => {
  test.each<[string, unknown]>([
    ['an object', { a: [1, 'x', true, { b: -1.5e300 }] }],
    ['null', null],
    ['nulls', { a: null, b: [null, [null]], c: { d: null } }],
    ['strings with null in them', { a: ',null [null :null', b: 'null' }],
    ['a number', 0],
    ['text of all kinds', 'a\u0000é😀"\\'],
  ])('%s', (_title, value) => {
    expect(JSON.parse(encodeJson(value))).toEqual(value);
  });

  test('leaves undefined members and functions of objects out, as JSON.stringify does', () => {
    expect(encodeJson({ a: undefined, b: 1, c: () => 1, d: null })).toBe('{"b":1,"d":null}');
  });

  test('a date is its text, a wrapper its value, toJSON its result', () => {
    const at = new Date(0);
    expect(encodeJson({ at, n: null, w: Object(3), t: { toJSON: () => [null, 4] } })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","n":null,"w":3,"t":[null,4]}',
    );
  });

  const cycle: Record<string, unknown> = { a: 1 };
  cycle['self'] = [cycle];
  test.each<[string, unknown]>([
    ['a cycle', cycle],
    ['BigInt', { a: 1n }],
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['NaN', Number.NaN],
    ['NaN in an object', { a: { b: Number.NaN } }],
    ['NaN first in an array', [Number.NaN, 1]],
    ['Infinity last in an array', [1, Number.POSITIVE_INFINITY]],
    ['-Infinity beside nulls', { a: null, b: [null, { c: Number.NEGATIVE_INFINITY }] }],
    ['a wrapped NaN', [Object(Number.NaN)]],
    ['NaN out of toJSON', { a: { toJSON: () => Number.NaN } }],
    ['an invalid date', { at: new Date(Number.NaN) }],
    ['undefined in an array', [1, undefined]],
    ['a hole in an array', Object.assign([1], { length: 2 })],
    ['a function in an array', [() => 1]],
    ['a symbol in an array', [Symbol('x')]],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('no');
        },
      },
    ],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no');
          },
        },
      ),
    ],
    [
      'a toJSON that throws the second time',
      (() => {
        let calls = 0;
        return {
          a: null,
          b: {
            toJSON: () => {
              calls++;
              if (calls > 1) throw new Error('no');
              return 1;
            },
          },
        };
      })(),
    ],
  ])('C20 %s -> RESULT_INVALID', (_title, value) => {
    expect(codeOf(() => encodeJson(value))).toBe('RESULT_INVALID');
  });

  test('C20 depth 10⁴ and 10⁶ -> RESULT_INVALID or text, never a RangeError', () => {
    expect(codeOf(() => encodeJson(nested(1_000_000)))).toBe('RESULT_INVALID');
    const code = codeOf(() => encodeJson(nested(10_000)));
    expect(['RESULT_INVALID', 'no error']).toContain(code);
    expect(JSON.parse(encodeJson(nested(64)))).toEqual(nested(64));
  });

  test('C20 longer than any string -> RESULT_TOO_LARGE', () => {
    // V8 refuses this string as it refuses a JSON text that grows past its limit.
    const value = { toJSON: () => 'x'.repeat(2 ** 30) };
    expect(codeOf(() => encodeJson(value))).toBe('RESULT_TOO_LARGE');
  });

  test('C20 the message tells the kind of the value, never the value', () => {
    expect(() => encodeJson({ secret: 'hunter2', n: [Number.NaN] })).toThrow(/NaN/);
    expect(() => encodeJson({ secret: 'hunter2', n: [Number.NaN] })).not.toThrow(/hunter2/);
  });
});
