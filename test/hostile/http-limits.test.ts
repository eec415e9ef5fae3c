import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, legacyRequest, post, postLines, rawRequest } from './harness/messages.ts';
import { eventually, HttpTarget } from './harness/target.ts';

const MIB = 1024 * 1024;
const { body, headers } = call('echo', { attack: true });

describe('A07 requests that take their time', () => {
  let target: HttpTarget;
  beforeAll(async () => {
    target = await HttpTarget.start({
      limits: { headersMs: 500, requestMs: 1_000, connectionCheckMs: 50, idleMs: 1_000 },
    });
  });
  afterAll(() => target.stop());

  it('A07 a body that drips byte by byte -> 408 and the end of the connection', async () => {
    const connection = await target.connect();
    const request = post(target.port, body, headers);
    const start = request.length - Buffer.byteLength(body);
    connection.write(request.subarray(0, start));
    for (let at = start; at < request.length && !connection.closed; at += 1) {
      connection.write(request.subarray(at, at + 1));
      await delay(100);
      if (connection.size > 0) break;
    }
    const response = await connection.response();
    expect(response.status).toBe(408);
    expect(JSON.parse(response.body)).toMatchObject({
      error: { code: -32600, data: { code: 'HTTP_TIMEOUT' } },
    });
    await connection.untilClosed();
    expect((await target.state()).effects).toBe(0);
    await target.expectAlive();
  });

  it('A07 headers that never end -> 408 and the end of the connection', async () => {
    const connection = await target.connect();
    connection.write('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ');
    expect((await connection.response()).status).toBe(408);
    await connection.untilClosed();
    await target.expectAlive();
  });

  it('A07 a connection that says nothing is closed', async () => {
    const connection = await target.connect();
    await connection.untilClosed();
    await target.expectAlive();
  });

  it('A07 a connection that says nothing after its first request is closed', async () => {
    const connection = await target.connect();
    connection.write(post(target.port, body, headers));
    expect((await connection.response()).status).toBe(200);
    await connection.untilClosed();
    await target.expectAlive();
  });
});

describe('A07 sizes that are announced and never come', () => {
  let target: HttpTarget;
  beforeAll(async () => {
    target = await HttpTarget.start({
      limits: { requestMs: 1_500, headersMs: 1_500, connectionCheckMs: 50 },
    });
    await target.expectAlive();
  });
  afterAll(() => target.stop());

  it('A07 Content-Length 10^10 and silence -> 413 without memory for it', async () => {
    const before = target.rss();
    const connection = await target.connect();
    connection.write(rawRequest('POST', '/mcp', postLines(target.port, 1e10, headers)));
    expect((await connection.response()).status).toBe(413);
    await connection.untilClosed();
    expect(target.rss() - before).toBeLessThan(32 * MIB);
    await target.expectAlive();
  });

  it('A07 200 announcements of 4 MiB and silence -> 408 each, without memory for them', async () => {
    const before = target.rss();
    const connections = await Promise.all(Array.from({ length: 200 }, () => target.connect()));
    for (const connection of connections) {
      connection.write(rawRequest('POST', '/mcp', postLines(target.port, 4 * MIB, headers), '{"jsonrpc"'));
    }
    await delay(500);
    expect(target.rss() - before).toBeLessThan(100 * MIB);
    for (const connection of connections) expect((await connection.response()).status).toBe(408);
    await target.expectAlive();
  });
});

describe('A08 clients that do not read', () => {
  let target: HttpTarget;
  /** Sockets of the process without any client. */
  let idle = 0;
  beforeAll(async () => {
    target = await HttpTarget.start({
      limits: { writeBufferBytes: 256 * 1024, writeStallMs: 500, keepAliveMs: 50, progressIntervalMs: 0 },
    });
    idle = target.sockets();
    await target.expectAlive();
  });
  afterAll(() => target.stop());

  /** Sends a request and takes nothing of its answer. */
  async function sendDeaf(message: { readonly body: string; readonly headers: Record<string, string> }) {
    const connection = await target.connect();
    connection.socket.pause();
    connection.write(post(target.port, message.body, message.headers));
    return connection;
  }

  /** A paused socket does not see the end; reading what the kernel holds shows it. */
  async function expectCut(connection: Awaited<ReturnType<typeof sendDeaf>>, most: number): Promise<void> {
    connection.socket.resume();
    await connection.until('cut off', () => connection.closed || connection.socket.readableEnded);
    expect(connection.size).toBeLessThan(most);
  }

  it('A08 an event stream is cut, its handler aborted, memory stays bounded', async () => {
    const before = target.rss();
    const message = call('flood', { messages: 4_000, bytes: 16_384 }, 1, { progressToken: 1 });
    const connection = await sendDeaf(message);
    await eventually(async () => (await target.state()).finished.includes('flood'));
    expect(target.rss() - before).toBeLessThan(64 * MIB);
    await expectCut(connection, 60 * MIB);
    expect(connection.text).not.toContain('"flooded"');
    await target.expectAlive();
  });

  it('A08 a large result is dropped after a while', async () => {
    await eventually(() => target.sockets() <= idle);
    const connection = await sendDeaf(call('big', { bytes: 15 * MIB }));
    await eventually(() => target.sockets() > idle);
    await eventually(() => target.sockets() <= idle);
    await expectCut(connection, 15 * MIB);
    await target.expectAlive();
  });

  it('A08 a large result at the end of a stream survives keep-alive and is dropped', async () => {
    await eventually(() => target.sockets() <= idle);
    const connection = await sendDeaf(call('flood-then-big', { bytes: 15 * MIB }, 1, { progressToken: 1 }));
    await eventually(() => target.sockets() > idle);
    await eventually(() => target.sockets() <= idle);
    await expectCut(connection, 15 * MIB);
    await target.expectAlive();
  });

  it('A08 deaf clients one after the other leave nothing behind', async () => {
    const round = async (): Promise<void> => {
      const all = await Promise.all(
        Array.from({ length: 8 }, () => sendDeaf(call('big', { bytes: 8 * MIB }))),
      );
      await Promise.all(
        all.map(async (connection) => {
          await delay(1_200);
          connection.reset();
        }),
      );
    };
    await round();
    const before = target.rss();
    for (let i = 0; i < 3; i += 1) await round();
    expect(target.rss() - before).toBeLessThan(200 * MIB);
    await target.expectAlive();
  });

  it('A08 a session stream ends while its client does not read', async () => {
    const session = await target.session();
    const connection = await target.connect();
    connection.write(
      rawRequest('GET', '/mcp', [
        ['Host', `127.0.0.1:${target.port}`],
        ['Accept', 'text/event-stream'],
        ['Mcp-Session-Id', session],
      ]),
    );
    expect((await connection.streamHead()).status).toBe(200);
    connection.socket.pause();
    const subscribed = legacyRequest(2, 'resources/subscribe', { uri: 'test://note' });
    expect((await target.post(subscribed, { 'Mcp-Session-Id': session })).status).toBe(200);
    const update = call('change', { uri: 'test://note' });
    await Promise.all(
      Array.from({ length: 50 }, () => target.exchange(post(target.port, update.body, update.headers))),
    );
    const ended = await target.exchange(
      rawRequest('DELETE', '/mcp', [
        ['Host', `127.0.0.1:${target.port}`],
        ['Mcp-Session-Id', session],
      ]),
    );
    expect(ended.status).toBe(204);
    await delay(300);
    await target.expectAlive();
    connection.destroy();
  });
});

describe('A08 clients that read slowly', () => {
  let target: HttpTarget;
  beforeAll(async () => {
    target = await HttpTarget.start({ limits: { writeStallMs: 1_500 } });
  });
  afterAll(() => target.stop());

  it('A08 get all of a large result, however long it takes, as long as they take something', async () => {
    const size = 15 * MIB;
    const connection = await target.connect();
    const { socket } = connection;
    let sinceRest = 0;
    socket.on('data', (chunk: Buffer) => {
      sinceRest += chunk.length;
      if (sinceRest < MIB) return;
      sinceRest = 0;
      socket.pause();
      setTimeout(() => socket.resume(), 250);
    });
    const message = call('big', { bytes: size });
    connection.write(post(target.port, message.body, message.headers));
    await connection.until('all of it', () => connection.size > size || connection.closed);
    expect(connection.size).toBeGreaterThan(size);
    connection.destroy();
  });
});

describe('A09 bodies over the limit', () => {
  const LIMIT = 64 * 1024;
  let target: HttpTarget;
  beforeAll(async () => {
    target = await HttpTarget.start({ limits: { bodyBytes: LIMIT } });
  });
  afterAll(() => target.stop());

  /** A sound call of exactly this many bytes. */
  function sized(bytes: number): { readonly body: string; readonly headers: Record<string, string> } {
    const empty = call('echo', { pad: '' });
    return call('echo', { pad: 'x'.repeat(bytes - Buffer.byteLength(empty.body)) });
  }
  const chunkedRequest = (text: string): string => {
    const lines = postLines(target.port, 0, {
      ...headers,
      'Content-Length': undefined,
      'Transfer-Encoding': 'chunked',
    });
    const half = Math.floor(text.length / 2);
    const chunks = [text.slice(0, half), text.slice(half)].map(
      (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
    );
    return `${rawRequest('POST', '/mcp', lines).toString()}${chunks.join('')}0\r\n\r\n`;
  };

  it('A09 the limit is legal, with a length and chunked', async () => {
    const message = sized(LIMIT);
    expect(Buffer.byteLength(message.body)).toBe(LIMIT);
    expect((await target.post(message.body, message.headers)).status).toBe(200);
    expect((await target.exchange(chunkedRequest(message.body))).status).toBe(200);
  });

  it.each([
    ['with a length', (text: string) => post(target.port, text, headers)],
    ['chunked', (text: string) => Buffer.from(chunkedRequest(text))],
  ])('A09 one byte more %s -> 413 and the end of the connection', async (_title, request) => {
    const { effects } = await target.state();
    const connection = await target.connect();
    connection.write(request(sized(LIMIT + 1).body));
    const response = await connection.response();
    expect(response.status).toBe(413);
    expect(response.headers.get('connection')).toBe('close');
    await connection.untilClosed();
    expect((await target.state()).effects).toBe(effects);
    await target.expectAlive();
  });

  it('A09 an endless chunked body is not read on', async () => {
    const before = target.rss();
    const connection = await target.connect();
    const lines = postLines(target.port, 0, {
      ...headers,
      'Content-Length': undefined,
      'Transfer-Encoding': 'chunked',
    });
    connection.write(rawRequest('POST', '/mcp', lines));
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    let sent = 0;
    while (!connection.closed && sent < 4_000) {
      connection.write(chunk);
      sent += 1;
      if (connection.socket.writableNeedDrain) await delay(5);
    }
    await connection.untilClosed();
    expect(sent).toBeLessThan(4_000);
    expect(target.rss() - before).toBeLessThan(32 * MIB);
    await target.expectAlive();
  });

  it('A09 a client that sends ten times the limit still reads why it was refused', async () => {
    const response = await fetch(`http://127.0.0.1:${target.port}/mcp`, {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: sized(LIMIT * 10).body,
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { code: -32600 } });
  });

  it('A09 bytes behind the announced length are no part of the message', async () => {
    const connection = await target.connect();
    connection.write(Buffer.concat([post(target.port, body, headers), Buffer.from('x'.repeat(100))]));
    await connection.untilClosed();
    // They may spoil the request before its answer is out; never do they become one.
    expect(connection.text).toMatch(/^(HTTP\/1\.1 200 .*)?HTTP\/1\.1 400 .*"HTTP_MALFORMED"/s);
    await target.expectAlive();
  });
});

describe('A10 encoded bodies', () => {
  let target: HttpTarget;
  beforeAll(async () => {
    target = await HttpTarget.start();
    await target.expectAlive();
  });
  afterAll(() => target.stop());

  it.each([
    'gzip',
    'deflate',
    'br',
    'zstd',
    'compress',
    'x-gzip',
    'identity, gzip',
    'GZIP',
    'aws-chunked',
    '',
  ])('A10 Content-Encoding %j -> 415, never inflated', async (encoding) => {
    const { effects } = await target.state();
    const before = target.rss();
    const bomb = gzipSync(Buffer.alloc(64 * MIB, 0x20));
    const response = await target.exchange(
      post(target.port, bomb, { ...headers, 'Content-Encoding': encoding }),
    );
    expect(response.status).toBe(415);
    expect(target.rss() - before).toBeLessThan(16 * MIB);
    expect((await target.state()).effects).toBe(effects);
  });

  it('A10 Transfer-Encoding gzip, chunked is not inflated either', async () => {
    const { effects } = await target.state();
    const zipped = gzipSync(body).toString('latin1');
    const lines = postLines(target.port, 0, {
      ...headers,
      'Content-Length': undefined,
      'Transfer-Encoding': 'gzip, chunked',
    });
    const request = `${rawRequest('POST', '/mcp', lines).toString('latin1')}${zipped.length.toString(16)}\r\n${zipped}\r\n0\r\n\r\n`;
    const response = await target.exchange(Buffer.from(request, 'latin1'));
    expect(response.status).toBe(400);
    expect((await target.state()).effects).toBe(effects);
    await target.expectAlive();
  });

  it('A10 identity is no encoding', async () => {
    const response = await target.post(body, { ...headers, 'Content-Encoding': 'identity' });
    expect(response.status).toBe(200);
  });
});
