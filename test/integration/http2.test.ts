import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { loadNative } from '../../src/native/loader.ts';
import { createServer, type Listening, type Server } from '../../src/server/index.ts';
import { call, legacyRequest } from '../hostile/harness/messages.ts';
import { eventually } from '../hostile/harness/target.ts';

const FRONTS = loadNative().status.loaded ? (['native', 'node'] as const) : (['node'] as const);
const { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL } = constants;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

interface Reply {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

describe.each(FRONTS)('HTTP/2 on the %s front', (front) => {
  const open: { close(): Promise<void> }[] = [];
  const sessions: ClientHttp2Session[] = [];
  const aborted: string[] = [];
  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    for (const each of open.splice(0)) await each.close();
    aborted.length = 0;
  });

  async function start(limits: object = {}): Promise<Listening> {
    const server: Server = createServer({ name: 'h2', version: '1.0.0', limits });
    server.tool('echo', {}, (args) => JSON.stringify(args));
    server.tool('big', {}, ({ bytes }) => 'x'.repeat(Number(bytes)));
    server.tool('wait', {}, ({ ms }, ctx) => {
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve('waited'), Number(ms));
        ctx.signal.addEventListener('abort', () => {
          clearTimeout(timer);
          aborted.push('wait');
          resolve('aborted');
        });
      });
    });
    server.tool('steps', {}, (_args, ctx) => {
      for (let step = 1; step <= 3; step += 1) ctx.progress({ progress: step });
      return 'done';
    });
    const listening = await server.listen({ port: 0, front });
    expect(listening.front).toBe(front);
    open.push(listening);
    return listening;
  }

  function connect({ port }: Listening): ClientHttp2Session {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    sessions.push(session);
    return session;
  }

  function begin(
    session: ClientHttp2Session,
    headers: Readonly<Record<string, string>>,
    method = 'POST',
  ): ClientHttp2Stream {
    return session.request({
      ':method': method,
      ':path': '/mcp',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    });
  }

  async function reply(stream: ClientHttp2Stream): Promise<Reply> {
    const head = once(stream, 'response');
    let body = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      body += chunk;
    });
    const ended = once(stream, 'end');
    const [headers] = (await head) as [IncomingHttpHeaders];
    await ended;
    return { headers, body };
  }

  function ask(session: ClientHttp2Session, message: ReturnType<typeof call>): Promise<Reply> {
    const stream = begin(session, message.headers);
    stream.end(message.body);
    return reply(stream);
  }

  it('answers many requests at once on one connection, beside HTTP/1.1 on the same port', async () => {
    const listening = await start();
    const session = connect(listening);
    const asked = Array.from({ length: 50 }, (_, n) => ask(session, call('echo', { n }, n)));
    for (const [n, { headers, body }] of (await Promise.all(asked)).entries()) {
      expect(headers[':status']).toBe(200);
      expect(headers['content-type']).toBe('application/json');
      expect(JSON.parse(body)).toMatchObject({ id: n, result: { content: [{ text: `{"n":${n}}` }] } });
    }
    const { headers, body } = await ask(session, call('big', { bytes: 3_000_000 }));
    expect(Number(headers['content-length'])).toBe(body.length);
    expect((await fetch(listening.url.replace('/mcp', '/healthz'))).status).toBe(200);
    const stream = session.request({ ':path': '/healthz', ':method': 'HEAD' });
    expect((await reply(stream)).headers[':status']).toBe(200);
  });

  it('streams events, and the messages of a legacy session', async () => {
    const session = connect(await start({ keepAliveMs: 30 }));
    const steps = await ask(session, call('steps', {}, 7, { progressToken: 't' }));
    expect(steps.headers['content-type']).toBe('text/event-stream');
    expect(steps.headers['content-length']).toBeUndefined();
    expect(steps.body.match(/^data: /gm)).toHaveLength(4);
    expect(steps.body).toContain('"id":7');
    const opening = begin(session, {});
    opening.end(
      legacyRequest(1, 'initialize', {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'c', version: '1' },
      }),
    );
    const id = String((await reply(opening)).headers['mcp-session-id']);
    const events = begin(session, { 'mcp-session-id': id, accept: 'text/event-stream' }, 'GET');
    events.setEncoding('utf8');
    let text = '';
    events.on('data', (chunk: string) => {
      text += chunk;
    });
    await eventually(() => text.includes(':\n\n:\n\n'));
    const ended = once(events, 'end');
    const ending = begin(session, { 'mcp-session-id': id }, 'DELETE');
    expect((await reply(ending)).headers[':status']).toBeLessThan(300);
    await ended;
  });

  it('aborts the handlers of streams that are reset and of connections that are lost', async () => {
    const listening = await start();
    const session = connect(listening);
    const wait = call('wait', { ms: 60_000 });
    const first = begin(session, wait.headers);
    first.on('error', () => {});
    first.end(wait.body);
    const other = connect(listening);
    const second = begin(other, wait.headers);
    second.on('error', () => {});
    second.end(wait.body);
    await ask(session, call('echo'));
    first.close(NGHTTP2_CANCEL);
    await eventually(() => aborted.length === 1);
    expect((await ask(session, call('echo'))).headers[':status']).toBe(200);
    other.destroy();
    await eventually(() => aborted.length === 2);
  });

  it('ends what is late: bodies, idle connections and peers that answer no ping', async () => {
    const limits = { requestMs: 200, headersMs: 200, idleMs: 300, keepAliveMs: 50, writeStallMs: 150 };
    const listening = await start({ ...limits, connectionCheckMs: 20 });
    const session = connect(listening);
    const closed = once(session, 'close');
    const late = begin(session, {});
    late.on('error', () => {});
    late.write('{');
    const { headers, body } = await reply(late);
    expect(headers[':status']).toBe(408);
    expect(body).toContain('HTTP_TIMEOUT');
    await closed;
    for (const bytes of ['', PREFACE.slice(0, 10), `${PREFACE}\0\0\0\x04\0\0\0\0\0`]) {
      const socket = connectTcp(listening.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      socket.write(bytes);
      await once(socket, 'close');
    }
  });

  it('says goodbye after so many requests, and when it drains', async () => {
    const listening = await start({ requestsPerSocket: 3 });
    const session = connect(listening);
    const gone = once(session, 'goaway');
    for (let n = 0; n < 3; n += 1) await ask(session, call('echo', {}, n));
    expect((await gone)[0]).toBe(NGHTTP2_NO_ERROR);
    await eventually(() => session.destroyed);
    const [busy, idle] = [connect(listening), connect(listening)];
    const running = ask(busy, call('wait', { ms: 200 }));
    await once(idle, 'remoteSettings');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closing = listening.close();
    expect((await running).body).toContain('waited');
    await closing;
    await eventually(() => busy.destroyed && idle.destroyed);
  });
});
