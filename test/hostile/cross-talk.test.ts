import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, legacyRequest, type Message, modernHeaders, modernRequest, post } from './harness/messages.ts';
import { StdioPeer } from './harness/stdio-peer.ts';
import { CODECS, eventually, HttpTarget } from './harness/target.ts';

interface Peer {
  readonly name: string;
  /** A tool call with this id that reports progress under the same token as everyone's. */
  readonly request: (id: number, turns: number) => Message;
}

const TOKEN = 'same-token';
/** 10^4 interleavings, shared between the codecs that are there. */
const INTERLEAVINGS = 10_000;
const AT_ONCE = 64;

describe.each(CODECS)('D14 peers on one server, on %s', (codec) => {
  let target: HttpTarget;
  let pool: Pool;
  beforeAll(async () => {
    target = await HttpTarget.start({ codec });
    pool = new Pool(`http://127.0.0.1:${target.port}`, { connections: 16 });
  });
  afterAll(async () => {
    await pool.destroy();
    await target.stop();
  });

  async function send(message: Message): Promise<string> {
    const { body } = await pool.request({
      method: 'POST',
      path: '/mcp',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...message.headers,
      },
      body: message.body,
    });
    return body.text();
  }

  const tagged = (tag: string, turns: number): object => ({ name: 'tagged', arguments: { tag, turns } });

  async function legacyPeer(name: string): Promise<Peer> {
    const session = await target.session();
    return {
      name,
      request: (id, turns) => ({
        body: legacyRequest(id, 'tools/call', {
          ...tagged(name, turns),
          _meta: { progressToken: TOKEN },
        }),
        headers: { 'Mcp-Session-Id': session },
      }),
    };
  }
  const modernPeer = (name: string): Peer => ({
    name,
    request: (id, turns) => call('tagged', { tag: name, turns }, id, { progressToken: TOKEN }),
  });

  it('D14 same ids, same tokens, 10^4 interleavings: nobody hears of another', async () => {
    const peers = [
      await legacyPeer('peer-alpha'),
      await legacyPeer('peer-beta'),
      modernPeer('peer-gamma'),
      modernPeer('peer-delta'),
    ];
    const names = peers.map((peer) => peer.name);
    const keys = new Map<string, Set<string>>(names.map((name) => [name, new Set()]));
    const total = Math.ceil(INTERLEAVINGS / CODECS.length);
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let turn = next++; turn < total; turn = next++) {
        const peer = peers[turn % peers.length];
        if (peer === undefined) throw new Error('no peer');
        // Ids repeat between the peers, and within one only after its request with that id has ended.
        const id = Math.floor(turn / peers.length);
        const text = await send(peer.request(id, turn % 3));
        for (const name of names)
          expect(text.includes(name), `${peer.name} hears ${name}`).toBe(name === peer.name);
        expect(text).toContain(`"id":${id},"result"`);
        keys.get(peer.name)?.add(/ ((?:request:)?[\w-]+)"/.exec(text)?.[1] ?? '');
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    expect(keys.get('peer-alpha')?.size).toBe(1);
    expect(keys.get('peer-beta')?.size).toBe(1);
    // Modern requests stand alone: each is a peer of its own.
    expect(keys.get('peer-gamma')?.size).toBe(Math.ceil(total / 4));
    await target.expectAlive();
  });

  it('D14 notifications of one session do not reach another', async () => {
    const [first, second] = [await target.session(), await target.session()];
    const streams = await Promise.all(
      [first, second].map(async (session) => {
        const connection = await target.connect();
        connection.write(
          `GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${session}\r\n\r\n`,
        );
        await connection.streamHead();
        return connection;
      }),
    );
    await target.post(legacyRequest(2, 'resources/subscribe', { uri: 'test://note' }), {
      'Mcp-Session-Id': first,
    });
    await target.post(legacyRequest(2, 'resources/subscribe', { uri: 'test://item/1' }), {
      'Mcp-Session-Id': second,
    });
    for (const uri of ['test://note', 'test://item/1']) {
      const change = call('change', { uri });
      await target.post(change.body, change.headers);
    }
    await eventually(() => streams.every((each) => each.events().length === 1));
    expect(streams[0]?.events()[0]).toContain('test://note');
    expect(streams[1]?.events()[0]).toContain('test://item/1');
    for (const each of streams) each.destroy();
  });
});

describe('D16 clients that leave, and cancellations', () => {
  let target: HttpTarget;
  beforeAll(async () => {
    target = await HttpTarget.start();
  });
  afterAll(() => target.stop());

  const wait = (label: string): Message => call('wait', { label }, 1, { progressToken: 1 });
  const has = async (list: 'aborted' | 'finished', label: string): Promise<boolean> =>
    (await target.state())[list].includes(label);

  it.each([
    ['closes', (socket: { end(): void; destroy(): void }) => socket.destroy()],
    ['resets', undefined],
  ])(
    'D16 a modern client that %s mid-call aborts its handler; nothing is written later',
    async (how, leave) => {
      const message = wait(`modern-${how}`);
      const connection = await target.connect();
      connection.write(post(target.port, message.body, message.headers));
      await delay(100);
      if (leave === undefined) connection.reset();
      else leave(connection.socket);
      await eventually(() => has('aborted', `modern-${how}`));
      await target.expectAlive();
      expect(target.output).not.toMatch(/unhandled|uncaught/i);
    },
  );

  it('D16 requests that were only queued behind another are aborted too, or never begin', async () => {
    const labels = Array.from({ length: 20 }, (_, index) => `queued-${index}`);
    const connection = await target.connect();
    connection.write(
      Buffer.concat(
        labels.map((label) => {
          const message = wait(label);
          return post(target.port, message.body, message.headers);
        }),
      ),
    );
    await delay(200);
    connection.reset();
    await eventually(async () => {
      const { started, aborted } = await target.state();
      // The native front takes the next request of a connection when the one before has been answered.
      const begun = labels.filter((label) => started.includes(label));
      return begun.length > 0 && begun.every((label) => aborted.includes(label));
    });
    expect(target.output).not.toContain('MaxListeners');
    await target.expectAlive();
  });

  it('D16 a client that leaves while its body is on the way starts nothing', async () => {
    const { effects } = await target.state();
    const message = wait('half');
    const connection = await target.connect();
    const bytes = post(target.port, message.body, message.headers);
    connection.write(bytes.subarray(0, bytes.length - 10));
    await delay(50);
    connection.reset();
    await delay(100);
    expect((await target.state()).effects).toBe(effects);
    await target.expectAlive();
  });

  it('D16 in the legacy era leaving is no cancellation', async () => {
    const session = await target.session();
    const connection = await target.connect();
    const body = legacyRequest(7, 'tools/call', { name: 'sleep', arguments: { label: 'left', ms: 200 } });
    connection.write(post(target.port, body, { 'Mcp-Session-Id': session }));
    await delay(50);
    connection.reset();
    await eventually(() => has('finished', 'left'));
    await target.expectAlive();
  });

  it('D16 only the session that asked can cancel', async () => {
    const [owner, other] = [await target.session(), await target.session()];
    const connection = await target.connect();
    const body = legacyRequest(7, 'tools/call', { name: 'wait', arguments: { label: 'owned' } });
    connection.write(post(target.port, body, { 'Mcp-Session-Id': owner }));
    await delay(100);
    const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}';
    expect((await target.post(cancel, { 'Mcp-Session-Id': other })).status).toBe(202);
    expect((await target.post(cancel, modernHeaders('notifications/cancelled'))).status).toBe(202);
    await target.expectAlive();
    expect(await has('aborted', 'owned')).toBe(false);
    expect((await target.post(cancel, { 'Mcp-Session-Id': owner })).status).toBe(202);
    await eventually(() => has('aborted', 'owned'));
    await connection.until('the end', () => connection.text.includes('\r\n0\r\n\r\n') || connection.closed);
    // A cancelled request gets no reply, and nothing its handler says afterwards.
    expect(connection.events()).toEqual([]);
    connection.destroy();
  });

  it.each([
    ['unknown', '404'],
    ['a string for a number', '"7"'],
    ['null', 'null'],
    ['an object', '{}'],
    ['a fraction', '7.5'],
  ])('D16 a cancellation of an id that is %s is ignored', async (_title, id) => {
    const session = await target.session();
    const cancel = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`;
    expect((await target.post(cancel, { 'Mcp-Session-Id': session })).status).toBe(202);
    await target.expectAlive();
  });

  it('D16 a finished request cannot be cancelled, and its id is free again', async () => {
    const peer = await StdioPeer.start();
    try {
      await peer.initialize();
      for (let round = 0; round < 3; round += 1) {
        peer.line(legacyRequest('again', 'tools/call', { name: 'echo', arguments: { round } }));
        await eventually(() => peer.lines.some((line) => line.includes(`{\\"round\\":${round}}`)));
        peer.line('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"again"}}');
      }
      await peer.expectAlive();
    } finally {
      await peer.stop();
    }
  });

  it('D16 over stdio a cancelled request is never answered', async () => {
    const peer = await StdioPeer.start();
    try {
      for (const [id, body] of [
        ['m', modernRequest('m', 'tools/call', { name: 'wait', arguments: { label: 'x' } })],
        ['n', modernRequest('n', 'tools/call', { name: 'echo', arguments: {} })],
      ] as const) {
        peer.line(body);
        if (id === 'm')
          peer.line('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"\\u006d"}}');
      }
      await peer.replyTo('n');
      await delay(100);
      expect(peer.lines).toHaveLength(1);
    } finally {
      await peer.stop();
    }
  });
});
