/** HTTP/2 to servers: one connection for everything, its limits and its ends. */
import { constants, type ServerHttp2Session } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createTcpServer,
  type Socket,
} from 'node:net';
import { describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import type { ClientOptions, McpClient } from '../../src/client/contract.ts';
import type { FerroError } from '../../src/core/errors.ts';
import { createServer } from '../../src/server/index.ts';
import { type HttpTransportOptions, httpTransport } from '../../src/transports/client/http.ts';
import { HttpEndpoint } from '../../src/transports/client/http-endpoint.ts';
import { discard } from '../../src/transports/client/http-exchange.ts';
import { Http2Pool } from '../../src/transports/client/http2-pool.ts';
import { certificate } from '../fixtures/certificate.ts';
import {
  answer,
  type Http2Call,
  type ScriptedHttp2,
  scriptedHttp2,
  text,
} from '../fixtures/scripted-http2.ts';
import { closing, eventually, textOf } from '../unit/client/support.ts';

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } =
  constants;
const echo = (call: Http2Call): void => answer(call, text(String(call.params['name'])));

async function connected(
  url: string,
  options: ClientOptions = {},
  http: Partial<HttpTransportOptions> = {},
): Promise<McpClient> {
  const own = url.startsWith('https:') ? { tls: { ca: certificate().cert } } : { http2: true };
  const client = closing(
    createClient(httpTransport({ url, ...own, ...http }), { era: 'modern', ...options }),
  );
  await client.connect();
  return client;
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no rejection',
    (reason: unknown) => (reason as FerroError).code,
  );

async function listening(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return (server.address() as AddressInfo).port;
}

describe.each([
  ['h2c, by prior knowledge', false],
  ['TLS, by ALPN', true],
])('%s', (_name, secure) => {
  it('carries 100 calls at a time on one connection', async () => {
    const waiting: Http2Call[] = [];
    const server = await scriptedHttp2((call) => waiting.push(call), { secure });
    const client = await connected(server.url);
    const names = Array.from({ length: 100 }, (_, index) => `tool-${index}`);
    const calls = Promise.all(names.map((name) => client.callTool(name)));
    await eventually(() => waiting.length === 100);
    // The last come first: nothing waits for anything else.
    for (const call of waiting.reverse()) echo(call);
    expect((await calls).map(({ content }) => textOf(content))).toEqual(names);
    expect(server.sessions).toHaveLength(1);
    expect(server.most.session).toBe(100);
  });

  it('answers calls beside open event streams', async () => {
    const streams: Http2Call[] = [];
    const server = await scriptedHttp2(
      (call) => {
        if (call.params['name'] !== 'stream') return echo(call);
        streams.push(call);
        call.stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
        call.stream.write(':\n\n');
      },
      { secure },
    );
    const client = await connected(server.url);
    const progress: number[] = [];
    const long = Array.from({ length: 10 }, () =>
      client.callTool('stream', {}, { onProgress: (update) => progress.push(update.progress) }),
    );
    await eventually(() => streams.length === 10);
    for (let round = 0; round < 5; round += 1) {
      expect(textOf((await client.callTool(`quick-${round}`)).content)).toBe(`quick-${round}`);
    }
    for (const { stream, id, params } of streams) {
      const { progressToken } = params['_meta'] as { progressToken: number };
      const event = (message: object): string =>
        `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;
      stream.write(event({ method: 'notifications/progress', params: { progressToken, progress: 1 } }));
      stream.end(event({ id, result: text('long') }));
    }
    expect((await Promise.all(long)).map(({ content }) => textOf(content))).toEqual(Array(10).fill('long'));
    expect(progress).toHaveLength(10);
    expect(server.sessions).toHaveLength(1);
  });
});

describe('the choice of the version', () => {
  it('an https server that knows HTTP/1.1 only is spoken to in HTTP/1.1', async () => {
    const versions = new Set<string>();
    const server = createHttpsServer(certificate(), (req, res) => {
      versions.add(req.httpVersion);
      req.resume();
      req.on('end', () => res.writeHead(404).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing({
      close: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    });
    const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
    const options = { url, tls: { ca: certificate().cert } };
    const endpoint = closing(new HttpEndpoint(options));
    // All that wait for the choice follow it.
    const many = Array.from({ length: 5 }, () => endpoint.request('POST', url, {}, '{}'));
    for (const response of [...(await Promise.all(many)), await endpoint.request('GET', url, {})]) {
      expect(response.statusCode).toBe(404);
      discard(response);
    }
    expect([...versions]).toEqual(['1.1']);
    const only2 = closing(new HttpEndpoint({ ...options, http2: true }));
    expect(await codeOf(only2.request('GET', url, {}))).toBe('UPSTREAM_PROTOCOL');
  });

  it('false means HTTP/1.1, also where the server would choose HTTP/2', async () => {
    const server = await scriptedHttp2(echo, { secure: true });
    expect(await codeOf(connected(server.url, {}, { http2: false }))).toMatch(/^UPSTREAM_/);
    expect(server.sessions).toHaveLength(0);
  });

  it('http is HTTP/1.1 unless it is asked for', async () => {
    const server = createServer({ name: 's', version: '1' });
    server.tool('hi', {}, () => 'hi');
    const front = closing(await server.listen({ port: 0 }));
    const seen: string[] = [];
    const port = await listening((socket) => {
      socket.once('data', (first: Buffer) => {
        seen.push(first.toString('latin1', 0, 4));
        const upstream = connectTcp(front.port, '127.0.0.1');
        upstream.on('error', () => {});
        socket.on('close', () => upstream.destroy());
        upstream.write(first);
        socket.pipe(upstream).pipe(socket);
      });
    });
    const url = `http://127.0.0.1:${port}/mcp`;
    for (const http of [{ http2: true }, { http2: false }, {}]) {
      const client = closing(createClient(httpTransport({ url, ...http })));
      await client.connect();
      expect(textOf((await client.callTool('hi')).content)).toBe('hi');
    }
    const [first, ...others] = seen;
    expect(first).toBe('PRI ');
    expect(others.length).toBeGreaterThan(1);
    expect(others).not.toContain('PRI ');
  });

  it.each([
    [
      'answers in HTTP/1.1',
      (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'UPSTREAM_PROTOCOL',
    ],
    ['says nothing', () => {}, 'UPSTREAM_PROTOCOL'],
    ['hangs up', (socket: Socket) => socket.destroy(), 'UPSTREAM_UNAVAILABLE'],
  ])('K12 a server that %s has a code', async (_what, script, code) => {
    const port = await listening(script);
    const url = `http://127.0.0.1:${port}/mcp`;
    expect(await codeOf(connected(url, {}, { connectTimeoutMs: 200 }))).toBe(code);
  });

  it('a server that is not there, and one whose certificate nobody vouches for, are unavailable', async () => {
    expect(await codeOf(connected('http://127.0.0.1:1/mcp'))).toBe('UPSTREAM_UNAVAILABLE');
    const server = await scriptedHttp2(echo, { secure: true });
    expect(await codeOf(connected(server.url, {}, { tls: {} }))).toBe('UPSTREAM_UNAVAILABLE');
    expect(server.calls).toEqual([]);
  });
});

describe('limits', () => {
  it('no more streams are opened than the server takes; the rest waits or goes over further connections', async () => {
    const server = await scriptedHttp2((call) => setTimeout(() => echo(call), 5), {
      settings: { maxConcurrentStreams: 3 },
    });
    const client = await connected(server.url);
    const names = Array.from({ length: 60 }, (_, index) => `t${index}`);
    const results = await Promise.all(names.map((name) => client.callTool(name)));
    expect(results.map(({ content }) => textOf(content))).toEqual(names);
    expect(server.most.session).toBeLessThanOrEqual(3);
    expect(server.sessions.length).toBeLessThanOrEqual(4);
    expect(server.of('tools/call')).toHaveLength(60);
  });

  it('who waits for a stream can be cancelled, and not everyone may wait', async () => {
    const held: Http2Call[] = [];
    const server = await scriptedHttp2((call) => held.push(call), { settings: { maxConcurrentStreams: 1 } });
    const pool = new Http2Pool(new URL(server.url), { connectTimeoutMs: 1_000, connections: 1, waiting: 2 });
    closing({ close: async () => pool.close() });
    const post = (signal?: AbortSignal) =>
      pool.request({
        method: 'POST',
        path: '/mcp',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } }),
        signal,
      });
    const first = post();
    await eventually(() => held.length === 1);
    const abort = new AbortController();
    const cancelled = codeOf(post(abort.signal));
    const second = post();
    expect(await codeOf(post())).toBe('UPSTREAM_BUSY');
    abort.abort();
    expect(await cancelled).toBe('REQUEST_CANCELLED');
    expect(await codeOf(post(AbortSignal.abort()))).toBe('REQUEST_CANCELLED');
    for (let answered = 0; answered < 2; answered += 1) {
      await eventually(() => held.length > answered);
      const call = held[answered];
      if (call !== undefined) echo(call);
      const { body, statusCode } = await (answered === 0 ? first : second);
      expect(statusCode).toBe(200);
      body.resume();
    }
    expect(held).toHaveLength(2);
  });

  it('K12 an answer or a header section over its limit is a coded error, and others go on', async () => {
    const server = await scriptedHttp2((call) => {
      const { stream } = call;
      if (call.params['name'] === 'large') answer(call, text('x'.repeat(300_000)));
      else if (call.params['name'] === 'headers') {
        stream.respond({ ':status': 200, 'content-type': 'application/json', 'x-large': 'x'.repeat(60_000) });
        stream.end('{}');
      } else if (call.params['name'] === 'endless') {
        stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
        const timer = setInterval(() => stream.write(`data: ${'x'.repeat(10_000)}\n`), 1);
        stream.on('close', () => clearInterval(timer));
      } else setTimeout(() => echo(call), 50);
    });
    const client = await connected(server.url, {}, { maxMessageBytes: 100_000 });
    const beside = client.callTool('beside');
    expect(await codeOf(client.callTool('large'))).toBe('UPSTREAM_PROTOCOL');
    expect(await codeOf(client.callTool('endless'))).toBe('UPSTREAM_PROTOCOL');
    expect(textOf((await beside).content)).toBe('beside');
    expect(await codeOf(client.callTool('headers'))).toBe('UPSTREAM_PROTOCOL');
    expect(textOf((await client.callTool('after')).content)).toBe('after');
  });

  it('a slow server meets the deadline; its stream is cancelled, the connection kept', async () => {
    let rst: number | undefined;
    const server = await scriptedHttp2((call) => {
      if (call.params['name'] !== 'slow') return echo(call);
      call.stream.on('close', () => {
        rst = call.stream.rstCode;
      });
    });
    const client = await connected(server.url);
    expect(await codeOf(client.callTool('slow', {}, { timeoutMs: 50 }))).toBe('UPSTREAM_TIMEOUT');
    await eventually(() => rst === NGHTTP2_CANCEL);
    expect(textOf((await client.callTool('quick')).content)).toBe('quick');
    expect(server.sessions).toHaveLength(1);
  });
});

describe('K13 ends of streams and connections', () => {
  const onSession = (act: (session: ServerHttp2Session, call: Http2Call) => void): Promise<ScriptedHttp2> =>
    scriptedHttp2((call) => (call.params['name'] === 'act' ? act(call.session, call) : echo(call)));

  it.each([
    ['INTERNAL_ERROR', NGHTTP2_INTERNAL_ERROR, 'UPSTREAM_CRASHED', 1],
    ['CANCEL', NGHTTP2_CANCEL, 'UPSTREAM_CRASHED', 1],
    ['ENHANCE_YOUR_CALM', NGHTTP2_ENHANCE_YOUR_CALM, 'UPSTREAM_CRASHED', 1],
    ['REFUSED_STREAM', NGHTTP2_REFUSED_STREAM, 'UPSTREAM_BUSY', 3],
  ])(
    'K13 a stream reset with %s has a code; only what was not processed is sent again',
    async (_n, rst, code, sent) => {
      const server = await onSession((_session, { stream }) => stream.close(rst));
      const client = await connected(server.url);
      expect(await codeOf(client.callTool('act'))).toBe(code);
      expect(server.of('tools/call')).toHaveLength(sent);
      expect(textOf((await client.callTool('after')).content)).toBe('after');
      expect(server.sessions).toHaveLength(1);
    },
  );

  it('K13 a refused stream that is taken the second time succeeds', async () => {
    let refused = false;
    const server = await scriptedHttp2((call) => {
      if (refused) return echo(call);
      refused = true;
      call.stream.close(NGHTTP2_REFUSED_STREAM);
    });
    const client = await connected(server.url);
    expect(textOf((await client.callTool('x')).content)).toBe('x');
  });

  it('K13 a reset in the middle of an answer loses the call, not the connection', async () => {
    const server = await onSession((_session, { stream }) => {
      stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
      stream.write('data: {"jsonrpc"');
      setTimeout(() => stream.close(NGHTTP2_INTERNAL_ERROR), 20);
    });
    const client = await connected(server.url);
    expect(await codeOf(client.callTool('act'))).toBe('UPSTREAM_CRASHED');
    expect(textOf((await client.callTool('after')).content)).toBe('after');
    expect(server.of('tools/call')).toHaveLength(2);
    expect(server.sessions).toHaveLength(1);
  });

  it('K13 a graceful GOAWAY lets running calls finish; new ones go over a new connection', async () => {
    let running: Http2Call | undefined;
    const server = await onSession((session, call) => {
      running = call;
      session.goaway(0, call.stream.id);
    });
    const client = await connected(server.url);
    const call = client.callTool('act');
    await eventually(() => running !== undefined);
    await eventually(() => {
      void client.callTool('next').catch(() => {});
      return server.sessions.length === 2;
    });
    if (running !== undefined) answer(running, text('finished'));
    expect(textOf((await call).content)).toBe('finished');
    expect(textOf((await client.callTool('after')).content)).toBe('after');
    expect(server.calls.at(-1)?.session).toBe(server.sessions[1]);
  });

  it.each([0, NGHTTP2_INTERNAL_ERROR])(
    'K13 GOAWAY %d that excludes a call: it was not processed and goes over a new connection',
    async (code) => {
      let sent = 0;
      const server = await onSession((session, call) => {
        sent += 1;
        if (sent === 1) session.goaway(code, 1);
        else echo(call);
      });
      const client = await connected(server.url);
      expect(textOf((await client.callTool('act')).content)).toBe('act');
      expect(sent).toBe(2);
      expect(server.sessions).toHaveLength(2);
    },
  );

  it('K13 GOAWAY with an error that includes a call: it may have run and is not sent again', async () => {
    const server = await onSession((session, call) => session.goaway(NGHTTP2_INTERNAL_ERROR, call.stream.id));
    const client = await connected(server.url);
    expect(await codeOf(client.callTool('act'))).toBe('UPSTREAM_CRASHED');
    expect(server.of('tools/call')).toHaveLength(1);
    expect(textOf((await client.callTool('after')).content)).toBe('after');
    expect(server.sessions).toHaveLength(2);
  });

  it('K13 a connection that is cut loses its calls; the next one opens another', async () => {
    const server = await onSession((session) => session.destroy());
    const client = await connected(server.url);
    const codes = await Promise.all([codeOf(client.callTool('act')), codeOf(client.callTool('act'))]);
    expect(codes).toEqual(['UPSTREAM_CRASHED', 'UPSTREAM_CRASHED']);
    expect(textOf((await client.callTool('after')).content)).toBe('after');
    expect(server.sessions).toHaveLength(2);
  });

  it('K13 a connection that falls silent is noticed by PING', async () => {
    const server = await scriptedHttp2(() => {});
    const target = Number(new URL(server.url).port);
    const pipes: Socket[][] = [];
    const port = await listening((socket) => {
      const upstream = connectTcp(target, '127.0.0.1');
      upstream.on('error', () => {});
      socket.on('close', () => upstream.destroy());
      socket.pipe(upstream).pipe(socket);
      pipes.push([socket, upstream]);
    });
    const pool = new Http2Pool(new URL(`http://127.0.0.1:${port}`), {
      connectTimeoutMs: 1_000,
      pingMs: 30,
      pingTimeoutMs: 60,
    });
    closing({ close: async () => pool.close() });
    const request = {
      method: 'POST' as const,
      path: '/mcp',
      headers: {},
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}',
      signal: undefined,
    };
    const waiting = codeOf(pool.request(request));
    await eventually(() => server.of('tools/call').length === 1);
    // Answered PINGs keep it.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(pool.connections).toBe(1);
    for (const [socket, upstream] of pipes) {
      socket?.unpipe();
      upstream?.unpipe();
    }
    expect(await waiting).toBe('UPSTREAM_CRASHED');
    await eventually(() => pool.connections === 0);
  });

  it('an idle connection is closed, and made anew when it is needed', async () => {
    const server = await scriptedHttp2(echo);
    const pool = new Http2Pool(new URL(server.url), { connectTimeoutMs: 1_000, idleMs: 30 });
    closing({ close: async () => pool.close() });
    for (let round = 1; round <= 2; round += 1) {
      const { body } = await pool.request({
        method: 'GET',
        path: '/',
        headers: {},
        body: undefined,
        signal: undefined,
      });
      body.resume();
      expect(server.sessions).toHaveLength(round);
      await eventually(() => pool.connections === 0);
    }
  });
});
