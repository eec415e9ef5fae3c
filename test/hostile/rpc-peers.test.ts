import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, legacyRequest, type Message, modernHeaders, modernRequest, post } from './harness/messages.ts';
import { type Reply, StdioPeer } from './harness/stdio-peer.ts';
import { CODECS, type CodecName, eventually, HttpTarget } from './harness/target.ts';

const answers = new Map<CodecName, Map<string, string>>();

interface Rpc {
  readonly id?: unknown;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
}
const parse = (text: string): Rpc => JSON.parse(text) as Rpc;

describe.each(CODECS)('what belongs to a peer, on %s', (codec) => {
  let http: HttpTarget;
  let stdio: StdioPeer;
  let batches: StdioPeer;
  const seen = new Map<string, string>();
  answers.set(codec, seen);

  beforeAll(async () => {
    const limits = { requestsPerPeer: 32 };
    [http, stdio, batches] = await Promise.all([
      HttpTarget.start({ codec, limits }),
      StdioPeer.start({ codec, limits }),
      StdioPeer.start({ codec, limits }),
    ]);
    await stdio.initialize();
    await batches.initialize('2025-03-26');
  });
  afterAll(() => Promise.all([http.stop(), stdio.stop(), batches.stop()]));

  const send = (message: Message) => http.post(message.body, message.headers);
  const inSession = (session: string, body: string) => http.post(body, { 'Mcp-Session-Id': session });

  describe('C12 ids that are taken or belong to others', () => {
    it('C12 a second request with an id in flight is refused, the first is answered', async () => {
      for (const [first, second] of [
        ['77', '77'],
        ['"same"', '"s\\u0061me"'],
        ['-0', '0'],
      ] as const) {
        const from = stdio.lines.length;
        stdio.line(
          `{"jsonrpc":"2.0","id":${first},"method":"tools/call","params":{"name":"sleep","arguments":{"label":"first","ms":150}}}`,
        );
        stdio.line(`{"jsonrpc":"2.0","id":${second},"method":"tools/call","params":{"name":"echo"}}`);
        await eventually(() => stdio.lines.length >= from + 2);
        const [refused, answered] = stdio.lines.slice(from);
        expect(parse(refused ?? '').error?.code).toBe(-32600);
        expect(refused).toContain(`"id":${second},`);
        expect(answered).toContain(`"id":${first},"result"`);
      }
      await stdio.expectAlive();
    });

    it('C12 a number and a string are two ids', async () => {
      const from = stdio.lines.length;
      const sleep = '"method":"tools/call","params":{"name":"sleep","arguments":{"label":"x","ms":50}}';
      stdio.line(`{"jsonrpc":"2.0","id":5,${sleep}}`);
      stdio.line(`{"jsonrpc":"2.0","id":"5",${sleep}}`);
      await eventually(() => stdio.lines.length >= from + 2);
      for (const line of stdio.lines.slice(from)) expect(line).toContain('"result"');
    });

    it('C12 more requests in flight than a peer may have -> refused, and none is lost', async () => {
      const session = await http.session();
      const flood = Array.from({ length: 48 }, (_, id) =>
        inSession(
          session,
          legacyRequest(id, 'tools/call', { name: 'sleep', arguments: { label: 'q', ms: 400 } }),
        ),
      );
      const replies = (await Promise.all(flood)).map((answer) => parse(answer.body));
      const refused = replies.filter((reply) => reply.error !== undefined);
      expect(refused.length).toBe(16);
      for (const reply of refused) expect(reply.error?.code).toBe(-32000);
      await http.expectAlive();
    });

    it.each(['1', '999', '"1"', '0', '1e0'])(
      'C12 a response to %s, which nobody asked, is dropped',
      async (id) => {
        const session = await http.session('2025-11-25', { elicitation: {} });
        const forged = `{"jsonrpc":"2.0","id":${id},"result":{"action":"accept","content":{"name":"forged"}}}`;
        const answer = await inSession(session, forged);
        expect([202, 400]).toContain(answer.status);
        expect(answer.status === 202 ? answer.body : '').toBe('');
        const from = stdio.lines.length;
        stdio.line(forged);
        await stdio.expectAlive();
        const said = stdio.lines.slice(from, -1);
        expect(said.every((line) => line.includes('-32600'))).toBe(true);
      },
    );

    it('C12 the answer to a question counts only in the session that was asked', async () => {
      const [victim, attacker] = [
        await http.session('2025-11-25', { elicitation: {} }),
        await http.session('2025-11-25', { elicitation: {} }),
      ];
      const connection = await http.connect();
      connection.write(
        post(http.port, legacyRequest(2, 'tools/call', { name: 'ask' }), { 'Mcp-Session-Id': victim }),
      );
      await connection.until('a question', () => connection.events().length >= 1);
      const question = JSON.parse(connection.events()[0] ?? '') as { id: number };
      const accept = (name: string): string =>
        JSON.stringify({ jsonrpc: '2.0', id: question.id, result: { action: 'accept', content: { name } } });
      expect((await inSession(attacker, accept('forged'))).status).toBe(202);
      expect((await inSession(victim, accept('honest'))).status).toBe(202);
      await connection.until('the result', () => connection.events().length >= 2);
      expect(connection.events()[1]).toContain('accept honest');
      connection.destroy();
    });
  });

  describe('C13 batches', () => {
    const ping = (id: number): string => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;

    it('C13 a batch in an era or revision without them -> -32600', async () => {
      const body = `[${ping(1)}]`;
      const modern = await http.post(body, modernHeaders('ping'));
      expect([modern.status, parse(modern.body).error?.code]).toEqual([400, -32600]);
      const session = await http.session('2025-06-18');
      const legacy = await inSession(session, body);
      expect([legacy.status, parse(legacy.body).error?.code]).toEqual([400, -32600]);
      expect(parse(await stdio.ask(body)).error?.code).toBe(-32600);
      await http.expectAlive();
    });

    it.each([
      ['of one', 1, 1],
      ['of the limit', 100, 100],
    ])('C13 a batch %s is answered as one', async (_title, count, expected) => {
      const body = `[${Array.from({ length: count }, (_, id) => ping(id)).join(',')}]`;
      const session = await http.session('2025-03-26');
      const answer = await inSession(session, body);
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toHaveLength(expected);
      expect(JSON.parse(await batches.ask(body))).toHaveLength(expected);
    });

    it.each([
      [
        'one over the limit',
        `[${Array.from({ length: 101 }, (_, id) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`).join(',')}]`,
      ],
      ['10^5 messages', `[${Array.from({ length: 100_000 }, () => '{"jsonrpc":"2.0"}').join(',')}]`],
      ['no message', '[]'],
    ])('C13 %s -> -32600 as a whole', async (_title, body) => {
      const session = await http.session('2025-03-26');
      const answer = await inSession(session, body);
      expect([answer.status, parse(answer.body).error?.code]).toEqual([400, -32600]);
      expect(parse(await batches.ask(body)).error?.code).toBe(-32600);
    });

    it('C13 every element is checked on its own', async () => {
      const body = `[1,[],[${ping(9)}],null,{"jsonrpc":"1.0","id":2,"method":"ping"},{"jsonrpc":"2.0","id":3,"method":"initialize"},{"jsonrpc":"2.0","id":4,"method":"no/such"},{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":9,"result":{}},${ping(5)}]`;
      const session = await http.session('2025-03-26');
      const answer = await inSession(session, body);
      const line = await batches.ask(body);
      seen.set('C13 elements', answer.body);
      for (const text of [answer.body, line]) {
        const replies = JSON.parse(text) as Reply[];
        const codes = replies.map((reply) => reply.error?.code ?? 'result');
        expect(codes.sort()).toEqual(
          [-32600, -32600, -32600, -32600, -32600, -32600, -32601, 'result'].sort(),
        );
        expect(replies.find((reply) => reply.id === 5)?.result).toEqual({});
      }
      await http.expectAlive();
    });

    it('C13 the same id twice in a batch is answered once', async () => {
      const sleep =
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sleep","arguments":{"label":"b","ms":20}}}';
      const session = await http.session('2025-03-26');
      const answer = await inSession(session, `[${sleep},${sleep}]`);
      const replies = JSON.parse(answer.body) as Reply[];
      expect(replies.map((reply) => reply.error?.code ?? 'result').sort()).toEqual([-32600, 'result']);
    });

    it('C13 nothing to answer -> 202', async () => {
      const session = await http.session('2025-03-26');
      const answer = await inSession(session, '[{"jsonrpc":"2.0","method":"notifications/x"}]');
      expect([answer.status, answer.body]).toEqual([202, '']);
    });
  });

  describe('C15 values that only the server makes', () => {
    const foreign: readonly unknown[] = [
      'x',
      '',
      'x'.repeat(1_000_000),
      'AAAA'.repeat(20),
      7,
      null,
      true,
      {},
      [],
      { toString: 1 },
      '../../x',
      '\u2028',
    ];
    it.each(['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list'])(
      'C15 a cursor of %s that is none -> -32602',
      async (method) => {
        for (const cursor of foreign) {
          const answer = await http.post(modernRequest(1, method, { cursor }), modernHeaders(method));
          expect(parse(answer.body).error?.code).toBe(-32602);
          expect(answer.body.length).toBeLessThan(1_000);
        }
        await http.expectAlive();
      },
    );

    it('C15 a requestState that is none -> -32602, no handler runs', async () => {
      const { effects } = await http.state();
      for (const requestState of foreign) {
        const body = modernRequest(1, 'tools/call', { name: 'ask', requestState });
        const answer = await http.post(body, modernHeaders('tools/call', 'ask'));
        expect(parse(answer.body).error?.code).toBe(-32602);
      }
      expect((await http.state()).effects).toBe(effects);
    });

    it('C15 inputResponses that are no object -> -32602', async () => {
      for (const inputResponses of ['x', 7, null, [], true]) {
        const body = modernRequest(1, 'tools/call', { name: 'ask', inputResponses });
        const answer = await http.post(body, modernHeaders('tools/call', 'ask'));
        expect(parse(answer.body).error?.code).toBe(-32602);
      }
    });

    it.each([['x'.repeat(1_000_000)], [1.5], [null], [true], [{}], [[]], ['x'.repeat(255)]])(
      'C15 a progressToken that is none -> -32602, in both eras',
      async (progressToken) => {
        const modern = await send(call('echo', {}, 1, { progressToken }));
        expect([modern.status, parse(modern.body).error?.code]).toEqual([400, -32602]);
        const line = await stdio.request('tools/call', { name: 'echo', _meta: { progressToken } });
        expect(line.error?.code).toBe(-32602);
      },
    );

    it('C15 progress tokens come back byte for byte', async () => {
      const from = stdio.lines.length;
      stdio.line(
        '{"jsonrpc":"2.0","id":"token","method":"tools/call","params":{"name":"tagged","arguments":{"tag":"t","turns":1},"_meta":{"progressToken":9007199254740993}}}',
      );
      await stdio.replyTo('token');
      expect(stdio.lines[from]).toContain('"progressToken":9007199254740993');
    });
  });

  it('C12 C13 C15 stdout stayed pure', () => {
    stdio.expectPure();
    batches.expectPure();
  });
});

describe.skipIf(CODECS.length < 2)('both codecs', () => {
  it('C13 answer the same bytes', () => {
    const [native, js] = [answers.get('native'), answers.get('js')];
    expect(native?.size).toBeGreaterThan(0);
    expect(Object.fromEntries(native ?? [])).toEqual(Object.fromEntries(js ?? []));
  });
});
