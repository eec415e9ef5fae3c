import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, legacyRequest, modernHeaders, modernRequest, post, rawRequest } from './harness/messages.ts';
import type { RawConnection } from './harness/raw-connection.ts';
import { StdioPeer } from './harness/stdio-peer.ts';
import { eventually, HttpTarget } from './harness/target.ts';

const MIB = 1024 * 1024;

interface Rpc {
  readonly error?: { readonly code: number };
  readonly result?: Readonly<Record<string, unknown>>;
}
const parse = (text: string): Rpc => JSON.parse(text) as Rpc;

let target: HttpTarget;
beforeAll(async () => {
  target = await HttpTarget.start({
    limits: { streamsPerSession: 4, listenStreams: 8, keepAliveMs: 100, sessionIdleMs: 600_000 },
  });
});
afterAll(() => target.stop());

const send = (session: string | undefined, body: string, headers: Record<string, string> = {}) =>
  target.post(body, { 'Mcp-Session-Id': session, ...headers });
const initialize = (version: unknown, more: object = {}): string =>
  legacyRequest(1, 'initialize', {
    protocolVersion: version,
    capabilities: {},
    clientInfo: { name: 'attacker', version: '1' },
    ...more,
  });

/** GET or DELETE in a session. */
function bare(method: string, session: string, headers: Record<string, string> = {}): Buffer {
  return rawRequest(method, '/mcp', [
    ['Host', `127.0.0.1:${target.port}`],
    ['Accept', 'text/event-stream'],
    ['Mcp-Session-Id', session],
    ...Object.entries(headers),
  ]);
}

async function stream(session: string): Promise<RawConnection> {
  const connection = await target.connect();
  connection.write(bare('GET', session));
  expect((await connection.streamHead()).status).toBe(200);
  return connection;
}

describe('D08 the order of a session', () => {
  it('D08 a request before initialize is refused, and initialize still works', async () => {
    const { effects } = await target.state();
    const call_ = legacyRequest(1, 'tools/call', { name: 'echo' });
    expect((await send(undefined, call_)).status).toBe(400);
    expect((await target.state()).effects).toBe(effects);
    const peer = await StdioPeer.start();
    try {
      expect((await peer.request('tools/call', { name: 'echo' })).error?.code).toBe(-32600);
      expect((await peer.request('tools/list')).error?.code).toBe(-32600);
      peer.line('{"jsonrpc":"2.0","method":"notifications/initialized"}');
      expect((await peer.request('tools/list')).error?.code).toBe(-32600);
      await peer.initialize();
      expect((await peer.request('tools/list')).result?.['tools']).toBeDefined();
    } finally {
      await peer.stop();
    }
  });

  it('D08 a second initialize changes nothing', async () => {
    const session = await target.session('2025-03-26');
    for (const version of ['2025-11-25', '2024-11-05', 'x']) {
      expect(parse((await send(session, initialize(version))).body).error?.code).toBe(-32600);
    }
    // Still the revision that has batches.
    expect((await send(session, '[{"jsonrpc":"2.0","id":1,"method":"ping"}]')).status).toBe(200);
  });

  it('D08 a request of an older revision within a session does not downgrade it', async () => {
    const session = await target.session('2025-11-25');
    const batch = '[{"jsonrpc":"2.0","id":1,"method":"ping"}]';
    expect((await send(session, batch, { 'MCP-Protocol-Version': '2025-03-26' })).status).toBe(400);
    expect((await send(session, batch)).status).toBe(400);
  });

  it('D08 an unknown revision header within a session -> 400', async () => {
    const session = await target.session();
    const ping = legacyRequest(2, 'ping');
    expect((await send(session, ping, { 'MCP-Protocol-Version': '1999-01-01' })).status).toBe(400);
    expect((await send(session, ping)).status).toBe(200);
  });

  it.each(['1999-01-01', '2026-07-28', '', 'x'.repeat(10_000)])(
    'D08 initialize with revision %j is answered with the newest we share',
    async (version) => {
      const answer = parse((await send(undefined, initialize(version))).body);
      expect(answer.result?.['protocolVersion']).toBe('2025-11-25');
    },
  );

  it.each([
    ['no version', { protocolVersion: undefined }],
    ['a version that is a number', { protocolVersion: 1 }],
    ['a version that is a list', { protocolVersion: ['2025-11-25'] }],
    ['no capabilities', { capabilities: undefined }],
    ['capabilities that are a list', { capabilities: [] }],
    ['no client info', { clientInfo: undefined }],
    ['client info without a name', { clientInfo: { version: '1' } }],
  ])('D08 initialize with %s -> -32602 and no session', async (_title, more) => {
    const answer = await send(undefined, initialize('2025-11-25', more));
    expect(parse(answer.body).error?.code).toBe(-32602);
    expect(answer.headers.has('mcp-session-id')).toBe(false);
  });

  it('D08 a stdio connection keeps its era', async () => {
    const peer = await StdioPeer.start();
    try {
      await peer.initialize();
      const modern = await peer.ask(modernRequest('m', 'server/discover'));
      expect(modern).toContain('-32601');
    } finally {
      await peer.stop();
    }
  });
});

describe('D09 sessions that are none', () => {
  const ping = legacyRequest(1, 'tools/list');

  it('D09 no session id -> 400, although there is a session', async () => {
    await target.session();
    expect((await send(undefined, ping)).status).toBe(400);
    for (const method of ['GET', 'DELETE']) {
      const request = rawRequest(method, '/mcp', [
        ['Host', `127.0.0.1:${target.port}`],
        ['Accept', 'text/event-stream'],
      ]);
      expect((await target.exchange(request)).status).toBe(400);
    }
  });

  it('D09 an unknown session -> 404 for every method', async () => {
    const unknown = randomBytes(18).toString('base64url');
    expect((await send(unknown, ping)).status).toBe(404);
    expect((await send(unknown, initialize('2025-11-25'))).status).toBe(404);
    expect((await send(unknown, '{"jsonrpc":"2.0","method":"notifications/initialized"}')).status).toBe(404);
    for (const method of ['GET', 'DELETE'])
      expect((await target.exchange(bare(method, unknown))).status).toBe(404);
  });

  it('D09 a deleted session -> 404, its streams end, its requests are cancelled', async () => {
    const session = await target.session();
    const listening = await stream(session);
    const waiting = await target.connect();
    waiting.write(
      post(target.port, legacyRequest(2, 'tools/call', { name: 'wait', arguments: { label: 'deleted' } }), {
        'Mcp-Session-Id': session,
      }),
    );
    await delay(100);
    expect((await target.exchange(bare('DELETE', session))).status).toBe(204);
    await listening.until(
      'the end of the stream',
      () => listening.text.includes('\r\n0\r\n') || listening.closed,
    );
    await eventually(async () => (await target.state()).aborted.includes('deleted'));
    expect((await send(session, ping)).status).toBe(404);
    expect((await target.exchange(bare('DELETE', session))).status).toBe(404);
    listening.destroy();
    waiting.destroy();
    await target.expectAlive();
  });

  it('D09 an expired session -> 404; one with an open stream does not expire', async () => {
    const short = await HttpTarget.start({ limits: { sessionIdleMs: 300 } });
    try {
      const idle = await short.session();
      const held = await short.session();
      const connection = await short.connect();
      connection.write(
        rawRequest('GET', '/mcp', [
          ['Host', `127.0.0.1:${short.port}`],
          ['Accept', 'text/event-stream'],
          ['Mcp-Session-Id', held],
        ]),
      );
      await connection.streamHead();
      await delay(1_000);
      expect((await short.post(ping, { 'Mcp-Session-Id': idle })).status).toBe(404);
      expect((await short.post(ping, { 'Mcp-Session-Id': held })).status).toBe(200);
      connection.destroy();
      await eventually(async () => {
        await delay(700);
        return (await short.post(ping, { 'Mcp-Session-Id': held })).status === 404;
      });
    } finally {
      await short.stop();
    }
  });

  it('D09 streams that were only queued do not hold a session', async () => {
    const short = await HttpTarget.start({ limits: { sessionIdleMs: 300 } });
    try {
      const session = await short.session();
      const connection = await short.connect();
      const get = rawRequest('GET', '/mcp', [
        ['Host', `127.0.0.1:${short.port}`],
        ['Accept', 'text/event-stream'],
        ['Mcp-Session-Id', session],
      ]);
      connection.write(Buffer.concat([get, get, get]));
      await connection.streamHead();
      connection.reset();
      await eventually(async () => {
        await delay(700);
        return (await short.post(ping, { 'Mcp-Session-Id': session })).status === 404;
      });
    } finally {
      await short.stop();
    }
  });
});

describe('D11 guessed sessions', () => {
  it('D11 near misses -> 404, at any place', async () => {
    const session = await target.session();
    const misses = [
      session.slice(0, -1),
      `${session}A`,
      session.toLowerCase() === session ? session.toUpperCase() : session.toLowerCase(),
      `${session}=`,
      `${session}%00`,
      `"${session}"`,
      `${session},${session}`,
      `${session.slice(0, -1)}${session.endsWith('A') ? 'B' : 'A'}`,
      `${session.startsWith('A') ? 'B' : 'A'}${session.slice(1)}`,
      'undefined',
      'null',
      '*',
      '__proto__',
      'constructor',
      '0',
      '\x80\xff',
      'é',
      'x'.repeat(8_000),
      '',
    ];
    for (const miss of misses) {
      const answer = await send(miss, legacyRequest(1, 'tools/list'));
      expect(answer.status, JSON.stringify(miss)).toBe(404);
      expect(answer.body).not.toContain(session);
    }
    expect((await send(session, legacyRequest(1, 'tools/list'))).status).toBe(200);
  });

  it('D11 ids are long, random and visible', async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, () => target.session()));
    expect(new Set(ids).size).toBe(50);
    for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]{22,}$/);
    const first = new Set(ids.map((id) => id.slice(0, 4)));
    expect(first.size).toBeGreaterThan(45);
  });

  it('D11 thousands of guesses over one connection find nothing and leave nothing', async () => {
    const before = target.rss();
    const connection = await target.connect();
    const guesses = 900;
    connection.write(
      Buffer.concat(
        Array.from({ length: guesses }, () =>
          post(target.port, legacyRequest(1, 'ping'), {
            'Mcp-Session-Id': randomBytes(18).toString('base64url'),
          }),
        ),
      ),
    );
    for (let i = 0; i < guesses; i += 1) expect((await connection.response()).status).toBe(404);
    connection.destroy();
    expect(target.rss() - before).toBeLessThan(64 * MIB);
    await target.expectAlive();
  });
});

describe('D15 streams', () => {
  it('D15 a message goes to exactly one of two GET streams', async () => {
    const session = await target.session();
    const streams = [await stream(session), await stream(session)];
    await send(session, legacyRequest(2, 'resources/subscribe', { uri: 'test://note' }));
    const update = call('change', { uri: 'test://note' });
    for (let i = 0; i < 5; i += 1) await target.post(update.body, update.headers);
    await eventually(() => streams.reduce((sum, each) => sum + each.events().length, 0) >= 5);
    expect(streams.map((each) => each.events().length).sort()).toEqual([0, 5]);
    // When that one goes, the other takes over.
    const [first, second] = streams[0]?.events().length === 5 ? streams : [...streams].reverse();
    first?.destroy();
    await delay(100);
    await target.post(update.body, update.headers);
    await eventually(() => second?.events().length === 1);
    second?.destroy();
  });

  it('D15 one GET stream more than a session may have -> 429; a closed one makes room', async () => {
    const session = await target.session();
    const streams = await Promise.all(Array.from({ length: 4 }, () => stream(session)));
    expect((await target.exchange(bare('GET', session))).status).toBe(429);
    streams[0]?.destroy();
    await eventually(async () => {
      const connection = await target.connect();
      connection.write(bare('GET', session));
      const { status } = await connection.streamHead();
      streams.push(connection);
      return status === 200;
    });
    for (const each of streams) each.destroy();
    await target.expectAlive();
  });

  it('D15 one listen stream more than there may be -> 429; a closed one makes room', async () => {
    const listen = modernRequest(1, 'subscriptions/listen', { notifications: { toolsListChanged: true } });
    const open = async (): Promise<RawConnection> => {
      const connection = await target.connect();
      connection.write(post(target.port, listen, modernHeaders('subscriptions/listen')));
      return connection;
    };
    const streams = await Promise.all(Array.from({ length: 8 }, open));
    for (const each of streams) await each.until('acknowledged', () => each.events().length === 1);
    const refused = await target.post(listen, modernHeaders('subscriptions/listen'));
    expect([refused.status, parse(refused.body).error?.code]).toEqual([429, -32000]);
    for (const each of streams) each.reset();
    await eventually(async () => {
      const again = await open();
      await again.until('an answer', () => again.size > 0);
      const { status } = await again.streamHead();
      again.destroy();
      return status === 200;
    });
  });

  it('D15 more subscriptions than a stream may have -> 429', async () => {
    const uris = Array.from({ length: 1_001 }, (_, index) => `test://item/${index}`);
    const listen = modernRequest(1, 'subscriptions/listen', {
      notifications: { resourceSubscriptions: uris },
    });
    const refused = await target.post(listen, modernHeaders('subscriptions/listen'));
    expect([refused.status, parse(refused.body).error?.code]).toEqual([429, -32000]);
  });

  it('D15 thousands of GET streams one after the other leave nothing behind', async () => {
    const session = await target.session();
    const cycle = async (): Promise<void> => {
      const connection = await stream(session);
      connection.reset();
    };
    const many = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 2) {
        await Promise.all([cycle(), cycle()]);
        await eventually(async () => (await target.exchange(bare('GET', 'none'))).status === 404);
      }
    };
    await many(200);
    const before = target.rss();
    await many(1_000);
    expect(target.rss() - before).toBeLessThan(32 * MIB);
    await target.expectAlive();
  });
});
