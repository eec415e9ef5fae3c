/**
 * One call inside the process, from the scanned envelope and the bytes of its body to the text of the reply: no HTTP.
 * Time a call (median and best of many batches) and bytes of JavaScript heap a call.
 *
 * Usage: npm run build && node --expose-gc bench/micro/dispatch.mjs [--batches=60] [--only=part of a name] [--scan]
 *   --scan also scans each body first. DIST=<folder> measures another build.
 */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { TOOLS } from '../peers/tools.mjs';

const dist = process.env.DIST
  ? pathToFileURL(`${process.env.DIST}/`)
  : new URL('../../dist/', import.meta.url);
if (!existsSync(dist)) {
  console.error('dist/ is missing: run npm run build first');
  process.exit(1);
}
const { values } = parseArgs({
  options: {
    batches: { type: 'string', default: '60' },
    only: { type: 'string' },
    scan: { type: 'boolean', default: false },
  },
});
const load = (path) => import(new URL(path, dist).href);
const [
  { Registry },
  { assemble },
  { toolEntry },
  { SchemaCache },
  { HttpEndpoint },
  { resolveLimits },
  { ANONYMOUS },
] = await Promise.all(
  [
    'features/registry.js',
    'server/assembly.js',
    'server/registration.js',
    'protocol/schema/index.js',
    'transports/http/http-endpoint.js',
    'core/limits.js',
    'core/principal.js',
  ].map(load),
);

const LIMITS = resolveLimits({});
const BODIES = 64;
const BATCH = 2_000;
const VERSION = '2026-07-28';
const META = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** An exchange that counts what it is given and keeps nothing. */
class CountingExchange {
  target = '/mcp';
  accepted = { json: true, sse: true };
  principal = ANONYMOUS;
  begun = false;
  constructor(headers) {
    this.headers = headers;
  }
  reply(status, _fields, body) {
    replies += 1;
    lastStatus = status;
    last = body;
  }
  open() {
    throw new Error('a stream was opened');
  }
  event() {
    throw new Error('an event was sent');
  }
  close() {}
  destroy() {}
  onClosed() {
    throw new Error('the reply was not immediate');
  }
}
let replies = 0;
let lastStatus = 0;
let last = '';

function makeEndpoint() {
  const registry = new Registry();
  const schemas = new SchemaCache({ limits: LIMITS });
  for (const { name, description, schema, run } of TOOLS)
    registry.tools.add(toolEntry(name, { description, input: schema }, run, schemas));
  const info = { name: 'bench', version: '1.0.0' };
  const identity = { serverInfo: info, instructions: undefined };
  const assembly = assemble(info, registry, {
    middleware: [],
    mounted: () => ({}),
    onRootsChanged: () => {},
    onLogLevel: () => {},
    identity: () => identity,
    pending: () => undefined,
    onPeerGone: () => {},
  });
  return { endpoint: new HttpEndpoint(assembly.protocol), codec: assembly.protocol.codec };
}

const { endpoint, codec } = makeEndpoint();

function request(headers, message) {
  const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
  const scan = codec.scan(bytes, LIMITS);
  if (!scan.ok) throw new Error(scan.code);
  return { headers, bytes, envelope: scan.envelope };
}

let session;
{
  const opening = request(
    {},
    {
      id: 0,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'bench', version: '1' },
      },
    },
  );
  const exchange = new CountingExchange(opening.headers);
  exchange.reply = (_status, fields) => {
    session = fields[1];
  };
  endpoint.post(exchange, opening.envelope, opening.bytes);
}
const HTTP = {
  host: '127.0.0.1:3000',
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};
const LEGACY = { ...HTTP, 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': session };

const OPERATIONS = {
  echo: (id) => ({
    method: 'tools/call',
    params: { name: 'echo', arguments: { message: `hello benchmark world ${id % 64}` } },
  }),
  add: (id) => ({ method: 'tools/call', params: { name: 'add', arguments: { a: id, b: 3 } } }),
  list: () => ({ method: 'tools/list', params: {} }),
};

function requests(era, operation) {
  return Array.from({ length: BODIES }, (_, index) => {
    const id = 1_000 + index;
    const { method, params } = OPERATIONS[operation](id);
    if (era === 'legacy') return request(LEGACY, { id, method, params });
    const name = params.name === undefined ? {} : { 'mcp-name': params.name };
    const headers = { ...HTTP, 'mcp-protocol-version': VERSION, 'mcp-method': method, ...name };
    return request(headers, { id, method, params: { ...params, _meta: META } });
  });
}

function batch(all, count) {
  for (let i = 0; i < count; i += 1) {
    const each = all[i % BODIES];
    let { envelope } = each;
    if (values.scan) {
      const scan = codec.scan(each.bytes, LIMITS);
      if (!scan.ok) throw new Error(scan.code);
      envelope = scan.envelope;
    }
    endpoint.post(new CountingExchange(each.headers), envelope, each.bytes);
  }
}

const median = (sorted) => sorted[Math.floor(sorted.length / 2)];
const names = [];
for (const era of ['modern', 'legacy'])
  for (const operation of Object.keys(OPERATIONS)) names.push(`${era} ${operation}`);
const suites = names
  .filter((name) => values.only === undefined || name.includes(values.only))
  .map((name) => {
    const [era, operation] = name.split(' ');
    return { name, all: requests(era, operation), times: [], heap: 0 };
  });

for (const { name, all } of suites) {
  replies = 0;
  batch(all, 20_000);
  if (replies !== 20_000 || lastStatus !== 200 || last.includes('"error"'))
    throw new Error(`${name}: ${replies} replies, ${lastStatus} ${last.slice(0, 200)}`);
}
for (let round = 0; round < Number(values.batches); round += 1) {
  for (const { all, times } of suites) {
    // Processor time: on a busy machine the clock measures the neighbours.
    const before = process.cpuUsage();
    batch(all, BATCH);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / BATCH);
  }
}
console.log(`Node ${process.version}, codec ${codec.id}${values.scan ? ', with scan' : ''}`);
for (const suite of suites) {
  const { name, all, times } = suite;
  let bytes = '–';
  if (globalThis.gc !== undefined) {
    const samples = [];
    for (let round = 0; round < 9; round += 1) {
      globalThis.gc();
      const before = process.memoryUsage().heapUsed;
      batch(all, 500);
      samples.push((process.memoryUsage().heapUsed - before) / 500);
    }
    bytes = String(Math.round(median(samples.sort((a, b) => a - b))));
  }
  times.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(14)} median ${median(times).toFixed(2).padStart(6)} µs, best ${times[0].toFixed(2).padStart(6)} µs, heap ${bytes.padStart(6)} bytes a call`,
  );
}
