/**
 * Soaks the cache in shared memory: processes that write, read, remove and clear; some are killed or stopped at any moment
 * and replaced; one writes random bytes into the memory and tries to truncate it. Ends with 1 when a value was wrong, when
 * memory grew, when something ended that was not told to, or when the memory could be truncated.
 *
 * Usage: npm run build && node scripts/soak-cache.mjs [--minutes=1]
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    // A child: what it does, with which memory.
    role: { type: 'string' },
    name: { type: 'string' },
  },
});
const LOADER = new URL('../dist/native/loader.js', import.meta.url);
const SIZE = 8 * 1024 * 1024;
const KEYS = 3_000;
const LARGEST = 24_000;
/** Of these, all but the first are killed and stopped. */
const WORKERS = 4;
/** What the first one and this process may grow by after a warm-up. */
const GROWTH = 24 * 1024 * 1024;

async function openCache(/** @type {string} */ name) {
  if (!existsSync(LOADER)) throw new Error('dist/ is missing: run npm run build first');
  const { loadNative } = await import(LOADER.href);
  const { port, status } = loadNative();
  if (!status.loaded) throw new Error(`the addon is not loaded: ${status.reason}`);
  const opened = port.sonaOpen({ shared: name, cacheSize: SIZE, maxEntry: 64 * 1024, timeoutMs: 60_000 });
  if (opened.kind !== 'segment') throw new Error(`no shared memory: ${opened.warning}`);
  return { port, handle: opened.handle };
}

const random = (/** @type {number} */ bound) => Math.floor(Math.random() * bound);

/** Fills `value` with words that follow from key and version. */
function fill(/** @type {Uint32Array} */ value, /** @type {number} */ key, /** @type {number} */ version) {
  value[0] = key;
  value[1] = version;
  let state = (Math.imul(key, 0x9e3779b1) ^ version) | 1;
  for (let at = 2; at < value.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    value[at] = state;
  }
}

/** True when the words are a whole value of the key. */
function isSound(/** @type {Uint32Array} */ value, /** @type {number} */ key) {
  const expected = new Uint32Array(value.length);
  fill(expected, key, value[1] ?? 0);
  return expected.every((word, at) => word === value[at]);
}

/** Says what it did once a second, until its parent is gone. Ends with 3 at the first wrong value. */
async function work(/** @type {string} */ name) {
  const { port, handle } = await openCache(name);
  const key = Buffer.alloc(12, 'key ');
  const out = Buffer.alloc(64 * 1024);
  const counts = { reads: 0, hits: 0, puts: 0, rss: 0, corrupt: 0 };
  process.stdin.on('end', () => process.exit(0)).resume();
  let said = Date.now();
  for (;;) {
    for (let step = 0; step < 200; step++) {
      const number = random(KEYS);
      key.writeUInt32LE(number, 8);
      const choice = random(1_000);
      if (choice < 300) {
        const value = new Uint32Array(2 + random(choice < 15 ? LARGEST / 4 : 500));
        fill(value, number, random(2 ** 32));
        const size = value.byteLength;
        const put = port.sonaPut(handle, key, 12, Buffer.from(value.buffer), size, Number.POSITIVE_INFINITY);
        // 0 when another process has put the same key in the meantime.
        if (put !== 1 && put !== 0) process.exit(4);
        counts.puts += 1;
      } else if (choice < 305) port.sonaRemove(handle, key, 12);
      else if (choice === 305 && random(100) === 0) port.sonaClear(handle);
      else {
        const length = port.sonaGet(handle, key, 12, Date.now(), out);
        counts.reads += 1;
        if (length >= 0) {
          counts.hits += 1;
          const whole = length % 4 === 0 && length >= 8;
          if (!whole || !isSound(new Uint32Array(out.buffer, out.byteOffset, length / 4), number))
            process.exit(3);
        } else if (length !== -1) process.exit(4);
      }
    }
    if (Date.now() - said > 1_000) {
      said = Date.now();
      counts.rss = process.memoryUsage().rss;
      counts.corrupt = port.sonaStats(handle).corrupt;
      process.stdout.write(`${JSON.stringify(counts)}\n`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The shared memory as a file, through a process that has it open. */
function openMemory(/** @type {string} */ name) {
  const list = readFileSync(`/dev/shm/ferromcp-${process.geteuid?.()}/${name}`, 'utf8').trim().split('\n');
  const [pid, descriptor] = String(list[random(list.length)]).split(' ');
  return openSync(`/proc/${pid}/fd/${descriptor}`, 'r+');
}

/** Writes random bytes into the memory; ends with 5 when it could be truncated. */
async function scribble(/** @type {string} */ name) {
  process.stdin.on('end', () => process.exit(0)).resume();
  for (;;) {
    /** @type {number | undefined} */
    let memory;
    try {
      memory = openMemory(name);
    } catch {
      // The process that was chosen has been killed.
    }
    for (let round = 0; memory !== undefined && round < 400; round++) {
      const bytes = Buffer.from(Array.from({ length: 1 + random(16) }, () => random(256)));
      // The index and the positions are few words, and the most delicate. The header only now and then: who comes after
      // that begins anew.
      const bound = [4_096 + 1_024, 300_000, SIZE][random(3)] ?? SIZE;
      const least = random(5_000) === 0 ? 0 : 4_096;
      writeSync(memory, bytes, 0, bytes.length, least + random(bound - least - bytes.length));
      if (round % 50 === 0) {
        try {
          ftruncateSync(memory, random(SIZE));
          process.exit(5);
        } catch (error) {
          if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') throw error;
        }
      }
      await sleep(1);
    }
    if (memory !== undefined) closeSync(memory);
    await sleep(20);
  }
}

async function soak(/** @type {number} */ minutes) {
  const name = `soak-${process.pid}`;
  const { port, handle } = await openCache(name);
  const totals = { reads: 0, hits: 0, puts: 0, corrupt: 0, kills: 0, stops: 0 };
  /** @type {string[]} */
  const problems = [];
  /** @type {Set<import('node:child_process').ChildProcess>} */
  const told = new Set();
  /** @type {number[]} */
  const sizes = [];

  const start = (/** @type {string} */ role, isFirst = false) => {
    const args = [fileURLToPath(import.meta.url), `--role=${role}`, `--name=${name}`];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let last = { reads: 0, hits: 0, puts: 0, rss: 0, corrupt: 0 };
    let rest = '';
    child.stdout.on('data', (data) => {
      const lines = `${rest}${data}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const counts = JSON.parse(line);
        for (const what of /** @type {const} */ (['reads', 'hits', 'puts', 'corrupt'])) {
          totals[what] += counts[what] - last[what];
        }
        last = counts;
        if (isFirst) sizes.push(counts.rss);
      }
    });
    child.stdin.on('error', () => {});
    child.on('exit', (code, signal) => {
      if (!told.has(child)) problems.push(`a ${role} process ended: ${WHY[code ?? 0] ?? code ?? signal}`);
    });
    return child;
  };
  const WHY = /** @type {Record<number, string>} */ ({
    3: 'a wrong value',
    4: 'an operation failed',
    5: 'the memory could be truncated',
  });

  const first = start('worker', true);
  const others = Array.from({ length: WORKERS - 1 }, () => start('worker'));
  const scribbler = start('scribbler');
  const end = Date.now() + minutes * 60_000;
  let ownBefore = 0;
  while (Date.now() < end && problems.length === 0) {
    await sleep(50 + random(400));
    const at = random(others.length);
    const child = /** @type {import('node:child_process').ChildProcess} */ (others[at]);
    if (random(3) === 0) {
      totals.stops += 1;
      child.kill('SIGSTOP');
      await sleep(random(300));
      child.kill('SIGCONT');
    } else {
      totals.kills += 1;
      told.add(child);
      child.kill('SIGKILL');
      others[at] = start('worker');
    }
    port.sonaStats(handle);
    if (ownBefore === 0 && end - Date.now() < minutes * 50_000) ownBefore = process.memoryUsage().rss;
  }
  const own = process.memoryUsage().rss - ownBefore;
  for (const child of [first, scribbler, ...others]) {
    told.add(child);
    child.kill('SIGKILL');
  }
  port.sonaClose(handle);

  // The first sixth is the warm-up: the memory itself becomes resident as it is used.
  const warm = sizes.slice(Math.ceil(sizes.length / 6));
  const growth = Math.max(...warm.slice(-5)) - Math.max(...warm.slice(0, 5));
  const mib = (/** @type {number} */ bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  if (warm.length < 10) problems.push('the first process said too little');
  if (growth > GROWTH) problems.push(`the first process grew by ${mib(growth)}`);
  if (own > GROWTH) problems.push(`this process grew by ${mib(own)}`);
  if (totals.hits < 1_000) problems.push(`only ${totals.hits} hits`);
  if (totals.corrupt === 0) problems.push('no damage was found: the scribbler does not reach the memory');
  console.log(
    `${totals.reads} reads, ${totals.hits} hits, ${totals.puts} puts, ${totals.kills} kills, ${totals.stops} stops, ` +
      `${totals.corrupt} damaged entries found, growth ${mib(growth)} and ${mib(own)}`,
  );
  for (const problem of problems) console.log(`failed: ${problem}`);
  console.log(problems.length === 0 ? 'passed: no wrong value' : `${problems.length} failed`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

const name = String(options.name);
if (options.role === 'worker') await work(name);
else if (options.role === 'scribbler') await scribble(name);
else await soak(Number(options.minutes));
