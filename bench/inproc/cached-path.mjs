/**
 * The cached path inside one process, with the addon and with its TypeScript twin: routing a name, finding a result by
 * its request, and the whole way of a cached call from the bytes of a message to the text of its reply, also through the
 * in-memory transport. Histograms in nanoseconds; the clock is part of every value.
 */
import { spawnSync } from 'node:child_process';
import { createHistogram } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { clockCost, timeEach } from '../measure/histogram.mjs';

const SELF = fileURLToPath(import.meta.url);
const CALLS = process.argv.includes('--quick') ? 20_000 : 200_000;
const WARM = 20_000;
const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const HOUR = 3_600_000;

const dist = (/** @type {string} */ path) => import(new URL(`../../dist/${path}`, import.meta.url).href);

/** A server whose messages can be handed in as bytes. */
async function bench() {
  const [{ assemble }, { Registry }, { Connection }, { toolEntry }, { LOCAL_USER }] = await Promise.all([
    dist('server/assembly.js'),
    dist('features/registry.js'),
    dist('protocol/connection.js'),
    dist('server/registration.js'),
    dist('core/principal.js'),
  ]);
  const identity = { serverInfo: { name: 'bench', version: '1.0.0' }, instructions: undefined };
  const registry = new Registry();
  const assembly = assemble(identity.serverInfo, registry, {
    middleware: [],
    mounted: () => ({}),
    onRootsChanged: () => {},
    onLogLevel: () => {},
    identity: () => identity,
    pending: () => undefined,
    onPeerGone: () => {},
  });
  const schema = {
    type: 'object',
    properties: { key: { type: 'string' }, limit: { type: 'number' } },
    required: ['key'],
  };
  const answer = (/** @type {{ key: string, limit: number }} */ { key, limit }) =>
    `${key}: ${'x'.repeat(limit)}`;
  for (const [name, cache] of [
    ['cached', { ttlMs: HOUR }],
    ['plain', undefined],
  ]) {
    registry.tools.add(toolEntry(name, { input: schema, ...(cache && { cache }) }, answer, assembly.schemas));
  }
  return { assembly, Connection, LOCAL_USER };
}

/** @param {string} tool @param {object | undefined} meta */
const params = (tool, meta) => ({
  name: tool,
  arguments: { key: 'record 7', limit: 120 },
  ...(meta === undefined ? {} : { _meta: meta }),
});

/** @param {string} tool @param {object | undefined} meta */
const message = (tool, meta) =>
  Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: params(tool, meta) }));

/** Calls that answer at once. */
async function wholePaths() {
  const { assembly, Connection, LOCAL_USER } = await bench();
  let reply = '';
  const connect = () =>
    new Connection(assembly.protocol, LOCAL_USER, (/** @type {string} */ text) => (reply = text));
  const modern = connect();
  const legacy = connect();
  const init = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '1' },
  };
  legacy.receive(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: init })));
  legacy.receive(Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}'));
  const ask = (/** @type {any} */ connection, /** @type {Buffer} */ bytes) => {
    reply = '';
    connection.receive(bytes);
    if (!reply.includes('record 7')) throw new Error(`no answer: ${reply}`);
  };
  return [
    ['cached call, 2026-07-28', withBytes(ask, modern, message('cached', MODERN))],
    ['cached call, 2025-11-25', withBytes(ask, legacy, message('cached', undefined))],
    ['the same with the handler run', withBytes(ask, modern, message('plain', MODERN))],
  ];
}

/** @param {(connection: any, bytes: Buffer) => void} ask @param {any} connection @param {Buffer} bytes */
function withBytes(ask, connection, bytes) {
  return () => ask(connection, bytes);
}

/** Times a cached call through the in-memory transport: one after the other, each in turns of its own. */
async function throughTransport() {
  const { createServer } = await dist('index.js');
  const server = createServer({ name: 'bench', version: '1.0.0' }).tool(
    'cached',
    { input: { type: 'object' }, cache: { ttlMs: HOUR } },
    (/** @type {any} */ { key, limit }) => `${key}: ${'x'.repeat(limit)}`,
  );
  const transport = server.transport();
  let done = () => {};
  await transport.start({ message: () => done(), closed: () => {} });
  const request = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: params('cached', MODERN) };
  const histogram = createHistogram();
  for (let i = -WARM; i < CALLS; i += 1) {
    const started = process.hrtime.bigint();
    const answered = new Promise((resolve) => {
      done = () => resolve(process.hrtime.bigint() - started);
    });
    transport.send(request);
    const took = await answered;
    if (i >= 0) histogram.record(took);
  }
  await server.close();
  return summary(histogram);
}

/** @param {import('node:perf_hooks').RecordableHistogram} histogram */
function summary(histogram) {
  return {
    p50: histogram.percentile(50),
    p95: histogram.percentile(95),
    p99: histogram.percentile(99),
    max: histogram.max,
  };
}

/** Calls of the public API. */
async function publicCalls() {
  const { createSona } = await dist('index.js');
  const sona = createSona();
  sona.setRoutes(Array.from({ length: 300 }, (_, index) => ({ name: `server${index % 10}__tool_${index}` })));
  const query = {
    epoch: new Uint8Array(16),
    revision: '2026-07-28',
    method: 'tools/call',
    name: 'cached',
    principal: Buffer.from('someone'),
    params: params('cached', MODERN),
  };
  const out = Buffer.alloc(4_096);
  const key = sona.cacheKey(query);
  const value = Buffer.alloc(200, 0x20);
  sona.cacheWrite(key, value, HOUR);
  const found = (/** @type {Uint8Array} */ k) => {
    if (sona.cacheLookup(k, out) !== value.length) throw new Error('not found');
  };
  return [
    ['routeRequest, exact', () => sona.routeRequest('server7__tool_157')],
    ['routeRequest, did you mean', () => sona.routeRequest('server7__tol_157')],
    ['cacheLookup, key at hand', () => found(key)],
    ['cacheKey and cacheLookup', () => found(sona.cacheKey(query))],
    ['cacheWrite', () => sona.cacheWrite(key, value, HOUR)],
  ];
}

async function measure() {
  const { loadNative } = await dist('native/loader.js');
  const by = loadNative().status.loaded ? 'addon' : 'TypeScript';
  const cases = [...(await publicCalls()), ...(await wholePaths())];
  const rows = cases.map(([name, call]) => ({
    name,
    by,
    ...timeEach(call, name.includes('mean') ? CALLS / 10 : CALLS),
  }));
  rows.push({ name: 'cached call, in-memory transport', by, ...(await throughTransport()) });
  return { rows, clock: clockCost(CALLS) };
}

/** Runs the other side in a process of its own: which one is used is decided once. */
function child(env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SELF, '--json', ...process.argv.slice(2)], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

function print({ rows, clock }) {
  const line = (/** @type {readonly string[]} */ [name = '', by = '', ...cells]) =>
    `${name.padEnd(34)} ${by.padEnd(11)}${cells.map((cell) => cell.padStart(12)).join('')}`;
  const ns = (/** @type {number} */ value) => Math.round(value).toLocaleString('en');
  console.log(line(['call', 'by', 'p50 ns', 'p95', 'p99', 'max']));
  for (const { name, by, p50, p95, p99, max } of rows)
    console.log(line([name, by, ...[p50, p95, p99, max].map(ns)]));
  console.log(`an empty call reads ${ns(clock)} ns`);
}

if (process.argv.includes('--json')) {
  console.log(JSON.stringify(await measure()));
} else {
  const sides = [child({}), child({ FERROMCP_NATIVE: '0' })];
  const rows = sides[0].rows.flatMap((row, index) => [row, sides[1].rows[index]]);
  print({ rows, clock: sides[0].clock });
}
