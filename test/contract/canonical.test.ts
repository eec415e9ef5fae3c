/** Canonical params: the addon and TypeScript give the very same bytes for the same text. */
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/core/canonical-json.ts';
import type { JsonObject, JsonValue } from '../../src/core/json.ts';
import { isJsonObject } from '../../src/core/json.ts';
import type { NativePort } from '../../src/native/port.ts';
import { MAX_CANONICAL_DEPTH, SONA } from '../../src/native/sona-port.ts';
import { jsonText, randomNumbers } from './json-text.ts';
import { PORTS } from './ports.ts';

const TEXTS = 100_000;
const out = Buffer.alloc(64 * 1024);

function canonical(port: NativePort, text: string | Buffer): string | number {
  const body = typeof text === 'string' ? Buffer.from(text) : text;
  const length = port.canonicalParams(body, 0, body.length, out);
  return length < 0 ? length : out.toString('utf8', 0, length);
}

/** V8 of Node 24 takes an escaped key for an earlier one of the same length whose text it begins with. */
const CONFUSES_KEYS = ((): boolean => {
  // Behind a key that no other text has, so that the one before is the only one it may be taken for.
  JSON.parse('{"only here":1,"\\\\":1}');
  return !Object.hasOwn(JSON.parse('{"only here":1,"\\u0061":1}') as object, 'a');
})();
const ESCAPED_KEY = /"(?:[^"\\]|\\.)*\\(?:[^"\\]|\\.)*"\s*:/;

function expected(text: string): string {
  const value = JSON.parse(text) as JsonValue;
  if (!isJsonObject(value)) return canonicalJson(value);
  const { _meta, ...rest } = value;
  return canonicalJson(rest as JsonObject);
}

describe.each(PORTS)('canonical params of %s', (_name, port) => {
  test(`are those of canonicalJson(JSON.parse(text)) for ${TEXTS} texts`, () => {
    const random = randomNumbers(20260728);
    const lengths = new Set<number>();
    for (let run = 0; run < TEXTS; run += 1) {
      const text = jsonText(random, 4);
      if (CONFUSES_KEYS && ESCAPED_KEY.test(text)) continue;
      const found = canonical(port, text);
      if (found !== expected(text)) expect({ text, found }).toEqual({ text, found: expected(text) });
      lengths.add(text.length);
    }
    // The generator does make all sorts of texts.
    expect(lengths.size).toBeGreaterThan(CONFUSES_KEYS ? 200 : 300);
  });

  test.each([
    ['{"b":1,"a":{"d":1,"c":2}}', '{"a":{"c":2,"d":1},"b":1}'],
    ['{"_meta":{"progressToken":1},"name":"x"}', '{"name":"x"}'],
    ['{"\\u005fmeta":1}', '{}'],
    ['{"a":{"_meta":1}}', '{"a":{"_meta":1}}'],
    ['{"a":1,"a":2}', '{"a":2}'],
    ['{"__proto__":{"x":1},"a":1}', '{"__proto__":{"x":1},"a":1}'],
    ['{"\\uffff":1,"😀":2,"\ue000":3}', '{"😀":2,"\ue000":3,"\uffff":1}'],
    [
      '[-0, 1e400, 9007199254740993, 1e21, "\\u0008\\/\\u007f"]',
      '[0,null,9007199254740992,1e+21,"\\b/\u007f"]',
    ],
    ['', '{}'],
    [' {} ', '{}'],
  ])('of %s are %s', (text, wanted) => {
    expect(canonical(port, text)).toBe(wanted);
  });

  test.each([
    ['{', 'an object without end'],
    ['{"a":1,}', 'a comma too many'],
    ['{"a" 1}', 'no colon'],
    ['{"a":01}', 'a leading zero'],
    ['{"a":1}x', 'something behind'],
    ['{"a":"\t"}', 'a raw control character'],
    ['{"a":"\\x"}', 'an unknown escape'],
    ['{"a":"\\ud800"}', 'half a pair'],
    ['{"a":"\\udc00\\ud800"}', 'a pair the wrong way round'],
    ['{"a":"\\ud83d","a":1}', 'half a pair that a later key replaces'],
    ['{"_meta":"\\udfff"}', 'half a pair that is left out'],
    ['\ufeff{}', 'a byte-order mark'],
    ['nul', 'half a word'],
  ])('of %s do not exist: %s', (text) => {
    expect(canonical(port, text)).toBe(SONA.none);
  });

  test('C04 of what is not UTF-8 do not exist', () => {
    for (const bytes of [[0xff], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xe2, 0x82]]) {
      expect(canonical(port, Buffer.from([0x22, ...bytes, 0x22]))).toBe(SONA.none);
    }
  });

  test('C02 have a bounded depth, `_meta` included', () => {
    const nested = (levels: number): string => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`;
    expect(canonical(port, nested(MAX_CANONICAL_DEPTH))).toBe(nested(MAX_CANONICAL_DEPTH));
    expect(canonical(port, `[${nested(MAX_CANONICAL_DEPTH)}]`)).toBe(SONA.none);
    expect(canonical(port, `{"_meta":${nested(MAX_CANONICAL_DEPTH)}}`)).toBe(SONA.none);
    expect(canonical(port, `{"_meta":${nested(MAX_CANONICAL_DEPTH - 2)}}`)).toBe('{}');
    expect(canonical(port, '['.repeat(1_000_000))).toBe(SONA.none);
    expect(canonical(port, '{"a":'.repeat(1_000_000))).toBe(SONA.none);
  });

  test('are not written when they do not fit, but their length is told', () => {
    const body = Buffer.from('xx{"b":[1,2],"a":"é"}xx');
    const wanted = Buffer.from('{"a":"é","b":[1,2]}');
    for (const room of [0, 1, wanted.length - 1, wanted.length]) {
      const memory = Buffer.alloc(wanted.length + 8, 0xaa);
      expect(port.canonicalParams(body, 2, body.length - 2, memory.subarray(0, room))).toBe(wanted.length);
      const untouched = room < wanted.length ? 0 : room;
      expect(memory.subarray(0, untouched)).toEqual(wanted.subarray(0, untouched));
      expect(memory.subarray(untouched).every((byte) => byte === 0xaa)).toBe(true);
    }
  });
});
