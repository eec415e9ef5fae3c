import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { CODECS, codeOf, plain } from './ports.ts';

const rpc = (rest: string): string => `{"jsonrpc":"2.0",${rest}}`;
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

describe.each(CODECS)('scan on %s', (_name, codec) => {
  const scan = (text: string | Uint8Array, limits = {}): ReturnType<typeof codec.scan> =>
    codec.scan(typeof text === 'string' ? Buffer.from(text) : text, { ...DEFAULT_LIMITS, ...limits });

  test('finds every part of a request', () => {
    const text = rpc(
      `"id":"a\\u0062","method":"tools/call","params":{"name":"echo","uri":"x:y","requestId":7,` +
        `"arguments":{"a":[1,2]},"_meta":{"progressToken":-3,"${VERSION_KEY}":"2026-07-28"}}`,
    );
    const params = text.indexOf('{"name"');
    const args = text.indexOf('{"a"');
    expect(plain(scan(text))).toEqual({
      ok: true,
      envelope: {
        kind: 'request',
        idRaw: '"a\\u0062"',
        method: 'tools/call',
        name: 'echo',
        uri: 'x:y',
        protocolVersion: '2026-07-28',
        hasMeta: true,
        progressTokenRaw: '-3',
        requestIdRaw: '7',
        params: { start: params, end: text.length - 1 },
        arguments: { start: args, end: text.indexOf(',"_meta"') },
      },
    });
  });

  test('decodes escaped and non-ASCII strings, keeps raw ones', () => {
    const text = rpc(
      '"id":"ü","method":"t\\u006fols/call","params":{"name":"é\\n".'.replace('\\n".', '"') +
        ',"uri":"\\ud83d\\ude00"}',
    );
    expect(scan(text)).toMatchObject({
      ok: true,
      envelope: { idRaw: '"ü"', method: 'tools/call', name: 'é', uri: '😀' },
    });
  });

  test('knows keys in any spelling and order', () => {
    const text = '{"\\u0070arams":{"n\\u0061me":"x"},"m\\u0065thod":"m","i\\u0064":1,"jsonrpc":"2.\\u0030"}';
    expect(scan(text)).toMatchObject({
      ok: true,
      envelope: { kind: 'request', idRaw: '1', method: 'm', name: 'x' },
    });
  });

  test('looks for parts only where they belong', () => {
    const text = rpc(
      '"method":"m","name":"no","params":{"x":{"name":"no","_meta":{"progressToken":1}},"_meta":[]}',
    );
    const result = scan(text);
    expect(result).toMatchObject({ ok: true, envelope: { kind: 'notification', hasMeta: false } });
    expect(plain(result)).not.toHaveProperty('envelope.name');
    expect(plain(result)).not.toHaveProperty('envelope.progressTokenRaw');
  });

  test.each([
    ['response', rpc('"id":1,"result":{}'), { kind: 'response', idRaw: '1', isError: false }],
    ['error response', rpc('"id":"x","error":{"code":1}'), { kind: 'response', idRaw: '"x"', isError: true }],
    ['error without id', rpc('"error":{}'), { kind: 'response', isError: true }],
    ['error with id null', rpc('"id":null,"error":{}'), { kind: 'response', isError: true }],
    ['empty params', rpc('"method":"m","params":{}'), { kind: 'notification', hasMeta: false }],
    ['id 0', rpc('"id":0,"method":"m"'), { kind: 'request', idRaw: '0' }],
    ['white space around', ` \t\r\n${rpc('"method":"m"')}\n `, { kind: 'notification' }],
  ])('accepts: %s', (_title, text, expected) => {
    expect(scan(text)).toMatchObject({ ok: true, envelope: expected });
  });

  test('an error response without a usable id has none', () => {
    expect(plain(scan(rpc('"id":null,"error":{}')))).not.toHaveProperty('envelope.idRaw');
  });

  test('a batch gives the spans of its messages, whatever they are', () => {
    const text = ` [ {"a":1} , 2,[3,[4]] ,"x"]`;
    const result = scan(text);
    expect(result).toMatchObject({ ok: true, envelope: { kind: 'batch' } });
    const elements = result.ok ? (result.envelope.elements ?? []) : [];
    expect(elements.map(({ start, end }) => text.slice(start, end))).toEqual([
      '{"a":1}',
      '2',
      '[3,[4]]',
      '"x"',
    ]);
  });

  test('scans a range; offsets and spans count from the start of the buffer', () => {
    const inner = rpc('"id":12,"method":"m","params":{}');
    const text = Buffer.from(`xx${inner}yy`);
    const result = codec.scan(text, DEFAULT_LIMITS, 2, text.length - 2);
    const params = text.indexOf('{}');
    expect(result).toMatchObject({
      ok: true,
      envelope: { idRaw: '12', params: { start: params, end: params + 2 } },
    });
    expect(codec.scan(text, DEFAULT_LIMITS, 2)).toMatchObject({
      code: 'PARSE_SYNTAX',
      offset: text.length - 2,
    });
    expect(codec.scan(text, DEFAULT_LIMITS, 2, 8)).toMatchObject({ code: 'PARSE_SYNTAX', offset: 8 });
    expect(codec.scan(text, DEFAULT_LIMITS, 5, 5)).toMatchObject({ code: 'PARSE_EMPTY', offset: 5 });
  });

  // ¦ marks the offset of the failure.
  test.each<[string, string, string?]>([
    ['¦', 'PARSE_EMPTY'],
    [' \n¦', 'PARSE_EMPTY'],
    ['nul¦', 'PARSE_SYNTAX'],
    ['[1,¦]', 'PARSE_SYNTAX'],
    ['{"a":1,¦}', 'PARSE_SYNTAX'],
    ['{"a" ¦1}', 'PARSE_SYNTAX'],
    ['{¦a:1}', 'PARSE_SYNTAX'],
    ['[1¦}', 'PARSE_SYNTAX'],
    ['{"a":1¦]', 'PARSE_SYNTAX'],
    ['{}¦x', 'PARSE_SYNTAX'],
    ['[0¦1]', 'PARSE_SYNTAX'],
    ['[1.¦]', 'PARSE_SYNTAX'],
    ['[1e+¦]', 'PARSE_SYNTAX'],
    ['[-¦]', 'PARSE_SYNTAX'],
    ['"¦\u0001"', 'PARSE_SYNTAX'],
    ['"\\¦x"', 'PARSE_SYNTAX'],
    ['"\\u12¦g4"', 'PARSE_SYNTAX'],
    ['"\\ud800\\u12¦g4"', 'PARSE_SYNTAX'],
    ['"abc¦', 'PARSE_SYNTAX'],
    ['¦\ufeff{}', 'PARSE_SYNTAX'],
    ['[1]¦\u00a0', 'PARSE_SYNTAX'],
    ['¦7', 'ENVELOPE_TYPE'],
    [' ¦"x"', 'ENVELOPE_TYPE'],
    ['"¦\\ud800"', 'JSON_SURROGATE'],
    ['¦[]', 'BATCH_EMPTY'],
    [' ¦[ ]', 'BATCH_EMPTY'],
    [' ¦{}', 'ENVELOPE_VERSION'],
    ['¦{"id":5}', 'ENVELOPE_VERSION', '5'],
    ['{"id":5,"jsonrpc":¦"1.0","method":"m"}', 'ENVELOPE_VERSION', '5'],
    ['{"jsonrpc":¦2.0,"method":"m"}', 'ENVELOPE_VERSION'],
    ['¦{"jsonrpc":"2.0","id":1}', 'ENVELOPE_SHAPE', '1'],
    [rpc('"id":1,"result":1,"error":¦{}'), 'ENVELOPE_SHAPE', '1'],
    [rpc('"id":1,"error":¦null'), 'ENVELOPE_SHAPE', '1'],
    [rpc('"id":1,"method":¦"m","result":1'), 'ENVELOPE_SHAPE', '1'],
    ['¦{"jsonrpc":"2.0","result":1}', 'ENVELOPE_ID'],
    [rpc('"id":¦null,"result":1'), 'ENVELOPE_ID'],
    [rpc('"id":¦1.5,"error":{}'), 'ENVELOPE_ID'],
    [rpc('"id":1,"method":"m","params":¦[1]'), 'ENVELOPE_PARAMS', '1'],
    [rpc('"id":"i","method":"m","params":¦null'), 'ENVELOPE_PARAMS', '"i"'],
    [rpc('"method":"m","params":¦"x"'), 'ENVELOPE_PARAMS'],
    // The order in which several problems are told.
    [rpc('"id":1,"a":"\\ud800","a":1,¦'), 'PARSE_SYNTAX'],
    [rpc('"id":1,"a":"¦\\ud800","a":1'), 'JSON_SURROGATE', '1'],
    [rpc('"id":1,"a":1,¦"a":"\\ud800"'), 'JSON_DUPLICATE_KEY', '1'],
    ['{"id":1,"method":"a¦\\u0000\\ud800"}', 'JSON_CONTROL', '1'],
    ['{"id":1,"method":"a¦\\ud800\\u0000"}', 'JSON_SURROGATE', '1'],
    ['{"id":1,"a¦\\ud800\\u0000":0}', 'JSON_SURROGATE', '1'],
    ['¦{"id":1.5,"method":"","params":0}', 'ENVELOPE_VERSION'],
    [rpc('"id":1.5,"method":¦"","result":0'), 'ENVELOPE_SHAPE'],
    [rpc('"id":¦1.5,"method":"","params":0'), 'ENVELOPE_ID'],
    [rpc('"id":1,"method":¦"","params":0'), 'ENVELOPE_METHOD', '1'],
    // An id that is not one, or twice there, addresses nothing.
    [rpc('"id":1,¦"id":1,"method":"m"'), 'JSON_DUPLICATE_KEY'],
    [rpc('"id":"¦\\udc00","method":"m"'), 'JSON_SURROGATE'],
  ])('refuses %j with %s', (marked, code, idRaw) => {
    const text = marked.replace('¦', '');
    const offset = Buffer.byteLength(marked.slice(0, marked.indexOf('¦')));
    expect(scan(text)).toEqual({ ok: false, code, offset, ...(idRaw === undefined ? {} : { idRaw }) });
  });

  test.each([
    [
      'jsonDepth',
      { jsonDepth: 2 },
      rpc('"method":"m","params":{}'),
      rpc('"method":"m","params":{"a":[]}'),
      'JSON_DEPTH',
    ],
    ['jsonNodes', { jsonNodes: 4 }, rpc('"method":"m","x":1'), rpc('"method":"m","x":[1]'), 'JSON_NODES'],
    [
      'jsonNumber',
      { jsonNumber: 5 },
      rpc('"method":"m","x":-1.e2'.replace('1.e2', '1e12')),
      rpc('"method":"m","x":-1e123'),
      'JSON_NUMBER',
    ],
    ['idBytes', { idBytes: 4 }, rpc('"method":"m","id":"ab"'), rpc('"method":"m","id":"abc"'), 'ENVELOPE_ID'],
    [
      'idBytes of a number',
      { idBytes: 4 },
      rpc('"method":"m","id":-123'),
      rpc('"method":"m","id":-1234'),
      'ENVELOPE_ID',
    ],
    ['methodBytes', { methodBytes: 3 }, rpc('"method":"abc"'), rpc('"method":"abcd"'), 'ENVELOPE_METHOD'],
    ['batchMessages', { batchMessages: 2 }, '[1,2]', '[1,2,3]', 'BATCH_SIZE'],
  ])('%s: the limit is legal, one more is not', (_name, limits, legal, illegal, code) => {
    expect(codeOf(scan(legal, limits))).toBe('accepted');
    expect(codeOf(scan(illegal, limits))).toBe(code);
  });

  test('the first limit in byte order wins, before any later syntax error', () => {
    expect(scan('[123456,x', { jsonNumber: 5 })).toEqual({ ok: false, code: 'JSON_NUMBER', offset: 1 });
    expect(scan('[1,[[', { jsonDepth: 2 })).toEqual({ ok: false, code: 'JSON_DEPTH', offset: 4 });
    expect(scan('[1,2,x', { jsonNodes: 3 })).toEqual({ ok: false, code: 'JSON_NODES', offset: 5 });
    expect(scan('[1,2,x', { batchMessages: 2 })).toEqual({ ok: false, code: 'BATCH_SIZE', offset: 5 });
    expect(scan('[1.x', { jsonNumber: 1 })).toEqual({ ok: false, code: 'JSON_NUMBER', offset: 1 });
  });

  test('a batch larger than usual gets the room it needs', () => {
    const count = 5_000;
    const result = scan(`[${new Array(count).fill('1').join(',')}]`, { batchMessages: count });
    expect(result.ok && result.envelope.elements?.length).toBe(count);
    expect(result.ok && result.envelope.elements?.at(-1)).toEqual({ start: 2 * count - 1, end: 2 * count });
  });

  test('a batch reports the text errors of its messages only; each message reports its own', () => {
    const text = Buffer.from('[{"a":1,"a":"\\ud800"}]');
    expect(codec.scan(text, DEFAULT_LIMITS)).toMatchObject({
      ok: true,
      envelope: { elements: [{ start: 1, end: 21 }] },
    });
    expect(codec.scan(text, DEFAULT_LIMITS, 1, 21)).toMatchObject({ code: 'JSON_DUPLICATE_KEY', offset: 8 });
  });
});
