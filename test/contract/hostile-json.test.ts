/** Rows of the security checklist, section C, that the scanner answers for. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { CODECS, codeOf } from './ports.ts';

const call = (params: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const NOTHING = { jsonDepth: 4_000_000, jsonNodes: 4_000_000_000, jsonNumber: 4_000_000_000 };

describe.each(CODECS)('hostile JSON on %s', (_name, codec) => {
  const scan = (text: string | Uint8Array, limits = {}): ReturnType<typeof codec.scan> =>
    codec.scan(typeof text === 'string' ? Buffer.from(text) : text, { ...DEFAULT_LIMITS, ...limits });
  const code = (text: string | Uint8Array, limits = {}): string => codeOf(scan(text, limits));

  describe.each([
    ['[', '['],
    ['{"a":', '{"a":'],
    ['mixed', '[{"a":'],
  ])('C02 nesting of %s', (_title, open) => {
    const containers = open.split(/[[{]/).length - 1;
    test.each([65, 128, 100_000, 1_000_000])('%i deep -> JSON_DEPTH at the 65th', (depth) => {
      const text = open.repeat(depth / containers + 1);
      const result = scan(text);
      expect(code(text)).toBe('JSON_DEPTH');
      const before = open.repeat(64 / containers).length;
      expect(result).toMatchObject({ offset: before });
    });
  });

  test('C02 64 deep is legal, inside arguments too', () => {
    const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(code(call(`{"name":"t","arguments":${nested(62)}}`))).toBe('accepted');
    expect(code(call(`{"name":"t","arguments":${nested(63)}}`))).toBe('JSON_DEPTH');
    expect(code(call(`{"name":"t","arguments":{"a":${nested(61)}}}`))).toBe('accepted');
    expect(code(call(`{"name":"t","arguments":{"a":${nested(62)}}}`))).toBe('JSON_DEPTH');
  });

  test('C02 10⁶ legal levels, when a limit allows them, neither recurse nor lose track', () => {
    const depth = 1_000_000;
    const text = `${'{"a":['.repeat(depth / 2)}${']}'.repeat(depth / 2)}`;
    expect(code(text, NOTHING)).toBe('ENVELOPE_VERSION');
    const wrong = `${text.slice(0, -1)}]`;
    expect(scan(wrong, NOTHING)).toMatchObject({ code: 'PARSE_SYNTAX', offset: text.length - 1 });
  });

  test.each([
    ['FF', 'ff'],
    ['FE', 'fe'],
    ['lone continuation', '80'],
    ['overlong 2 bytes', 'c0 af'],
    ['overlong C1', 'c1 bf'],
    ['overlong 3 bytes', 'e0 80 af'],
    ['overlong 4 bytes', 'f0 80 80 af'],
    ['surrogate ED A0 80', 'ed a0 80'],
    ['surrogate ED BF BF', 'ed bf bf'],
    ['above U+10FFFF', 'f4 90 80 80'],
    ['F5', 'f5 80 80 80'],
    ['5-byte form', 'f8 88 80 80 80'],
    ['truncated 2 bytes', 'c3'],
    ['truncated 3 bytes', 'e2 82'],
    ['truncated 4 bytes', 'f0 9f 98'],
    ['Latin-1', 'e9'],
  ])(
    'C04 %s in a string, in a key, at the end of the text and outside of strings -> PARSE_UTF8',
    (_title, bytes) => {
      const bad = hex(bytes);
      const at = (before: string, after: string): Buffer =>
        Buffer.concat([Buffer.from(before), bad, Buffer.from(after)]);
      for (const [before, after] of [
        ['{"a":"xy', 'z"}'],
        ['{"', '":1}'],
        ['{"a":"', ''],
        ['', ''],
        ['[1', ']'],
        ['{"a"', ':1}'],
      ] as const) {
        expect(scan(at(before, after))).toEqual({ ok: false, code: 'PARSE_UTF8', offset: before.length });
      }
    },
  );

  test('C04 every sound sequence boundary is accepted', () => {
    for (const point of [
      0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x3ffff, 0x40000, 0xfffff,
      0x100000, 0x10ffff,
    ]) {
      const text = `{"jsonrpc":"2.0","method":"m","x":"${String.fromCodePoint(point)}"}`;
      expect(code(text)).toBe('accepted');
    }
  });

  test('C04 BOM -> PARSE_SYNTAX, UTF-16 -> PARSE_*', () => {
    const text = '{"jsonrpc":"2.0","method":"m"}';
    expect(scan(`\ufeff${text}`)).toEqual({ ok: false, code: 'PARSE_SYNTAX', offset: 0 });
    expect(code(Buffer.from(`\ufeff${text}`, 'utf16le'))).toBe('PARSE_UTF8');
    expect(code(Buffer.from(text, 'utf16le'))).toBe('PARSE_SYNTAX');
    expect(code(Buffer.from(text, 'utf16le').swap16())).toBe('PARSE_SYNTAX');
  });

  test.each([
    '\\ud800',
    '\\udc00',
    '\\uDBFF',
    '\\ud800x',
    '\\ud800\\ud800',
    '\\ud83d\\u0041',
    '\\udc00\\ud800',
  ])('C05 lone surrogate %s anywhere -> JSON_SURROGATE', (half) => {
    const rpc = (rest: string): string => `{"jsonrpc":"2.0",${rest}}`;
    for (const text of [
      rpc(`"id":"${half}","method":"m"`),
      rpc(`"id":1,"method":"${half}"`),
      rpc(`"id":1,"method":"m","params":{"name":"${half}"}`),
      rpc(`"id":1,"method":"m","params":{"uri":"${half}"}`),
      rpc(`"id":1,"method":"m","params":{"data":[{"x":"${half}"}]}`),
      rpc(`"id":1,"method":"m","params":{"data":[{"${half}":1}]}`),
      rpc(`"id":1,"result":{"x":"${half}"}`),
    ]) {
      expect(scan(text)).toMatchObject({ code: 'JSON_SURROGATE', offset: text.indexOf(half) });
    }
  });

  test('C05 a pair is legal', () => {
    expect(code(call('{"name":"\\ud83d\\ude00\\uD83D\\uDE00"}'))).toBe('accepted');
  });

  test.each(['\\u0000', '\\u001f', '\\u007F', '\\n', '\\r', '\\t', '\\b', '\\f', '\u007f'])(
    'C06 control character %j in a key at any depth, method, name, uri -> JSON_CONTROL',
    (control) => {
      for (const text of [
        `{"jsonrpc":"2.0","method":"a${control}"}`,
        `{"jsonrpc":"2.0","method${control}":"a"}`,
        call(`{"name":"a${control}"}`),
        call(`{"uri":"a${control}"}`),
        call(`{"arguments":{"a${control}":1}}`),
        call(`{"arguments":{"x":[{"a${control}":1}]}}`),
        call(`{"_meta":{"a${control}":1}}`),
      ]) {
        expect(scan(text)).toMatchObject({ code: 'JSON_CONTROL', offset: text.indexOf(control) });
      }
    },
  );

  test('C06 control characters are data everywhere else', () => {
    expect(code(call('{"name":"t","arguments":{"text":"a\\u0000\\n\u007f"},"cursor":"\\t"}'))).toBe(
      'accepted',
    );
  });

  test.each([
    ['jsonrpc', (key: string) => `{"jsonrpc":"2.0",${key}:"2.0","id":1,"method":"m"}`],
    ['method', (key: string) => `{"jsonrpc":"2.0","id":1,"method":"m",${key}:"n"}`],
    ['params', (key: string) => `{"jsonrpc":"2.0","params":{},"id":1,"method":"m",${key}:{}}`],
    ['name', (key: string) => call(`{"name":"a","arguments":{},${key}:"b"}`)],
    ['uri', (key: string) => call(`{"uri":"a",${key}:"b"}`)],
    ['arguments', (key: string) => call(`{"arguments":{},${key}:{}}`)],
    ['_meta', (key: string) => call(`{"_meta":{},${key}:{}}`)],
    ['progressToken', (key: string) => call(`{"_meta":{"progressToken":1,${key}:2}}`)],
    ['any', (key: string) => call(`{"arguments":{"any":1,"other":{"any":1},${key}:2}}`)],
  ])('C07 duplicate %s, plain or escaped -> JSON_DUPLICATE_KEY, with the id', (name, build) => {
    const escaped = `"\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}"`;
    const last = `"${name.slice(0, -1)}\\u${name
      .charCodeAt(name.length - 1)
      .toString(16)
      .padStart(4, '0')}"`;
    for (const key of [`"${name}"`, escaped, last]) {
      const text = build(key);
      expect(scan(text)).toEqual({
        ok: false,
        code: 'JSON_DUPLICATE_KEY',
        offset: text.lastIndexOf(key),
        idRaw: '1',
      });
    }
  });

  test('C07 duplicate id in either order -> JSON_DUPLICATE_KEY without an id', () => {
    for (const ids of ['"id":1,"id":2', '"id":{},"id":2', '"i\\u0064":1,"id":2', '"id":1,"\\u0069d":[]']) {
      const result = scan(`{"jsonrpc":"2.0",${ids},"method":"m"}`);
      expect(result).toMatchObject({ ok: false, code: 'JSON_DUPLICATE_KEY' });
      expect(result).not.toHaveProperty('idRaw');
    }
  });

  test('C07 keys are compared as they are: no case folding, no normalisation', () => {
    expect(code(call('{"name":"a","Name":"b","NAME":"c","nam\u0065\u0301":1,"nam\u00e9":2}'))).toBe(
      'accepted',
    );
  });

  test.each([
    '9007199254740993',
    '-0',
    '0',
    '-9007199254740993',
    `${'9'.repeat(64)}`,
    '""',
    '"😀"',
    '"\\u0041"',
  ])('C10 id %s is kept byte for byte', (id) => {
    expect(scan(`{"jsonrpc":"2.0","id":${id},"method":"m"}`)).toMatchObject({
      ok: true,
      envelope: { idRaw: id },
    });
  });

  test.each([
    ['1e400', 'ENVELOPE_ID'],
    ['1.0', 'ENVELOPE_ID'],
    ['1E0', 'ENVELOPE_ID'],
    [`"${'x'.repeat(1_000_000)}"`, 'ENVELOPE_ID'],
    ['9'.repeat(1_000_000), 'JSON_NUMBER'],
  ])('C10 id %.12s is refused, never rounded', (id, expected) => {
    const result = scan(`{"jsonrpc":"2.0","id":${id},"method":"m"}`);
    expect(codeOf(result)).toBe(expected);
    expect(result).not.toHaveProperty('idRaw');
  });

  test.each([
    ['"id":null,"method":"m"', 'ENVELOPE_ID'],
    ['"id":{},"method":"m"', 'ENVELOPE_ID'],
    ['"id":[],"method":"m"', 'ENVELOPE_ID'],
    ['"id":false,"method":"m"', 'ENVELOPE_ID'],
    ['"id":1,"method":""', 'ENVELOPE_METHOD'],
    ['"id":1,"method":null', 'ENVELOPE_METHOD'],
    ['"id":1,"method":["m"]', 'ENVELOPE_METHOD'],
    [`"id":1,"method":"${'m'.repeat(1_000_000)}"`, 'ENVELOPE_METHOD'],
    ['"id":1,"method":"a\\nb"', 'JSON_CONTROL'],
    ['"id":1,"method":"m","params":"x"', 'ENVELOPE_PARAMS'],
    ['"id":1,"method":"m","params":null', 'ENVELOPE_PARAMS'],
    ['"id":1,"method":"m","params":[]', 'ENVELOPE_PARAMS'],
  ])('C11 %.40s -> %s', (rest, expected) => {
    expect(code(`{"jsonrpc":"2.0",${rest}}`)).toBe(expected);
  });

  test.each(['"1.0"', '2', 'null', '"2.0 "', '["2.0"]'])('C11 jsonrpc %s -> ENVELOPE_VERSION', (version) => {
    expect(code(`{"jsonrpc":${version},"id":1,"method":"m"}`)).toBe('ENVELOPE_VERSION');
    expect(code('{"id":1,"method":"m"}')).toBe('ENVELOPE_VERSION');
  });

  test('C13 batch of 0, 1, the limit, one more, 10⁵, nested', () => {
    const batch = (count: number): string => `[${new Array(count).fill(call('{}')).join(',')}]`;
    expect(code('[]')).toBe('BATCH_EMPTY');
    expect(scan(batch(1))).toMatchObject({ ok: true, envelope: { kind: 'batch', elements: [{}] } });
    expect(code(batch(DEFAULT_LIMITS.batchMessages))).toBe('accepted');
    expect(code(batch(DEFAULT_LIMITS.batchMessages + 1))).toBe('BATCH_SIZE');
    expect(code(batch(100_000))).toBe('BATCH_SIZE');
    const nested = Buffer.from(`[[${call('{}')}]]`);
    const outer = codec.scan(nested, DEFAULT_LIMITS);
    const inner = outer.ok ? outer.envelope.elements?.[0] : undefined;
    expect(codec.scan(nested, DEFAULT_LIMITS, inner?.start, inner?.end)).toMatchObject({
      ok: true,
      envelope: { kind: 'batch' },
    });
  });

  test('C14 a number of 10⁶ digits -> JSON_NUMBER', () => {
    for (const number of [
      '1'.repeat(1_000_000),
      `0.${'1'.repeat(1_000_000)}`,
      `1e${'1'.repeat(1_000_000)}`,
    ]) {
      const text = call(`{"a":${number}}`);
      expect(scan(text)).toEqual({ ok: false, code: 'JSON_NUMBER', offset: text.indexOf(number) });
    }
  });

  test('C14 10⁶ keys, 10⁶ items -> JSON_NODES', () => {
    const keys = Array.from({ length: 1_000_000 }, (_, i) => `"k${i}":0`).join(',');
    expect(code(call(`{${keys}}`))).toBe('JSON_NODES');
    expect(code(`{${keys}}`)).toBe('JSON_NODES');
    expect(code(call(`{"a":[${'0,'.repeat(999_999)}0]}`))).toBe('JSON_NODES');
  });

  test.each([
    ['different', (i: number) => `k${i}`],
    ['like array indexes', (i: number) => `${i * 4_096}`],
    ['with a long common beginning', (i: number) => `${'x'.repeat(60)}${i}`],
    ['escaped', (i: number) => `\\u0061${i}`],
    [
      'with the same letters',
      (i: number) => i.toString(2).padStart(17, '0').replaceAll('0', 'Aa').replaceAll('1', 'BB'),
    ],
  ])('C14 a duplicate among 40,000 keys %s is found, and only that', (_title, key) => {
    const keys = Array.from({ length: 40_000 }, (_, i) => `"${key(i)}":0`);
    expect(code(call(`{"arguments":{${keys.join(',')}}}`))).toBe('accepted');
    const text = call(`{"arguments":{${keys.join(',')},"${key(20_000)}":1}}`);
    expect(scan(text)).toMatchObject({
      code: 'JSON_DUPLICATE_KEY',
      offset: text.lastIndexOf(`"${key(20_000)}"`),
    });
  });

  test('C14 linear: ten times the text takes about ten times the time, whatever the text', () => {
    const shapes: ((size: number) => string)[] = [
      (size) => `[${'1,'.repeat(size)}1]`,
      (size) => '['.repeat(size),
      (size) => `"${'\\u0041'.repeat(size)}"`,
      (size) => `"${'é'.repeat(size)}"`,
      (size) => `{${Array.from({ length: size }, (_, i) => `"${i.toString(36)}":0`).join(',')}}`,
      (size) => `{${Array.from({ length: size }, (_, i) => `"\\u0061${i}":0`).join(',')}}`,
      (size) => call(`{"a":${'1'.repeat(size)}}`),
      (size) => ' '.repeat(size),
      (size) => '{"a":'.repeat(size),
      (size) => `{${'"params":{},'.repeat(size)}"id":1}`,
    ];
    for (const shape of shapes) {
      const time = (size: number): number => {
        const bytes = Buffer.from(shape(size));
        const runs = Array.from({ length: 5 }, () => {
          const started = performance.now();
          codec.scan(bytes, { ...DEFAULT_LIMITS, ...NOTHING, batchMessages: 4_000_000 });
          return performance.now() - started;
        });
        return Math.min(...runs);
      };
      time(5_000);
      // Quadratic work would be a factor of 100.
      expect(time(50_000) / (time(5_000) + 0.2)).toBeLessThan(50);
    }
  });
});
