import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { legacyRequest, modernRequest } from './harness/messages.ts';
import { StdioPeer } from './harness/stdio-peer.ts';
import { CODECS, eventually, type TargetOptions } from './harness/target.ts';

const MIB = 1024 * 1024;
const PARENT = fileURLToPath(new URL('./harness/parent-of-target.mjs', import.meta.url));

const peers: StdioPeer[] = [];
afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.stop()));
});

async function started(options: TargetOptions = {}): Promise<StdioPeer> {
  const peer = await StdioPeer.start(options);
  peers.push(peer);
  await peer.initialize();
  return peer;
}

/** The process has ended by itself, soon. */
async function expectExit(peer: StdioPeer, code: number | null = 0): Promise<void> {
  // Two seconds are promised; a busy machine gets more.
  await eventually(() => peer.child.exitCode !== null || peer.child.signalCode !== null, 10_000);
  expect(peer.child.signalCode).toBeNull();
  expect(peer.child.exitCode, peer.stderr).toBe(code);
}

const echo = (id: number | string, args: object): string =>
  legacyRequest(id, 'tools/call', { name: 'echo', arguments: args });

describe.each(CODECS)('D17 lines, on %s', (codec) => {
  it('D17 a line of 11 MB -> one coded error, the next line is read', async () => {
    const peer = await started({ codec });
    const before = peer.rss();
    const from = peer.lines.length;
    peer.line(`{"jsonrpc":"2.0","id":1,"method":"${'x'.repeat(11 * MIB)}"}`);
    const reply = await peer.request('ping');
    expect(reply.result).toEqual({});
    const said = peer.lines.slice(from, -1);
    expect(said).toHaveLength(1);
    expect(JSON.parse(said[0] ?? '')).toMatchObject({
      id: null,
      error: { code: -32600, data: { code: 'LINE_TOO_LONG' } },
    });
    expect(peer.rss() - before).toBeLessThan(100 * MIB);
    peer.expectPure();
  });

  it('D17 a line of the limit is legal, one byte more is not', async () => {
    const lineBytes = 64 * 1024;
    const peer = await started({ codec, limits: { lineBytes } });
    const sized = (bytes: number): string => {
      const empty = echo('s', { v: '' });
      return echo('s', { v: 'x'.repeat(bytes - empty.length) });
    };
    expect(await peer.ask(sized(lineBytes))).toContain('"id":"s","result"');
    expect(await peer.ask(sized(lineBytes + 1))).toContain('LINE_TOO_LONG');
    // The end of the line in a later chunk, or with the newline in a chunk of its own, changes nothing.
    const long = sized(lineBytes + 1);
    const from = peer.lines.length;
    peer.send(long.slice(0, 40_000));
    await delay(20);
    peer.send(long.slice(40_000));
    await delay(20);
    peer.send('\n');
    await eventually(() => peer.lines.length > from);
    expect(peer.lines[from]).toContain('LINE_TOO_LONG');
    await peer.expectAlive();
  });

  it('D17 an endless line takes no memory', async () => {
    const peer = await started({ codec, limits: { lineBytes: MIB } });
    const before = peer.rss();
    const chunk = Buffer.alloc(MIB, 0x78);
    // Far more than a collector leaves lying about before it runs.
    for (let sent = 0; sent < 400; sent += 1) {
      peer.send(chunk);
      if (peer.child.stdin?.writableNeedDrain === true) await once(peer.child.stdin, 'drain');
    }
    peer.send('\n');
    await peer.expectAlive();
    expect(peer.rss() - before).toBeLessThan(160 * MIB);
    expect(peer.lines.filter((line) => line.includes('LINE_TOO_LONG'))).toHaveLength(1);
  });

  describe('that are no message', () => {
    let peer: StdioPeer;
    beforeAll(async () => {
      peer = await StdioPeer.start({ codec });
      await peer.initialize();
    });
    afterAll(() => peer.stop());

    it.each([
      ['NUL', '\0'],
      ['NUL in a message', '{"jsonrpc":"2.0",\0"id":1,"method":"ping"}'],
      ['binary', Buffer.from([0xff, 0xfe, 0x00, 0x01, 0x80])],
      ['a banner', 'Server started on port 3000'],
      ['ANSI', '\x1b[31mred\x1b[0m'],
      ['white space', ' \t '],
      ['HTTP', 'GET / HTTP/1.1'],
      [
        'two messages on a line',
        '{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}',
      ],
      ['a Content-Length header', 'Content-Length: 40'],
    ])('D17 %s -> -32700, the next line is read', async (_title, line) => {
      const answer = JSON.parse(await peer.ask(line)) as { error?: { code: number } };
      expect(answer.error?.code).toBe(-32700);
      await peer.expectAlive();
      peer.expectPure();
    });
  });

  it('D17 CRLF, empty lines and a lone CR', async () => {
    const peer = await started({ codec });
    const from = peer.lines.length;
    peer.send(`\r\n\n\r\n${echo('crlf', { v: 1 })}\r\n\n`);
    await peer.replyTo('crlf');
    expect(peer.lines.slice(from)).toHaveLength(1);
    const answer = JSON.parse(await peer.ask(`${echo('a', {})}\r${echo('b', {})}`)) as {
      error?: { code: number };
    };
    expect(answer.error?.code).toBe(-32700);
    await peer.expectAlive();
  });

  it('D17 a message in single bytes is whole, in every script', async () => {
    const peer = await started({ codec });
    const text = 'é€😀日本語';
    for (const byte of Buffer.from(`${echo('bytes', { v: text })}\n`)) {
      peer.send(Buffer.of(byte));
      if (byte >= 0x80) await delay(1);
    }
    const reply = await peer.replyTo('bytes');
    expect(JSON.stringify(reply)).toContain(text);
    expect(JSON.stringify(reply)).not.toContain('\ufffd');
  });

  it('D17 thousands of messages in one write are all answered, in order', async () => {
    const peer = await started({ codec, limits: { requestsPerPeer: 10_000 } });
    const from = peer.lines.length;
    const ids = Array.from({ length: 5_000 }, (_, id) => id);
    peer.send(ids.map((id) => `${legacyRequest(id, 'ping')}\n`).join(''));
    await eventually(() => peer.lines.length >= from + ids.length);
    expect(peer.lines.slice(from).map((line) => (JSON.parse(line) as { id: number }).id)).toEqual(ids);
    peer.expectPure();
  });
});

describe('D17 ends', () => {
  it('D17 half a line and the end -> exit', async () => {
    const peer = await started();
    peer.send('{"jsonrpc":"2.0","id":1,"me');
    await delay(50);
    peer.child.stdin?.end();
    await expectExit(peer);
    peer.expectPure();
  });

  it('D17 the end at once -> exit', async () => {
    const peer = await StdioPeer.start();
    peers.push(peer);
    peer.child.stdin?.end();
    await expectExit(peer);
    expect(peer.lines).toEqual([]);
  });

  it.each([
    ['never settle', 'never', {}],
    ['wait for their abort', 'wait', { label: 'x' }],
    ['sleep for long', 'sleep', { label: 'x', ms: 600_000 }],
    ['leave timers behind', 'linger', {}],
  ])('D17 the end while handlers %s -> exit', async (_title, name, args) => {
    const peer = await started();
    peer.line(legacyRequest('h', 'tools/call', { name, arguments: args }));
    await delay(100);
    peer.child.stdin?.end();
    await expectExit(peer);
  });

  it('D17 stdout closed by the client -> exit', async () => {
    const peer = await started();
    peer.child.stdout?.destroy();
    peer.line(legacyRequest(2, 'tools/list'));
    peer.line(legacyRequest(3, 'tools/list'));
    await expectExit(peer);
    expect(peer.stderr).not.toMatch(/EPIPE|unhandled|uncaught/i);
  });

  it('D17 stderr closed by the client -> the server goes on', async () => {
    const peer = await started();
    peer.child.stderr?.destroy();
    for (let i = 0; i < 5; i += 1) {
      const reply = await peer.request('tools/call', { name: 'print', arguments: { how: 'error' } });
      expect(reply.result).toBeDefined();
      await delay(20);
    }
    await peer.expectAlive();
  });

  it('D17 a client that does not read is not read from either', async () => {
    const peer = await started();
    const before = peer.rss();
    peer.child.stdout?.pause();
    const request = `${legacyRequest('d', 'tools/list')}\n`.repeat(200);
    for (let sent = 0; sent < 100; sent += 1) {
      peer.send(request);
      await delay(1);
    }
    await delay(500);
    expect(peer.rss() - before).toBeLessThan(100 * MIB);
    peer.child.stdout?.resume();
    await peer.expectAlive();
    peer.expectPure();
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('D17 %s -> exit', async (signal) => {
    const peer = await started();
    peer.line(legacyRequest('h', 'tools/call', { name: 'linger' }));
    await peer.replyTo('h');
    peer.child.kill(signal);
    await expectExit(peer);
  });

  it.each([
    ['idle', modernRequest(1, 'server/discover')],
    ['with timers of a handler', modernRequest(1, 'tools/call', { name: 'linger' })],
  ])('D17 a parent that is killed leaves no orphan, %s', async (_title, request) => {
    await (await started()).stop();
    const parent = spawn(process.execPath, [PARENT, request], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    const alive = (): boolean => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    try {
      expect(alive()).toBe(true);
      parent.kill('SIGKILL');
      await eventually(() => !alive(), 10_000);
    } finally {
      parent.kill('SIGKILL');
      if (alive()) process.kill(pid, 'SIGKILL');
    }
  });
});

describe('D18 stdout', () => {
  let peer: StdioPeer;
  beforeAll(async () => {
    peer = await StdioPeer.start();
    await peer.initialize();
  });
  afterAll(() => peer.stop());

  it.each([
    'console',
    'stdout',
    'descriptor',
    'child',
    'child-fd',
    'child-stream',
    'child-sync',
    'child-shell',
  ])('D18 what a tool prints (%s) goes to stderr', async (how) => {
    const reply = await peer.request('tools/call', { name: 'print', arguments: { how } });
    expect(JSON.stringify(reply)).toContain(`printed ${how}`);
    await eventually(() => peer.stderr.includes(`noise ${how}`));
    await peer.expectAlive();
    peer.expectPure();
    expect(peer.lines.join('\n')).not.toContain('noise');
  });
});
