/**
 * Calls every export of the addon with whatever JavaScript has to offer; started by export-misuse.test.ts as a process of
 * its own, since what it looks for would end this one. Prints how many calls came back.
 */
import { createRequire } from 'node:module';

const [path, seed, calls] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(path);

let state = Number(seed);
const random = (below) => {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
};

function detached() {
  const bytes = new Uint8Array(64);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

const hostile = () =>
  new Proxy(
    {},
    {
      get() {
        throw new Error('a getter that throws');
      },
    },
  );

const growable = () => new Uint8Array(new ArrayBuffer(8, { maxByteLength: 64 }));
const numbers = [
  0,
  1,
  2,
  3,
  -1,
  0.5,
  255,
  1e9,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
  Number.NaN,
  Infinity,
  -Infinity,
  -0,
];

const values = [
  () => undefined,
  () => null,
  () => true,
  () => 'text',
  () => 'x'.repeat(100_000),
  () => '\ud800',
  () => Symbol('symbol'),
  () => 1n,
  () => 10n ** 30n,
  () => ({}),
  () => [],
  () => [1, 'two', null],
  () => new Array(10),
  () => () => {
    throw new Error('a callback that throws');
  },
  hostile,
  () => new Date(Number.NaN),
  () => new Uint8Array(0),
  () => new Uint8Array(1_000),
  () => Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}'),
  () => new Uint8Array(Buffer.alloc(1_000).buffer, 3, 5),
  () => new Uint8Array(new SharedArrayBuffer(64)),
  () => new Uint32Array(64),
  () => new Uint32Array(new SharedArrayBuffer(64)),
  () => new Float64Array(8),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  detached,
  growable,
  () => ({ handle: {}, host: 7, port: -1, routes: {}, hosts: 'all', limits: hostile() }),
];

const pick = (from) => from[random(from.length)];
const value = () => (random(3) === 0 ? pick(numbers) : pick(values)());

// Handles that mean something; a call may close them, so now and then there are new ones.
const open = () => addon.sonaOpen({ cacheSize: 1 << 20, maxEntry: 4_096, timeoutMs: 1_000 });
numbers.push(open().handle, open().handle);

const names = Object.keys(addon).filter((name) => typeof addon[name] === 'function');
let returned = 0;
let thrown = 0;
for (let call = 0; call < Number(calls); call += 1) {
  const name = pick(names);
  if (name === 'sonaClose') numbers[numbers.length - 1 - random(2)] = open().handle;
  const args = Array.from({ length: random(7) }, value);
  try {
    const result = addon[name](...args);
    // What is awaited may fail later.
    if (result instanceof Promise) result.catch(() => {});
    returned += 1;
  } catch (error) {
    if (!(error instanceof Error)) throw new Error(`${name} threw ${typeof error}`);
    thrown += 1;
  }
}
console.log(JSON.stringify({ names, returned, thrown }));
process.exit(0);
