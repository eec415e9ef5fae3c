/**
 * `npm run bench -- leak`: memory of a server over a million calls of echo in one session (`--calls=N`), in twenty steps.
 * The slope is that of a line through the second half, when caches and the heap have found their size.
 */
import { open } from '../load/check.mjs';
import { runLoad } from '../load/generator.mjs';
import { readOptions } from '../measure/options.mjs';
import { line } from '../measure/statistics.mjs';
import { startPeer } from '../peers/start.mjs';
import { PEERS, selectPeers } from '../peers/table.mjs';
import { fixed, whole } from '../report/format.mjs';
import { commandFor, reportTables } from '../report/table.mjs';
import { preparePeers } from './prepare.mjs';
import { takeTurns } from './rounds.mjs';

const DEFAULT_PEERS = ['ferromcp native legacy', 'ferromcp node legacy', 'SDK v1', 'SDK v1 JSON'];
const DEFAULTS = {
  normal: { rounds: 1, seconds: 1, connections: [16] },
  quick: { rounds: 1, seconds: 1, connections: [16] },
  full: { rounds: 1, seconds: 1, connections: [16] },
};
const CALLS = { quick: 40_000, normal: 1_000_000 };
const STEPS = 20;
const HEAP_MS = 10_000;
const REPORTER = new URL('../measure/heap-reporter.mjs', import.meta.url).href;

/** @typedef {{ calls: number, resident: number, heap: number | undefined }} Point */
/** @typedef {{ peer: string, round: number, points: Point[], heapEach: number, residentEach: number }} Sample */

/** @param {readonly string[]} argv */
export async function benchLeak(argv) {
  const options = readOptions(argv, DEFAULTS);
  const calls = options.calls ?? (options.quick ? CALLS.quick : CALLS.normal);
  const able = Object.keys(PEERS).filter((name) => PEERS[name]?.h1 !== false);
  /** @type {import('./rounds.mjs').Missing[]} */
  const missing = [];
  const chosen = options.only === undefined ? DEFAULT_PEERS : selectPeers(options.only, able);
  const names = await preparePeers(chosen, options, missing);
  const samples = await takeTurns(names, options, missing, async (turn) => [
    await measure(turn, calls, options.connections[0] ?? 16),
  ]);
  const head = [
    'server',
    'heap B/call',
    'RSS B/call',
    'heap after 5 % MB',
    'at the end MB',
    'RSS after 5 % MB',
    'at the end MB',
  ];
  const rows = samples.map(({ peer, points, heapEach, residentEach }) => {
    const [first, last] = [points[0], points.at(-1)];
    const mega = (/** @type {number | undefined} */ bytes) =>
      fixed(bytes === undefined ? undefined : bytes / 1e6, 1);
    const each = (/** @type {number} */ bytes) => fixed(bytes, 1);
    const ends = [mega(first?.heap), mega(last?.heap), mega(first?.resident), mega(last?.resident)];
    return [peer, each(heapEach), each(residentEach), ...ends];
  });
  reportTables({
    suite: 'leak',
    command: commandFor('leak', options, [`--calls=${calls}`]),
    tables: [{ title: `memory over ${whole(calls)} calls of echo in one session`, rows: [head, ...rows] }],
    missing,
    data: { samples },
    options,
  });
}

/**
 * @param {import('./rounds.mjs').Turn} turn
 * @param {number} calls
 * @param {number} connections
 * @returns {Promise<Sample>}
 */
async function measure({ name, peer, round, cores }, calls, connections) {
  const node = peer.kind === 'own' || peer.kind === 'npm';
  const nodeFlags = node ? ['--expose-gc', '--import', REPORTER] : [];
  const server = await startPeer(name, peer, { core: cores.server, nodeFlags });
  /** @type {Point[]} */
  const points = [];
  try {
    const target = await open(server.port, peer.era);
    const load = { target, operation: 'echo', connections, seconds: 0, core: cores.load };
    for (let step = 1; step <= STEPS; step += 1) {
      const part = Math.round(calls / STEPS);
      const { failures } = await runLoad({ ...load, protocol: 'h1', generator: 'node', calls: part });
      if (failures > 0) throw new Error(`${failures} calls failed`);
      const heap = node ? await heapUsed(server.child) : undefined;
      points.push({ calls: step * part, heap, resident: server.resident() ?? Number.NaN });
    }
  } finally {
    await server.stop();
  }
  const half = points.slice(points.length / 2);
  const slope = (/** @type {'heap' | 'resident'} */ what) =>
    line(half.map((point) => [point.calls, point[what] ?? Number.NaN])).slope;
  const sample = { peer: name, round, points, heapEach: slope('heap'), residentEach: slope('resident') };
  console.log(
    `  ${name}: ${fixed(sample.heapEach, 1)} B of heap, ${fixed(sample.residentEach, 1)} B of RSS a call`,
  );
  return sample;
}

/**
 * Bytes the server's heap and buffers hold after collection.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<number>}
 */
function heapUsed(child) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the server did not report its heap')), HEAP_MS);
    child.once('message', (/** @type {any} */ { heapUsed: heap, external }) => {
      clearTimeout(timer);
      resolve(heap + external);
    });
    child.send('heap');
  });
}
