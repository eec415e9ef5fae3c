/**
 * `npm run bench -- inproc`: what calls cost inside one process: crossing into the addon, routing a name, a hit in the
 * cache, and the whole cached path from the bytes of a message to the bytes of its result. Addon and TypeScript side by
 * side, as histograms.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../scripts/lib/paths.mjs';
import { run } from '../../scripts/lib/process.mjs';
import { clockCost, timeBatches, timeEach } from '../measure/histogram.mjs';
import { readOptions } from '../measure/options.mjs';
import { fixed, whole } from '../report/format.mjs';
import { commandFor, reportTables } from '../report/table.mjs';
import { prepareProduct } from './prepare.mjs';

const DEFAULTS = {
  normal: { rounds: 1, seconds: 1, connections: [1] },
  quick: { rounds: 1, seconds: 1, connections: [1] },
  full: { rounds: 1, seconds: 1, connections: [1] },
};
const CALLS = { quick: 50_000, normal: 500_000 };
const BATCHES = 200;
/** The part of it that belongs to the results cache; it prints its own table. */
const CACHED_PATH = fileURLToPath(new URL('../inproc/cached-path.mjs', import.meta.url));

const encoder = new TextEncoder();

/** @typedef {{ name: string, native?: () => unknown, script?: () => unknown }} Case */

/** @param {readonly string[]} argv */
export async function benchInproc(argv) {
  const options = readOptions(argv, DEFAULTS);
  await prepareProduct(options);
  const calls = options.calls ?? (options.quick ? CALLS.quick : CALLS.normal);
  const dist = (/** @type {string} */ path) => import(join(ROOT, 'dist', path));
  const [{ loadNative }, { fallback }, { HEADER_WORDS }, { DEFAULT_LIMITS }, { createCodec }] =
    await Promise.all([
      dist('native/loader.js'),
      dist('native/fallback.js'),
      dist('native/port.js'),
      dist('core/limits.js'),
      dist('protocol/codec/index.js'),
    ]);
  const { port, status } = loadNative();
  /** @type {import('./rounds.mjs').Missing[]} */
  const missing = [];
  if (!status.loaded) missing.push({ peer: 'addon', operation: '*', reason: status.reason ?? 'not loaded' });
  const native = status.loaded ? port : undefined;
  const cases = [
    ...scanCases(native, fallback, HEADER_WORDS, DEFAULT_LIMITS, createCodec),
    ...storeCases(native, fallback, missing),
  ];
  const rows = [];
  for (const { name, native: addon, script } of cases) {
    for (const [by, call] of /** @type {const} */ ([
      ['addon', addon],
      ['TypeScript', script],
    ])) {
      if (call === undefined) continue;
      rows.push({ name, by, ...timeEach(call, calls), mean: timeBatches(call, BATCHES) });
    }
  }
  const cost = clockCost(calls);
  const head = ['call', 'by', 'ns in batches', 'p50 ns', 'p95', 'p99', 'p99.9', 'max'];
  const table = rows.map(({ name, by, mean, p50, p95, p99, p999, max }) => [
    name,
    by,
    fixed(mean, 0),
    ...[p50, p95, p99, p999, max].map(whole),
  ]);
  reportTables({
    suite: 'inproc',
    command: commandFor('inproc', options, [`--calls=${calls}`]),
    tables: [{ title: `single calls, ${whole(calls)} each`, rows: [head, ...table] }],
    missing,
    notes: [`percentiles hold the clock itself: an empty call reads ${whole(cost)} ns`],
    data: { rows, clock: cost },
    options,
  });
  if (!existsSync(CACHED_PATH)) return;
  console.log('\nthe cached path:');
  const { code } = await run(process.execPath, [CACHED_PATH, ...(options.quick ? ['--quick'] : [])], {
    stdio: 'inherit',
  });
  if (code !== 0) process.exitCode = 1;
}

/**
 * Reading a message: one crossing of the seam.
 * @param {any} native
 * @param {any} fallback
 * @param {number} words
 * @param {any} limits
 * @param {(id: string, port: any) => any} createCodec
 * @returns {Case[]}
 */
function scanCases(native, fallback, words, limits, createCodec) {
  const message = (/** @type {object} */ body) =>
    encoder.encode(JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }));
  const call = message({
    method: 'tools/call',
    params: { name: 'echo', arguments: { message: 'hello benchmark world 7' } },
  });
  const ping = message({ method: 'ping' });
  const out = new Uint32Array(words);
  const { jsonDepth, jsonNodes, jsonNumber, idBytes, methodBytes, batchMessages } = limits;
  const bounds = Uint32Array.of(jsonDepth, jsonNodes, jsonNumber, idBytes, methodBytes, batchMessages);
  const scan = (/** @type {any} */ port, /** @type {Uint8Array} */ bytes) =>
    port === undefined ? {} : { scan: () => port.scanEnvelope(bytes, 0, bytes.length, bounds, out) };
  const codec = (/** @type {any} */ port) => (port === undefined ? undefined : createCodec('native', port));
  const [fast, slow] = [codec(native), codec(fallback)];
  return [
    both('scan the envelope of a ping', scan(native, ping).scan, scan(fallback, ping).scan),
    both('scan the envelope of a call', scan(native, call).scan, scan(fallback, call).scan),
    both(
      'codec on top of it',
      fast === undefined ? undefined : () => fast.scan(call, limits),
      slow === undefined ? undefined : () => slow.scan(call, limits),
    ),
  ];
}

/**
 * Routing and the cache, where the port has them.
 * @param {any} native
 * @param {any} fallback
 * @param {import('./rounds.mjs').Missing[]} missing
 * @returns {Case[]}
 */
function storeCases(native, fallback, missing) {
  if (typeof fallback.sonaOpen !== 'function') {
    missing.push({
      peer: 'ferromcp',
      operation: 'routing and cache',
      reason: 'this build has no such calls',
    });
    return [];
  }
  const open = (/** @type {any} */ port) =>
    typeof port?.sonaOpen === 'function' ? storeCalls(port) : undefined;
  const [addon, script] = [open(native), open(fallback)];
  return [
    both('route a name among 300', addon?.route, script?.route),
    both('canonical text of params', addon?.canonical, script?.canonical),
    both('hit in the cache, 200 bytes', addon?.hit, script?.hit),
    both('miss in the cache', addon?.miss, script?.miss),
    both('put into the cache', addon?.put, script?.put),
  ];
}

/** @param {any} port */
function storeCalls(port) {
  const { handle } = port.sonaOpen({ cacheSize: 4 * 1024 * 1024, maxEntry: 64 * 1024, timeoutMs: 1_000 });
  const routes = Array.from({ length: 300 }, (_, index) => [`server${index % 10}__tool_${index}`]);
  port.sonaSetRoutes(handle, routes);
  const name = encoder.encode('server7__tool_157');
  const params = encoder.encode('{"name":"lookup","arguments":{"key":"record 7","limit":10}}');
  const key = encoder.encode(
    'a key of about the usual length, with epoch, revision and params in it 0123456789',
  );
  const other = encoder.encode('a key nobody has put');
  const value = new Uint8Array(200).fill(0x20);
  const [found, text] = [new Uint8Array(4_096), new Uint8Array(4_096)];
  const suggestions = new Uint32Array(4);
  const now = Date.now();
  const put = () => port.sonaPut(handle, key, key.length, value, value.length, now + 3_600_000);
  const hit = () => port.sonaGet(handle, key, key.length, now, found);
  put();
  if (hit() !== value.length) throw new Error('the cache does not give back what was put');
  return {
    route: () => port.sonaRoute(handle, name, name.length, suggestions),
    canonical: () => port.canonicalParams(params, 0, params.length, text),
    hit,
    miss: () => port.sonaGet(handle, other, other.length, now, found),
    put,
  };
}

/**
 * @param {string} name
 * @param {(() => unknown) | undefined} native
 * @param {(() => unknown) | undefined} script
 * @returns {Case}
 */
function both(name, native, script) {
  return { name, ...(native === undefined ? {} : { native }), ...(script === undefined ? {} : { script }) };
}
