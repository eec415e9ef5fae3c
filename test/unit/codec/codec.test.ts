import { describe, expect, test } from 'vitest';
import type { JsonCodec } from '../../../src/core/envelope.ts';
import { isFerroError } from '../../../src/core/errors.ts';
import { DEFAULT_LIMITS } from '../../../src/core/limits.ts';
import { fallback } from '../../../src/native/fallback.ts';
import type { NativePort } from '../../../src/native/port.ts';
import { STATUS } from '../../../src/native/port.ts';
import { createCodec, jsCodec, nativeCodec, selectCodec } from '../../../src/protocol/codec/index.ts';

const MESSAGE = Buffer.from('{"jsonrpc":"2.0","id":"é","method":"tools/call","params":{"name":"a"}}');

describe('selectCodec', () => {
  test('js is the TypeScript codec, native the addon or the same', () => {
    expect(selectCodec('js')).toBe(jsCodec);
    expect(jsCodec.id).toBe('js');
    expect(selectCodec('native')).toBe(nativeCodec() ?? jsCodec);
    expect(selectCodec()).toBe(selectCodec('native'));
  });

  test('an own codec is taken as it is', () => {
    const own: JsonCodec = { ...jsCodec, id: 'own' };
    expect(selectCodec(own)).toBe(own);
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['another name', 'fast'],
    ['a codec without scan', { ...jsCodec, scan: undefined }],
    ['a codec without id', { ...jsCodec, id: 7 }],
  ])('%s -> CONFIG_INVALID', (_title, choice) => {
    const select = (): unknown => Reflect.apply(selectCodec, undefined, [choice]);
    expect(select).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('codec', () => {
  test('parses a range of any byte array', () => {
    const bytes = Uint8Array.from(MESSAGE);
    expect(jsCodec.parse(MESSAGE)).toEqual(jsCodec.parse(bytes));
    const at = MESSAGE.indexOf('{"name"');
    expect(jsCodec.parse(bytes, at, MESSAGE.length - 1)).toEqual({ name: 'a' });
    expect(jsCodec.scan(bytes, DEFAULT_LIMITS)).toEqual(jsCodec.scan(MESSAGE, DEFAULT_LIMITS));
  });

  test('C09 __proto__ is an own key of the result and changes no prototype', () => {
    const value = jsCodec.parse(Buffer.from('{"__proto__":{"polluted":1},"constructor":2}'));
    expect(Object.keys(Object(value))).toEqual(['__proto__', 'constructor']);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test('parse of a text no scan has seen is coded too', () => {
    expect(() => jsCodec.parse(Buffer.from('{'))).toThrow(expect.objectContaining({ code: 'PARSE_SYNTAX' }));
    expect(() => jsCodec.parse(Buffer.from(''))).toThrow(
      expect.toSatisfy((error) => isFerroError(error) && error.row.rpc === -32700),
    );
  });

  test('scans memory that is shared between threads', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(MESSAGE.length + 4));
    shared.set(MESSAGE, 2);
    const codec = nativeCodec() ?? jsCodec;
    const scan = (bytes: Uint8Array): unknown => codec.scan(bytes, DEFAULT_LIMITS, 2, 2 + MESSAGE.length);
    expect(scan(shared)).toEqual(scan(Uint8Array.from(shared)));
    expect(scan(shared)).toMatchObject({ ok: true, envelope: { idRaw: '"é"', name: 'a' } });
  });

  test.each([
    [-1, 5],
    [5, 4],
    [0, MESSAGE.length + 1],
    [Number.NaN, 5],
    [0.5, 5],
  ])('a range from %d to %d is a wrong call, not a message', (start, end) => {
    for (const codec of [jsCodec, selectCodec('native')]) {
      expect(codec.scan(MESSAGE, DEFAULT_LIMITS, start, end)).toEqual({
        ok: false,
        code: 'INTERNAL',
        offset: 0,
      });
    }
  });

  test('limits change from call to call; infinite ones are the largest', () => {
    const codec = createCodec('test', fallback);
    expect(codec.scan(MESSAGE, DEFAULT_LIMITS).ok).toBe(true);
    expect(codec.scan(MESSAGE, { ...DEFAULT_LIMITS, jsonDepth: 1 })).toMatchObject({ code: 'JSON_DEPTH' });
    expect(codec.scan(MESSAGE, { ...DEFAULT_LIMITS, jsonDepth: Number.POSITIVE_INFINITY }).ok).toBe(true);
    expect(codec.scan(MESSAGE, { ...DEFAULT_LIMITS, jsonDepth: Number.NaN })).toMatchObject({
      code: 'JSON_DEPTH',
    });
    expect(codec.scan(MESSAGE, DEFAULT_LIMITS).ok).toBe(true);
  });

  test('an addon that fails is told as NATIVE_PANIC', () => {
    const broken: NativePort = { ...fallback, scanEnvelope: () => STATUS.panic };
    expect(createCodec('broken', broken).scan(MESSAGE, DEFAULT_LIMITS)).toEqual({
      ok: false,
      code: 'NATIVE_PANIC',
      offset: 0,
    });
  });

  test('the same text gives the same method string, and other texts never do', () => {
    const codec = createCodec('test', fallback);
    const methods = Array.from({ length: 5_000 }, (_, i) => `m/${i * 7_919}`);
    for (let round = 0; round < 2; round++) {
      for (const method of methods) {
        const result = codec.scan(Buffer.from(`{"jsonrpc":"2.0","method":"${method}"}`), DEFAULT_LIMITS);
        if (!result.ok || result.envelope.method !== method) expect.fail(method);
      }
    }
  });

  test('an envelope holds no memory of the message', () => {
    const bytes = Buffer.from(MESSAGE);
    const result = jsCodec.scan(bytes, DEFAULT_LIMITS);
    bytes.fill(0x20);
    expect(result).toMatchObject({ ok: true, envelope: { idRaw: '"é"', method: 'tools/call', name: 'a' } });
  });

  test('results of one scan survive the next', () => {
    const first = jsCodec.scan(Buffer.from('[1,2]'), DEFAULT_LIMITS);
    jsCodec.scan(Buffer.from('[{"a":1},3333]'), DEFAULT_LIMITS);
    expect(first).toMatchObject({
      ok: true,
      envelope: {
        elements: [
          { start: 1, end: 2 },
          { start: 3, end: 4 },
        ],
      },
    });
  });
});
