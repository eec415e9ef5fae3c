import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../src/native/loader.ts';
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  field,
  frame,
  framesOf,
  GOAWAY,
  HEADERS,
  PING,
  postBlock,
  preface,
  RST_STREAM,
  reasonOf,
  SETTINGS,
  uint32,
  untilFrame,
  WINDOW_UPDATE,
} from './harness/http2-frames.ts';
import { call } from './harness/messages.ts';
import type { RawConnection } from './harness/raw-connection.ts';
import { eventually, HttpTarget } from './harness/target.ts';

const MIB = 1024 * 1024;
const { NGHTTP2_REFUSED_STREAM, NGHTTP2_CANCEL } = constants;
const FRONTS = loadNative().status.loaded ? (['native', 'node'] as const) : (['node'] as const);
const WAIT = call('wait', { label: 'x' });
const CANCEL = uint32(NGHTTP2_CANCEL);

interface Reply {
  readonly status: number;
  readonly body: string;
}

/** One POST of an honest client. */
function ask(
  session: ClientHttp2Session,
  body: string,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/mcp',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    });
    let status = 0;
    let text = '';
    stream.setEncoding('utf8');
    stream.on('response', (head) => {
      status = head[':status'] ?? 0;
    });
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    stream.once('error', reject);
    stream.once('end', () => resolve({ status, body: text }));
    stream.end(body);
  });
}

describe.each(FRONTS)('HTTP/2 on the %s front', (front) => {
  let target: HttpTarget;
  beforeAll(async () => {
    target = await HttpTarget.start({
      limits: { writeBufferBytes: 64 * 1024, connectionCheckMs: 50, headersMs: 1_000 },
      listen: { front },
    });
  });
  afterAll(() => target.stop());

  const connect = (): ClientHttp2Session => connectHttp2(`http://127.0.0.1:${target.port}`);
  const echo = call('echo', { over: 'h2' });
  /** The same process answers on, to others as well. */
  const expectAlive = async (session = connect()): Promise<void> => {
    const { status, body } = await ask(session, echo.body, echo.headers);
    session.destroy();
    expect(status).toBe(200);
    expect(body).toContain('{\\"over\\":\\"h2\\"}');
    await target.expectAlive();
  };
  const open = async (settings?: Buffer): Promise<RawConnection> => {
    const connection = await target.connect();
    connection.write(preface(settings));
    await untilFrame(connection, SETTINGS);
    return connection;
  };
  const opening = (stream: number): Buffer =>
    frame(HEADERS, END_HEADERS, stream, postBlock(target.port, WAIT.headers));
  const waiting = (stream: number): Buffer =>
    Buffer.concat([opening(stream), frame(DATA, END_STREAM, stream, WAIT.body)]);

  it('B01 frames against the rules end the connection', async () => {
    for (const bad of [
      frame(DATA, 0, 0, 'x'),
      frame(HEADERS, END_HEADERS, 2, postBlock(target.port, {})),
      frame(HEADERS, END_HEADERS, 1, Buffer.alloc(50, 0xff)),
      frame(SETTINGS, 0, 0, '12345'),
      frame(WINDOW_UPDATE, 0, 0, uint32(0)),
      frame(CONTINUATION, END_HEADERS, 1),
      Buffer.alloc(100_000, 0xff),
    ]) {
      const connection = await open();
      connection.write(bad);
      await connection.untilClosed();
      expect(reasonOf(await untilFrame(connection, GOAWAY))).not.toBe(0);
    }
    await expectAlive();
  });

  it('A03 A04 A05 A09 A11 requests are judged as in HTTP/1.1', async () => {
    const filler = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`x-${n}`, '1']));
    const port = String(target.port);
    const other = connect();
    for (const [headers, status, code] of [
      [{ ':authority': '127.0.0.1', host: 'evil' }, 400, 'HTTP_TARGET'],
      [{ ':authority': 'evil' }, 403, 'HOST_REFUSED'],
      [{ ':authority': `user@127.0.0.1:${port}` }, 400, 'HTTP_TARGET'],
      [{ origin: 'http://evil' }, 403, 'ORIGIN_REFUSED'],
      [{ 'mcp-param-a': ['1', '2'] }, 400, 'HTTP_HEADER_DUPLICATE'],
      [filler, 431, 'HTTP_HEADERS_TOO_MANY'],
      [{ 'x-large': 'x'.repeat(16 * 1024) }, 431, 'HTTP_HEADERS_TOO_LARGE'],
      [{ 'content-type': 'text/plain' }, 415, 'HTTP_MEDIA_TYPE'],
      [{ 'content-encoding': 'gzip' }, 415, 'HTTP_ENCODING'],
      [{ accept: 'text/html' }, 406, 'HTTP_ACCEPT'],
      [{ ':path': '/mcp/../mcp' }, 404, 'HTTP_NOT_FOUND'],
      [{ ':method': 'PUT' }, 405, 'HTTP_METHOD'],
    ] as const) {
      const asked = ask(other, echo.body, headers as Record<string, string | readonly string[]>);
      const reply = await asked.catch((error: Error) => error);
      if (reply instanceof Error) {
        // nghttp2 of newer Nodes refuses an authority with a user by itself.
        expect(headers).toHaveProperty([':authority'], `user@127.0.0.1:${port}`);
        expect(reply.message).toContain('NGHTTP2_PROTOCOL_ERROR');
        continue;
      }
      expect(reply.status, code).toBe(status);
      expect(reply.body).toContain(`"code":"${code}"`);
    }
    const large = await ask(other, ' '.repeat(4 * MIB + 1), { 'content-length': String(4 * MIB + 1) });
    expect(large.status).toBe(413);
    expect(large.body).toContain('"code":"HTTP_BODY_TOO_LARGE"');
    await expectAlive(other);
  });

  it('B02 10,000 requests that are reset at once -> GOAWAY, handlers aborted, others well', async () => {
    const other = connect();
    expect((await ask(other, echo.body, echo.headers)).status).toBe(200);
    const connection = await open();
    const before = target.rss();
    for (let index = 0; index < 10_000 && !connection.closed; index += 1) {
      const stream = 2 * index + 1;
      connection.write(Buffer.concat([waiting(stream), frame(RST_STREAM, 0, stream, CANCEL)]));
      if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await connection.untilClosed();
    expect(reasonOf(await untilFrame(connection, GOAWAY))).not.toBe(0);
    await eventually(async () => {
      const { started, aborted } = await target.state();
      return started.length === aborted.length;
    });
    expect((await target.state()).started.length).toBeLessThan(5_000);
    expect(target.rss() - before).toBeLessThan(100 * MIB);
    await expectAlive(other);
  });

  it('B03 floods of frames and header bombs end the connection, without memory for them', async () => {
    const { effects } = await target.state();
    const before = target.rss();
    const bomb = Buffer.concat([
      postBlock(target.port, {}),
      field('x-a', 'b'.repeat(3_900), 0x40),
      Buffer.alloc(10_000, 0xbe),
    ]);
    const begun = frame(HEADERS, 0, 1, postBlock(target.port, {}));
    for (const [name, first, flood] of [
      ['CONTINUATION', begun, frame(CONTINUATION, 0, 1, field('x-a', 'b'))],
      ['empty CONTINUATION', begun, frame(CONTINUATION, 0, 1)],
      ['PING', '', frame(PING, 0, 0, '12345678')],
      ['SETTINGS', '', frame(SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 3]), uint32(100)]))],
      ['empty DATA', opening(1), frame(DATA, 0, 1)],
      ['HPACK', '', frame(HEADERS, END_HEADERS | END_STREAM, 1, bomb)],
    ] as const) {
      const connection = await open();
      connection.write(first);
      const batch = Buffer.concat(Array.from({ length: 100 }, () => flood));
      const answered = (): boolean =>
        connection.closed ||
        framesOf(connection).some(
          ({ kind, stream }) => kind === RST_STREAM || (kind === HEADERS && stream === 1),
        );
      if (name === 'HPACK') connection.write(flood);
      else
        for (let sent = 0; sent < 50_000 && !connection.closed; sent += 100) {
          connection.write(batch);
          if (sent % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      // A bomb may cost its own stream only.
      if (name === 'HPACK') await connection.until(name, answered);
      else await connection.until(name, () => connection.closed);
      connection.destroy();
    }
    expect((await target.state()).effects).toBe(effects);
    expect(target.rss() - before).toBeLessThan(100 * MIB);
    await expectAlive();
  });

  it('B04 the 101st stream is refused', async () => {
    const connection = await open();
    for (let index = 0; index < 101; index += 1) connection.write(waiting(2 * index + 1));
    const reset = await untilFrame(connection, RST_STREAM, 201);
    expect(reset.payload.readUInt32BE(0)).toBe(NGHTTP2_REFUSED_STREAM);
    connection.destroy();
    await eventually(async () => {
      const { started, aborted } = await target.state();
      return started.length === aborted.length;
    });
    await expectAlive();
  });

  it('B04 a window that never opens on 100 event streams ends the streams, not the memory', async () => {
    const before = target.rss();
    const finished = (await target.state()).finished.length;
    const closed = Buffer.concat([Buffer.from([0, 4]), uint32(0)]);
    const connection = await open(closed);
    const { body, headers } = call('flood', { messages: 10_000, bytes: 1_000 }, 1, { progressToken: 'p' });
    for (let index = 0; index < 100; index += 1) {
      const stream = 2 * index + 1;
      connection.write(frame(HEADERS, END_HEADERS, stream, postBlock(target.port, headers)));
      connection.write(frame(DATA, END_STREAM, stream, body));
    }
    await eventually(async () => (await target.state()).finished.length === finished + 100);
    const resets = (): number => framesOf(connection).filter(({ kind }) => kind === RST_STREAM).length;
    await connection.until('100 resets', () => resets() === 100);
    expect(connection.closed).toBe(false);
    expect(target.rss() - before).toBeLessThan(200 * MIB);
    connection.destroy();
    await expectAlive();
  });
});
