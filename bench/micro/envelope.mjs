// Time of reading one message: addon, TypeScript scanner, codec on top of each, JSON.parse.
// Usage: npm run build && node bench/micro/envelope.mjs [--json]
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';

const dist = new URL('../../dist/', import.meta.url);
if (!existsSync(dist)) {
  console.error('dist/ is missing: run npm run build first');
  process.exit(1);
}
const load = (path) => import(new URL(path, dist).href);
const [{ loadNative }, { fallback }, { HEADER_WORDS }, { createCodec }, { DEFAULT_LIMITS }] =
  await Promise.all([
    load('native/loader.js'),
    load('native/fallback.js'),
    load('native/port.js'),
    load('protocol/codec/index.js'),
    load('core/limits.js'),
  ]);

const call = (args) => ({
  jsonrpc: '2.0',
  id: 42,
  method: 'tools/call',
  params: {
    name: 'echo',
    arguments: args,
    _meta: { progressToken: 7, 'io.modelcontextprotocol/protocolVersion': '2026-07-28' },
  },
});
const item = (_, i) => ({ id: i, label: `item ${i}`, ok: true, value: i * 1.5 });
const items = (count) => call({ items: Array.from({ length: count }, item) });

const MESSAGES = [
  ['ping', { jsonrpc: '2.0', id: 1, method: 'ping' }],
  ['call, text', call({ text: 'x'.repeat(70) })],
  ['call, items', items(2)],
  ['call, text', call({ text: 'x'.repeat(1_800) })],
  ['call, items', items(33)],
  ['call, text', call({ text: 'x'.repeat(20_000) })],
  ['call, items', items(380)],
  ['call, accents', call({ text: 'é€'.repeat(4_000) })],
  ['call, escapes', call({ text: '\n"'.repeat(5_000) })],
].map(([name, message]) => [name, Buffer.from(JSON.stringify(message))]);

const limits = Uint32Array.of(
  DEFAULT_LIMITS.jsonDepth,
  DEFAULT_LIMITS.jsonNodes,
  DEFAULT_LIMITS.jsonNumber,
  DEFAULT_LIMITS.idBytes,
  DEFAULT_LIMITS.methodBytes,
  DEFAULT_LIMITS.batchMessages,
);
const out = new Uint32Array(HEADER_WORDS);

/** Best of several rounds, in ns a call: on a busy machine the others measure the neighbours. */
function time(work) {
  let calls = 16;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 40; round++) {
    const started = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) work();
    const took = Number(process.hrtime.bigint() - started);
    if (round > 10) best = Math.min(best, took / calls);
    // About 5 ms a round.
    else calls = Math.max(16, Math.min(200_000, Math.round((calls * 5e6) / Math.max(took, 1))));
  }
  return Math.round(best);
}

const scanner = (port) => (bytes) => () => port.scanEnvelope(bytes, 0, bytes.length, limits, out);
const codec = (id, port) => {
  const { scan } = createCodec(id, port);
  return (bytes) => () => scan(bytes, DEFAULT_LIMITS);
};
const addon = loadNative({ env: {} });
const CONTENDERS = {
  ...(addon.status.loaded
    ? { native: scanner(addon.port), 'native codec': codec('native', addon.port) }
    : {}),
  js: scanner(fallback),
  'js codec': codec('js', fallback),
  'JSON.parse': (bytes) => () => JSON.parse(bytes.toString('utf8', 0, bytes.length)),
};

const rustc = spawnSync('rustc', ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? 'no rustc';
const rows = MESSAGES.map(([name, bytes]) => {
  const times = Object.entries(CONTENDERS).map(([id, prepare]) => [id, time(prepare(bytes))]);
  return { message: name, bytes: bytes.length, ...Object.fromEntries(times) };
});
if (process.argv.includes('--json')) {
  console.log(
    JSON.stringify({ node: process.version, rustc, cpu: cpus()[0]?.model, addon: addon.status, rows }),
  );
} else {
  console.log(`ns a call · node ${process.version} · ${rustc} · ${cpus()[0]?.model}`);
  console.log(addon.status.loaded ? `addon: ${addon.status.path}` : `no addon: ${addon.status.reason}`);
  console.table(rows);
}
