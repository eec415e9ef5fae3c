#!/usr/bin/env node
/** `npm run bench -- <suite> [options]`: finds the suite. */
import { join } from 'node:path';
import { withLock } from '../scripts/lib/lock.mjs';
import { ROOT } from '../scripts/lib/paths.mjs';
import { USAGE, UsageError } from './measure/options.mjs';

/** @type {Record<string, { about: string, load: () => Promise<(argv: readonly string[]) => Promise<void>> }>} */
const SUITES = {
  http: {
    about: 'replies a second, latency and processor time of servers over HTTP',
    load: async () => (await import('./suites/http.mjs')).benchHttp,
  },
  busy: {
    about: 'ping and cached calls while a tool burns the JavaScript thread',
    load: async () => (await import('./suites/busy.mjs')).benchBusy,
  },
  idle: {
    about: 'memory of idle connections and of event streams',
    load: async () => (await import('./suites/idle.mjs')).benchIdle,
  },
  stdio: {
    about: 'calls over stdin and stdout of a child process',
    load: async () => (await import('./suites/stdio.mjs')).benchStdio,
  },
  leak: {
    about: 'memory over a million calls in one session',
    load: async () => (await import('./suites/leak.mjs')).benchLeak,
  },
  inproc: {
    about: 'crossing into the addon, look-ups and the cached path, in one process',
    load: async () => (await import('./suites/inproc.mjs')).benchInproc,
  },
  micro: {
    about: 'single functions',
    load: async () => (await import('./suites/micro.mjs')).benchMicro,
  },
};

function usage() {
  const names = Object.entries(SUITES).map(([name, { about }]) => `  ${name.padEnd(8)}${about}`);
  return `usage: npm run bench -- <suite> [options]\n\n${names.join('\n')}\n\n${USAGE}`;
}

async function main() {
  const [name, ...argv] = process.argv.slice(2);
  const suite = name === undefined ? undefined : SUITES[name];
  if (suite === undefined || argv.includes('--help')) throw new UsageError(usage());
  const run = await suite.load();
  await withLock(join(ROOT, '.ferromcp', 'bench.lock'), () => run(argv), {
    onWait: (/** @type {number} */ pid) => console.log(`waiting for another benchmark (process ${pid})`),
  });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
