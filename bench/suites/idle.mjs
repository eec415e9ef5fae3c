/**
 * `npm run bench -- idle`: what a server's memory grows by for each keep-alive connection that has served one request,
 * each session, and each open event stream. Resident memory of the server's processes, so it holds what the allocator
 * keeps; the kernel's own buffers are not in it.
 */
import net from 'node:net';
import { open } from '../load/check.mjs';
import { Connection } from '../load/connection.mjs';
import { wholeReply } from '../load/http1-reply.mjs';
import { http1, opening, operationRequest, request } from '../load/requests.mjs';
import { readOptions } from '../measure/options.mjs';
import { openFileLimit } from '../measure/processes.mjs';
import { spread } from '../measure/statistics.mjs';
import { startPeer, Unavailable } from '../peers/start.mjs';
import { PEERS, selectPeers } from '../peers/table.mjs';
import { fixed, spreadText, whole } from '../report/format.mjs';
import { commandFor, reportTables } from '../report/table.mjs';
import { preparePeers } from './prepare.mjs';
import { grouped, takeTurns } from './rounds.mjs';

const DEFAULT_PEERS = [
  'ferromcp native',
  'ferromcp native legacy',
  'ferromcp node',
  'ferromcp node legacy',
  'SDK v1',
  'rmcp session',
  'Go SDK',
  'bare node:http',
  'bare hyper',
];
const DEFAULTS = {
  normal: { rounds: 1, seconds: 3, connections: [5_000] },
  quick: { rounds: 1, seconds: 1, connections: [1_000] },
  full: { rounds: 3, seconds: 5, connections: [5_000, 19_000] },
};
/** Connections opened at a time. */
const BATCH = 100;
/** Files a process has open besides. */
const OTHER_FILES = 200;
const REPLY_MS = 30_000;
const ALIVE_CHECKS = 50;
const LEGACY_HEADERS = { accept: 'text/event-stream', 'mcp-protocol-version': '2025-06-18' };

/** @typedef {'connection' | 'session' | 'stream'} Kind */
/** @type {Record<Kind, string>} */
const TITLES = {
  connection: 'idle keep-alive connection, one request served',
  session: 'legacy session, no connection of its own',
  stream: 'open event stream (GET of a session of its own; subscriptions/listen in 2026-07-28)',
};

/** @typedef {{ peer: string, kind: Kind, count: number, round: number, before: number, after: number, each: number, alive: string }} Sample */

let lastId = 10;
/** Two requests of one session must not carry the same id. */
const freshId = () => {
  lastId += 1;
  return lastId;
};

/** @param {readonly string[]} argv */
export async function benchIdle(argv) {
  const options = readOptions(argv, DEFAULTS);
  const most = openFileLimit() - OTHER_FILES;
  const counts = [...new Set(options.connections.map((count) => Math.min(count, most)))];
  if (options.connections.some((count) => count > most))
    console.log(`the machine allows ${openFileLimit()} open files: ${most} connections at most`);
  const able = Object.keys(PEERS).filter(
    (name) => PEERS[name]?.h1 !== false && PEERS[name]?.upstream === undefined,
  );
  /** @type {import('./rounds.mjs').Missing[]} */
  const missing = [];
  const chosen = options.only === undefined ? DEFAULT_PEERS : selectPeers(options.only, able);
  const names = await preparePeers(chosen, options, missing);
  const samples = await takeTurns(names, options, missing, async (turn) => {
    const found = [];
    for (const count of counts) {
      for (const kind of kindsOf(turn.peer)) {
        try {
          found.push(await measure(turn, kind, count, options.seconds));
        } catch (error) {
          if (error instanceof Unavailable) throw error;
          const { message } = /** @type {Error} */ (error);
          console.log(`  ${turn.name} ${kind}: FAILED: ${message}`);
          missing.push({ peer: turn.name, operation: kind, reason: message });
        }
      }
    }
    return found;
  });
  const tables = [...grouped(samples, ({ kind }) => kind).values()].map((list) => ({
    title: `KB for each ${TITLES[list[0]?.kind ?? 'connection']}`,
    rows: [
      ['server', 'opened', 'KB each (min–max)', 'RSS before MB', 'RSS after MB', 'still answering'],
      ...[...grouped(list, ({ peer, count }) => `${peer} ${count}`).values()].map(rowOf),
    ],
  }));
  const command = commandFor('idle', options, [`--connections=${options.connections.join(',')}`]);
  reportTables({ suite: 'idle', command, tables, missing, data: { samples }, options });
}

/**
 * @param {import('../peers/table.mjs').Peer} peer
 * @returns {Kind[]}
 */
function kindsOf({ era, kind }) {
  if (era === 'legacy') return ['connection', 'session', 'stream'];
  return era === 'modern' && kind === 'own' ? ['connection', 'stream'] : ['connection'];
}

/**
 * @param {import('./rounds.mjs').Turn} turn
 * @param {Kind} kind
 * @param {number} count
 * @param {number} settleSeconds
 * @returns {Promise<Sample>}
 */
async function measure({ name, peer, round }, kind, count, settleSeconds) {
  const server = await startPeer(name, peer, { core: undefined, env: { KEEP_ALIVE: 'forever' } });
  /** @type {net.Socket[]} */
  const sockets = [];
  try {
    const target = await open(server.port, peer.era);
    await settle(settleSeconds);
    const before = server.resident() ?? Number.NaN;
    for (let done = 0; done < count; done += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, count - done) }, () => openOne(kind, target));
      for (const socket of await Promise.all(batch)) if (socket !== undefined) sockets.push(socket);
    }
    await settle(settleSeconds);
    const after = server.resident() ?? Number.NaN;
    const alive = kind === 'connection' ? await stillAnswering(sockets, target) : stillOpen(sockets);
    const each = (after - before) / count;
    console.log(`  ${name} ${kind} × ${count}: ${fixed(each / 1024, 2)} KB each`);
    return { peer: name, kind, count, round, before, after, each, alive };
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  }
}

/**
 * @param {Kind} kind
 * @param {import('../load/requests.mjs').Target} target
 * @returns {Promise<net.Socket | undefined>}
 */
async function openOne(kind, target) {
  if (kind === 'connection')
    return exchange(await connect(target.port), text(target, operationRequest(target, 'ping', freshId())));
  if (target.era === 'modern') {
    const listen = {
      id: 1,
      method: 'subscriptions/listen',
      params: { notifications: { toolsListChanged: true } },
    };
    return exchange(await connect(target.port), text(target, request(target, listen)), true);
  }
  const own = await session(target.port);
  if (kind === 'session') return undefined;
  const headers = { ...LEGACY_HEADERS, host: `127.0.0.1:${target.port}`, 'mcp-session-id': own };
  const lines = Object.entries(headers).map(([field, value]) => `${field}: ${value}`);
  return exchange(await connect(target.port), `GET /mcp HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, true);
}

/** @param {number} port @returns {Promise<string>} */
async function session(port) {
  const connection = new Connection(port);
  try {
    const [initialize, initialized] = opening();
    const target = /** @type {const} */ ({ port, era: 'legacy' });
    const opened = await connection.ask(request(target, initialize));
    if (opened.session === undefined) throw new Error('no session');
    await connection.ask(request({ ...target, session: opened.session }, initialized));
    return opened.session;
  } finally {
    connection.close();
  }
}

/** @param {import('../load/requests.mjs').Target} target @param {import('../load/requests.mjs').Request} one */
const text = (target, one) => http1(one, target.port);

/** @param {number} port @returns {Promise<net.Socket>} */
function connect(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

/**
 * Sends a request and waits for the whole reply, or for the head of a stream.
 * @param {net.Socket} socket
 * @param {string} message
 * @param {boolean} [stream]
 * @returns {Promise<net.Socket>}
 */
function exchange(socket, message, stream = false) {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => done(new Error('no reply in time')), REPLY_MS);
    /** @param {Error} [error] */
    const done = (error) => {
      clearTimeout(timer);
      socket.removeListener('data', take);
      socket.removeListener('close', ended);
      if (error !== undefined) {
        socket.destroy();
        reject(error);
        return;
      }
      // What a stream says later is not kept.
      socket.resume();
      resolve(socket);
    };
    const ended = () => done(new Error('the connection was closed'));
    const take = (/** @type {Buffer} */ chunk) => {
      received = Buffer.concat([received, chunk]);
      const head = received.indexOf('\r\n\r\n') >= 0;
      if (!head || (!stream && wholeReply(received) === undefined)) return;
      const first = received.toString('latin1', 0, 12);
      done(first === 'HTTP/1.1 200' ? undefined : new Error(`status ${first.slice(9)}`));
    };
    socket.on('data', take);
    socket.on('close', ended);
    socket.write(message);
  });
}

/**
 * Asks again on some of the connections.
 * @param {readonly net.Socket[]} sockets
 * @param {import('../load/requests.mjs').Target} target
 */
async function stillAnswering(sockets, target) {
  const every = Math.max(1, Math.floor(sockets.length / ALIVE_CHECKS));
  const some = sockets.filter((_, index) => index % every === 0);
  let alive = 0;
  for (const socket of some) {
    try {
      await exchange(socket, text(target, operationRequest(target, 'ping', freshId())));
      alive += 1;
    } catch {
      // counted by what is missing
    }
  }
  return `${alive}/${some.length}`;
}

/** @param {readonly net.Socket[]} sockets */
function stillOpen(sockets) {
  return sockets.length === 0
    ? ''
    : `${sockets.filter((socket) => !socket.destroyed).length}/${sockets.length}`;
}

/** @param {number} seconds */
const settle = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1e3));

/** @param {Sample[]} samples */
function rowOf(samples) {
  const [first] = samples;
  return [
    first?.peer ?? '',
    whole(first?.count),
    spreadText(spread(samples.map(({ each }) => each / 1024)), (value) => fixed(value, 2)),
    fixed(spread(samples.map(({ before }) => before / 1e6)).median, 1),
    fixed(spread(samples.map(({ after }) => after / 1e6)).median, 1),
    samples.map(({ alive }) => alive).join(' '),
  ];
}
