/**
 * The store of cached results in shared memory against LMDB (npm `lmdb`, installed into `bench/.peers`) and a Map of one
 * process: values of 430 bytes under keys of 41. Time an operation, best, median and worst of rounds in which the stores
 * take turns.
 *
 * Usage: npm run build && node bench/micro/shared-cache.mjs [--rounds=15] [--entries=20000]
 * DIST=<folder> measures another build.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { INSTALLED, installPeers } from '../peers/install.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    entries: { type: 'string', default: '20000' },
    // The other process: which store, where.
    writer: { type: 'string' },
    place: { type: 'string' },
  },
});
const dist = process.env.DIST
  ? pathToFileURL(`${process.env.DIST}/`)
  : new URL('../../dist/', import.meta.url);
if (!existsSync(dist)) {
  console.error('dist/ is missing: run npm run build first');
  process.exit(1);
}
const ROUNDS = Number(options.rounds);
const ENTRIES = Number(options.entries);
const BATCH = ENTRIES;
const HOT = 64;
const SIZE = 64 * 1024 * 1024;
const VALUE = Buffer.alloc(430, 'v');

/** Keys made beforehand: making them is nobody's cost. */
const keysOf = (/** @type {string} */ prefix) =>
  Array.from({ length: ENTRIES }, (_, index) => Buffer.from(`${prefix}${index}`.padEnd(41, '.')));
const KEYS = keysOf('entry ');
const ABSENT = keysOf('absent ');
/** All entries in a fixed random order: whoever puts in this order puts each of them anew. */
const ORDER = (() => {
  const order = Uint32Array.from({ length: ENTRIES }, (_, index) => index);
  let state = 1;
  for (let at = ENTRIES - 1; at > 0; at--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = state % (at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return order;
})();

async function openSegment(/** @type {string} */ name) {
  const { loadNative } = await import(new URL('native/loader.js', dist).href);
  const { port, status } = loadNative();
  if (!status.loaded) throw new Error(`the addon is not loaded: ${status.reason}`);
  const opened = port.sonaOpen({ shared: name, cacheSize: SIZE, maxEntry: 1024 * 1024, timeoutMs: 60_000 });
  if (opened.kind !== 'segment') throw new Error(`no shared memory: ${opened.warning}`);
  const { handle } = opened;
  const out = Buffer.alloc(4096);
  const forever = Number.POSITIVE_INFINITY;
  return {
    get: (/** @type {Buffer} */ key) => port.sonaGet(handle, key, key.length, 1, out) >= 0,
    put: (/** @type {Buffer} */ key) => port.sonaPut(handle, key, key.length, VALUE, VALUE.length, forever),
    close: () => port.sonaClose(handle),
  };
}

async function openLmdb(/** @type {string} */ path) {
  const { open } = createRequire(join(INSTALLED, 'lmdb', 'package.json'))('lmdb');
  // No sync: what shared memory does not promise is not asked of it either.
  const database = open({ path, keyEncoding: 'binary', encoding: 'binary', noSync: true, mapSize: SIZE * 2 });
  return {
    get: (/** @type {Buffer} */ key) => database.getBinaryFast(key) !== undefined,
    put: (/** @type {Buffer} */ key) => database.putSync(key, VALUE),
    close: () => database.close(),
  };
}

function openMap() {
  const map = new Map();
  return {
    get: (/** @type {Buffer} */ key) => map.get(key.latin1Slice()) !== undefined,
    put: (/** @type {Buffer} */ key) => map.set(key.latin1Slice(), VALUE),
    close: () => map.clear(),
  };
}

if (options.writer !== undefined) {
  const store = await (options.writer === 'lmdb' ? openLmdb : openSegment)(String(options.place));
  for (let at = 0; ; at = (at + 1) % BATCH) {
    store.put(/** @type {Buffer} */ (KEYS[/** @type {number} */ (ORDER[at])]));
    if (at === 0) {
      process.stdout.write('.');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const missing = await installPeers([{ kind: 'npm', folder: 'lmdb' }], (text) => console.error(text));
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ferromcp-bench-'));
const segmentName = `bench-${process.pid}`;
/** @type {Map<string, Awaited<ReturnType<typeof openSegment>>>} */
const stores = new Map();
stores.set('segment', await openSegment(segmentName));
if (missing.size === 0) stores.set('lmdb', await openLmdb(join(folder, 'lmdb')));
else console.log(`no LMDB: ${[...missing.values()].join()}`);
stores.set('Map', openMap());

/** @type {Record<string, (store: any) => number>} */
const OPERATIONS = {
  'get, 64 hot keys': (store) => repeat((at) => store.get(KEYS[at % HOT])),
  [`get, ${ENTRIES} keys`]: (store) => repeat((at) => store.get(KEYS[ORDER[at] ?? 0])),
  miss: (store) => repeat((at) => !store.get(ABSENT[ORDER[at] ?? 0])),
  put: (store) => repeat((at) => store.put(KEYS[ORDER[at] ?? 0]) !== false),
};

/** Runs a batch; returns nanoseconds an operation. Every operation must have worked but for a lost entry or two. */
function repeat(/** @type {(at: number) => unknown} */ operation) {
  let worked = 0;
  const before = process.hrtime.bigint();
  for (let at = 0; at < BATCH; at++) if (operation(at)) worked += 1;
  const time = Number(process.hrtime.bigint() - before) / BATCH;
  if (worked < BATCH * 0.98) throw new Error(`only ${worked} of ${BATCH} worked`);
  return time;
}

function measure(/** @type {string[]} */ names) {
  /** @type {Map<string, number[]>} */
  const times = new Map();
  for (const name of names) {
    for (let round = -2; round < ROUNDS; round++) {
      for (const [store, opened] of stores) {
        const time = /** @type {(store: unknown) => number} */ (OPERATIONS[name])(opened);
        const label = `${name}|${store}`;
        if (round >= 0) times.set(label, [...(times.get(label) ?? []), time]);
      }
    }
  }
  return times;
}

function print(/** @type {Map<string, number[]>} */ times) {
  for (const [label, all] of times) {
    const [name, store] = label.split('|');
    const sorted =
      all.toSorted === undefined ? [...all].sort((a, b) => a - b) : all.toSorted((a, b) => a - b);
    const at = (/** @type {number} */ part) =>
      String(Math.round(sorted[Math.round((sorted.length - 1) * part)] ?? 0)).padStart(7);
    console.log(`${String(name).padEnd(22)}${String(store).padEnd(9)}${at(0)}${at(0.5)}${at(1)}`);
  }
}

try {
  for (const store of stores.values()) for (const key of KEYS) store.put(key);
  console.log(`${'ns an operation'.padEnd(31)}   best median  worst`);
  print(measure(Object.keys(OPERATIONS)));

  console.log('\nwhile another process puts without a pause');
  const names = [...stores.keys()];
  for (const name of names.filter((other) => other !== 'Map')) {
    const place = name === 'lmdb' ? join(folder, 'lmdb') : segmentName;
    const child = spawn(
      process.execPath,
      [fileURLToPath(import.meta.url), `--writer=${name}`, `--place=${place}`, `--entries=${ENTRIES}`],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.stdout.resume();
    const all = new Map(stores);
    for (const other of names) if (other !== name) stores.delete(other);
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      print(measure(Object.keys(OPERATIONS)));
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    for (const [other, opened] of all) stores.set(other, opened);
  }
} finally {
  for (const store of stores.values()) await store.close();
  rmSync(folder, { recursive: true, force: true });
}
