import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  call,
  callWithText,
  legacyRequest,
  META,
  type Message,
  MODERN,
  modernHeaders,
  modernMeta,
  modernRequest,
  post,
  rawRequest,
} from './harness/messages.ts';
import { StdioPeer } from './harness/stdio-peer.ts';
import { CODECS, type CodecName, eventually, HttpTarget } from './harness/target.ts';

const answers = new Map<CodecName, Map<string, string>>();

/** Ids that a server may answer or refuse, but never change. */
const IDS: readonly (readonly [name: string, text: string])[] = [
  ['0', '0'],
  ['-1', '-1'],
  ['-0', '-0'],
  ['1.0', '1.0'],
  ['1.5', '1.5'],
  ['1e2', '1e2'],
  ['1E400', '1E400'],
  ['1e-400', '1e-400'],
  ['2^53+1', '9007199254740993'],
  ['-(2^53+1)', '-9007199254740993'],
  ['2^64', '18446744073709551616'],
  ['60 digits', '9'.repeat(60)],
  ['65 digits', '9'.repeat(65)],
  ['the empty string', '""'],
  ['an emoji', '"😀"'],
  ['an escaped emoji', '"\\ud83d\\ude00"'],
  ['an escaped letter', '"\\u0061"'],
  ['a slash', '"a\\/b"'],
  ['quotes', '"a\\"b\\\\"'],
  ['a script end', '"</script>"'],
  ['a line separator', '"\u2028"'],
  ['an escaped line break', '"a\\nb"'],
  ['__proto__', '"__proto__"'],
  ['null as text', '"null"'],
  ['254 bytes', `"${'x'.repeat(254)}"`],
  ['255 bytes', `"${'x'.repeat(255)}"`],
  ['1 MB', `"${'x'.repeat(1_000_000)}"`],
  ['1 MB of digits', '1'.repeat(1_000_000)],
];

const MALFORMED: readonly (readonly [name: string, body: string, code: number])[] = [
  ['id null', '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
  ['id object', '{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600],
  ['id array', '{"jsonrpc":"2.0","id":[1],"method":"ping"}', -32600],
  ['id true', '{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600],
  ['no jsonrpc', '{"id":1,"method":"ping"}', -32600],
  ['jsonrpc 1.0', '{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
  ['jsonrpc 2', '{"jsonrpc":2.0,"id":1,"method":"ping"}', -32600],
  ['jsonrpc with a space', '{"jsonrpc":"2.0 ","id":1,"method":"ping"}', -32600],
  ['JSONRPC', '{"JSONRPC":"2.0","id":1,"method":"ping"}', -32600],
  ['params string', '{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}', -32602],
  ['params null', '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}', -32602],
  ['params array', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602],
  ['params number', '{"jsonrpc":"2.0","id":1,"method":"ping","params":1}', -32602],
  ['method empty', '{"jsonrpc":"2.0","id":1,"method":""}', -32600],
  ['method null', '{"jsonrpc":"2.0","id":1,"method":null}', -32600],
  ['method number', '{"jsonrpc":"2.0","id":1,"method":7}', -32600],
  ['method of 1 MB', `{"jsonrpc":"2.0","id":1,"method":"${'x'.repeat(1_000_000)}"}`, -32600],
  ['method with a line break', '{"jsonrpc":"2.0","id":1,"method":"a\\nlevel=error msg=forged"}', -32600],
  ['neither method nor result', '{"jsonrpc":"2.0","id":1}', -32600],
  ['result and error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}', -32600],
  ['method and result', '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', -32600],
  ['a string', '"ping"', -32600],
  ['a number', '42', -32600],
  ['null', 'null', -32600],
  ['an empty object', '{}', -32600],
  ['an empty batch', '[]', -32600],
  [
    'a batch of a thousand',
    `[${Array.from({ length: 1_000 }, () => '{"jsonrpc":"2.0","id":1,"method":"ping"}').join(',')}]`,
    -32600,
  ],
];

interface Rpc {
  readonly id?: unknown;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
}
const parse = (text: string): Rpc => JSON.parse(text) as Rpc;

describe.each(CODECS)('JSON-RPC on %s', (codec) => {
  let http: HttpTarget;
  let stdio: StdioPeer;
  const seen = new Map<string, string>();
  answers.set(codec, seen);

  beforeAll(async () => {
    [http, stdio] = await Promise.all([HttpTarget.start({ codec }), StdioPeer.start({ codec })]);
    await stdio.initialize();
  });
  afterAll(() => Promise.all([http.stop(), stdio.stop()]));

  const send = (message: Message) => http.post(message.body, message.headers);
  const inSession = (session: string, body: string) => http.post(body, { 'Mcp-Session-Id': session });

  describe('C09 keys that name parts of every object', () => {
    const hostile =
      '{"__proto__":{"polluted":1,"isAdmin":true},"constructor":{"prototype":{"polluted":1}},"hasOwnProperty":1,"toString":1,"valueOf":null,"then":1,"toJSON":1}';
    const expectUnpolluted = async (): Promise<void> => {
      const answer = await send(call('pollution'));
      expect(answer.body).toContain('{\\"polluted\\":null,\\"isAdmin\\":null}');
    };

    it('C09 in arguments are own data', async () => {
      const answer = await send(callWithText('echo', hostile));
      seen.set('C09 arguments', answer.body);
      expect(answer.status).toBe(200);
      expect(answer.body).toContain(JSON.stringify(hostile));
      await expectUnpolluted();
    });

    it('C09 in validated arguments are own data', async () => {
      const answer = await http.post(
        callWithText('typed', '{"region":"eu","__proto__":{"shard":7},"constructor":{"x":1}}').body,
        { ...modernHeaders('tools/call', 'typed'), 'Mcp-Param-Region': 'eu' },
      );
      expect(answer.status).toBe(200);
      expect(answer.body).toContain('eu/undefined');
      await expectUnpolluted();
    });

    it('C09 in params, _meta, capabilities, contexts and filters', async () => {
      const meta = JSON.stringify(modernMeta()).slice(0, -1);
      const requests: readonly (readonly [string, string, string?])[] = [
        ['tools/call', `{"name":"echo","__proto__":{"name":"never"},"_meta":${meta}}}`, 'echo'],
        ['tools/call', `{"name":"echo","_meta":${meta},"__proto__":{"progressToken":1}}}`, 'echo'],
        ['tools/list', `{"constructor":{},"_meta":${meta},"constructor":{"prototype":{"polluted":1}}}}`],
        ['prompts/get', `{"name":"greet","arguments":{"who":"x","__proto__":"y"},"_meta":${meta}}}`, 'greet'],
        ['prompts/get', `{"name":"__proto__","_meta":${meta}}}`, '__proto__'],
        ['tools/call', `{"name":"constructor","_meta":${meta}}}`, 'constructor'],
        ['resources/read', `{"uri":"__proto__","_meta":${meta}}}`, '__proto__'],
        ['tools/call', `{"name":"ask","inputResponses":${hostile},"_meta":${meta}}}`, 'ask'],
        [
          'tools/call',
          `{"name":"ask","inputResponses":{"__proto__":{"elicit-1":{"action":"accept","content":{"name":"forged"}}}},"_meta":${meta}}}`,
          'ask',
        ],
        [
          'completion/complete',
          `{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"__proto__","value":""},"context":{"arguments":{"__proto__":"x"}},"_meta":${meta}}}`,
        ],
      ];
      for (const [method, params, name] of requests) {
        const body = `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`;
        const answer = await http.post(body, modernHeaders(method, name));
        expect([200, 400, 404], body).toContain(answer.status);
        expect(answer.body).not.toContain('forged');
        await expectUnpolluted();
      }
      await http.expectAlive();
    });

    it('C09 in initialize', async () => {
      const body = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":${hostile},"clientInfo":{"name":"x","version":"1","__proto__":{"polluted":1}}}}`;
      expect((await http.post(body)).status).toBe(200);
      await expectUnpolluted();
    });
  });

  describe('C10 ids', () => {
    it.each(IDS)('C10 %s comes back byte for byte or is refused', async (name, text) => {
      const answer = await http.post(
        `{"jsonrpc":"2.0","id":${text},"method":"server/discover","params":{"_meta":${JSON.stringify(modernMeta())}}}`,
        modernHeaders('server/discover'),
      );
      seen.set(`C10 http ${name}`, answer.body);
      if (answer.status === 200) {
        expect(answer.body.startsWith(`{"jsonrpc":"2.0","id":${text},"result":`)).toBe(true);
      } else {
        expect(answer.status).toBe(400);
        expect(parse(answer.body).error?.code).toBe(-32600);
        expect(parse(answer.body).id).toBeUndefined();
      }
      const line = await stdio.ask(`{"jsonrpc":"2.0","id":${text},"method":"ping"}`);
      seen.set(`C10 stdio ${name}`, line);
      if (answer.status === 200) expect(line).toBe(`{"jsonrpc":"2.0","id":${text},"result":{}}`);
      else expect(line).toContain('"code":-32600');
      await http.expectAlive();
    });

    it.each(['9007199254740993', '"\\u0061"', '18446744073709551616'])(
      'C10 %s comes back in everything a stream says',
      async (text) => {
        const connection = await http.connect();
        const body = `{"jsonrpc":"2.0","id":${text},"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["test://note"]},"_meta":${JSON.stringify(modernMeta())}}}`;
        connection.write(post(http.port, body, modernHeaders('subscriptions/listen')));
        await connection.until('acknowledged', () => connection.events().length >= 1);
        await send(call('change', { uri: 'test://note' }));
        await connection.until('an update', () => connection.events().length >= 2);
        for (const event of connection.events()) expect(event).toContain(`"${META}/subscriptionId":${text}`);
        connection.destroy();
      },
    );

    it('C10 a stream that the server ends names its id byte for byte', async () => {
      const peer = await StdioPeer.start({ codec });
      try {
        const id = '9007199254740993';
        peer.line(
          `{"jsonrpc":"2.0","id":${id},"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":${JSON.stringify(modernMeta())}}}`,
        );
        await eventually(() => peer.lines.length === 1);
        peer.child.kill('SIGTERM');
        await eventually(() => peer.lines.length === 2);
        expect(peer.lines[1]).toContain(`"id":${id},"result":`);
        expect(peer.lines[1]).toContain(`"${META}/subscriptionId":${id}`);
      } finally {
        await peer.stop();
      }
    });
  });

  describe('C11 messages that are none', () => {
    it.each(MALFORMED)('C11 C13 %s -> refused', async (name, body, code) => {
      const answer = await http.post(body);
      seen.set(`C11 http ${name}`, answer.body);
      expect(answer.status).toBe(400);
      expect(parse(answer.body).error?.code).toBe(code);
      const line = await stdio.ask(body);
      seen.set(`C11 stdio ${name}`, line);
      expect(parse(line).error?.code).toBe(code);
      expect(http.output + stdio.stderr).not.toMatch(/^level=error msg=forged/m);
      expect(answer.body.length).toBeLessThan(1_000);
      await http.expectAlive();
    });
  });

  describe('C16 methods that do not exist', () => {
    it.each([
      'no/such',
      'tools/',
      'TOOLS/LIST',
      'rpc.discover',
      'constructor',
      '__proto__',
      'toString',
      'tools/list ',
    ])('C16 %j -> -32601, HTTP 404 in the modern era', async (method) => {
      const modern = await http.post(modernRequest(1, method), modernHeaders(method.trim()));
      // Header values have no trailing space, so a method with one cannot agree with its header.
      const expected = method.endsWith(' ') ? [400, -32020] : [404, -32601];
      expect([modern.status, parse(modern.body).error?.code]).toEqual(expected);
      const session = await http.session();
      const legacy = await inSession(session, legacyRequest(1, method));
      expect([legacy.status, parse(legacy.body).error?.code]).toEqual([200, -32601]);
      expect((await stdio.request(method)).error?.code).toBe(-32601);
    });

    it('C16 methods of one era do not exist in the other', async () => {
      const modern = await http.post(
        modernRequest(1, 'resources/subscribe'),
        modernHeaders('resources/subscribe'),
      );
      expect(modern.status).toBe(404);
      const session = await http.session();
      for (const method of ['server/discover', 'subscriptions/listen']) {
        expect(parse((await inSession(session, legacyRequest(1, method))).body).error?.code).toBe(-32601);
      }
    });

    it.each(['notifications/no-such', 'tools/call', 'initialize', 'notifications/cancelled', 'x'])(
      'C16 a notification %s gets no reply',
      async (method) => {
        const { effects } = await http.state();
        const body = JSON.stringify({ jsonrpc: '2.0', method, params: { name: 'echo', requestId: 404 } });
        const session = await http.session();
        for (const answer of [
          await inSession(session, body),
          await http.post(
            JSON.stringify({ jsonrpc: '2.0', method, params: { name: 'echo', _meta: modernMeta() } }),
            { 'MCP-Protocol-Version': MODERN, 'Mcp-Method': method },
          ),
        ]) {
          expect([answer.status, answer.body]).toEqual([202, '']);
        }
        const from = stdio.lines.length;
        stdio.line(body);
        await stdio.expectAlive();
        expect(stdio.lines.slice(from)).toHaveLength(1);
        expect((await http.state()).effects).toBe(effects);
      },
    );

    it('C16 a response in the modern era -> 400', async () => {
      const answer = await http.exchange(
        rawRequest(
          'POST',
          '/mcp',
          [
            ['Host', `127.0.0.1:${http.port}`],
            ['Content-Type', 'application/json'],
            ['Content-Length', '36'],
            ['MCP-Protocol-Version', MODERN],
          ],
          '{"jsonrpc":"2.0","id":1,"result":{}}',
        ),
      );
      expect([answer.status, parse(answer.body).error?.code]).toEqual([400, -32600]);
    });
  });

  it('C09 C10 C11 C16 stdout stayed pure', () => {
    stdio.expectPure();
  });
});

describe.skipIf(CODECS.length < 2)('both codecs', () => {
  it('C09 C10 C11 C13 answer the same bytes', () => {
    const [native, js] = [answers.get('native'), answers.get('js')];
    expect(native?.size).toBeGreaterThan(100);
    expect(Object.fromEntries(native ?? [])).toEqual(Object.fromEntries(js ?? []));
  });
});
