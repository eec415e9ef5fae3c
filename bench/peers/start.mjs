/** Starting a server under test, and asking what of it really serves. */
import net from 'node:net';
import { spawnOn } from '../measure/cores.mjs';
import { cpuSeconds, processTree, residentBytes } from '../measure/processes.mjs';
import { commandOf } from './install.mjs';

const START_MS = 30_000;
const STOP_MS = 5_000;
const POLL_MS = 25;

/** A peer that cannot be measured, and why; the run goes on without it. */
export class Unavailable extends Error {}

/**
 * @typedef {object} Started
 * @property {number} port
 * @property {number} pid
 * @property {() => number | undefined} cpu seconds used by the server's processes
 * @property {() => number | undefined} resident bytes of the server's processes
 * @property {{ front?: string, native?: boolean, reason?: string }} serving what it said of itself
 * @property {import('node:child_process').ChildProcess} child
 * @property {() => Promise<void>} stop
 */

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** Nothing that was started outlives the benchmark. */
function killAll() {
  for (const child of running) child.kill('SIGKILL');
}
process.once('exit', killAll);
process.once('SIGINT', killAll);
process.once('SIGTERM', killAll);

/** A free port of the loopback interface. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/**
 * Starts a peer with what it stands before, waits until it accepts connections and holds it to what it claims to be.
 * @param {string} name
 * @param {import('./table.mjs').Peer} peer
 * @param {{ core: number | undefined, tools?: number, env?: Record<string, string>, nodeFlags?: readonly string[] }} options
 * @returns {Promise<Started>}
 * @throws {Unavailable}
 */
export async function startPeer(name, peer, { core, tools = 20, env = {}, nodeFlags = [] }) {
  const upstream =
    peer.upstream === 'http'
      ? await launch(
          `upstream of ${name}`,
          { ...peer, script: 'ferromcp.mjs' },
          { core, tools, env: {}, nodeFlags: [] },
        )
      : undefined;
  try {
    const url = upstream === undefined ? {} : { UPSTREAM_URL: `http://127.0.0.1:${upstream.port}/mcp` };
    const started = await launch(name, peer, { core, tools, env: { ...url, ...env }, nodeFlags });
    const stop = async () => {
      await started.stop();
      await upstream?.stop();
    };
    try {
      hold(peer, started.serving);
    } catch (error) {
      await stop();
      throw error;
    }
    return { ...started, stop };
  } catch (error) {
    await upstream?.stop();
    throw error;
  }
}

/**
 * The variant asked for must be the one that serves: a fallback measured under another name would be a lie.
 * @param {import('./table.mjs').Peer} peer
 * @param {Started['serving']} serving
 */
export function hold(peer, serving) {
  if (peer.native !== undefined && serving.native !== peer.native)
    throw new Unavailable(
      peer.native ? `the addon is not in use: ${serving.reason ?? 'unknown reason'}` : 'the addon is in use',
    );
  if (peer.front !== undefined && serving.front !== peer.front)
    throw new Unavailable(`asked for the ${peer.front} front, ${serving.front} served`);
}

/**
 * @param {string} name
 * @param {import('./table.mjs').Peer} peer
 * @param {{ core: number | undefined, tools: number, env: Record<string, string>, nodeFlags: readonly string[] }} options
 * @returns {Promise<Started>}
 */
async function launch(name, peer, { core, tools, env, nodeFlags }) {
  const port = await freePort();
  const [program = '', ...rest] = commandOf(peer);
  const node = peer.kind === 'own' || peer.kind === 'npm';
  const command = [program, ...(node ? nodeFlags : []), ...rest];
  const ipc = nodeFlags.length > 0 && node;
  const child = spawnOn(core, withOpenFiles(command, node), {
    env: {
      ...process.env,
      NODE_ENV: 'production',
      PORT: String(port),
      TOOLS: String(tools),
      ...peer.env,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit', ...(ipc ? [/** @type {const} */ ('ipc')] : [])],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const pid = child.pid;
  if (pid === undefined) throw new Unavailable(`${program} could not be started`);
  const said = announcement(child);
  const stop = () => stopChild(child);
  const deadline = Date.now() + START_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Unavailable(
        child.exitCode === null ? 'it did not listen in time' : `it ended with ${child.exitCode}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  try {
    return {
      port,
      pid,
      child,
      stop,
      serving: peer.kind === 'own' ? await said(name) : {},
      cpu: () => cpuSeconds(processTree(pid)),
      resident: () => residentBytes(processTree(pid)),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Node raises the limit of open files by itself; other programs take what they are given. */
function withOpenFiles(/** @type {readonly string[]} */ command, /** @type {boolean} */ node) {
  if (node || process.platform === 'win32') return command;
  return ['sh', '-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', ...command];
}

/**
 * Reads the line a server of ours writes when it listens.
 * @param {import('node:child_process').ChildProcess} child
 */
function announcement(child) {
  let text = '';
  child.stdout?.on('data', (chunk) => {
    // What other servers print is not read; it only must not fill the pipe.
    if (text.length < 64 * 1024) text += chunk;
  });
  return async (/** @type {string} */ name) => {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline && child.exitCode === null) {
      const line = /^(\{"bench":"ready".*\})$/m.exec(text)?.[1];
      if (line !== undefined) return JSON.parse(line);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Unavailable(`${name} did not say what serves`);
  };
}

/**
 * Ends a child: politely, so that it ends its own children, then for good.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<void>}
 */
export function stopChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

/** @param {number} port @returns {Promise<boolean>} */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
