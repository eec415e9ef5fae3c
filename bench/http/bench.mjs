/**
 * `npm run bench -- http`: requests a second, latency and processor time a request of `echo` and `tools/list` (20
 * tools), ferromcp against the official SDKs and bare fastify. Server on one core, load generator on another; the peers
 * take turns in every round; ratios are taken within a round, and medians of them are shown.
 *
 * Options: --rounds=3 --seconds=5 --connections=32 --only=<part of a name> --json=<file>
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuMicroseconds, httpRequest, openAndCheck, PEERS, pinned, startPeer } from './peer.mjs';

const BASE = 'SDK v1, SSE';
const BODIES = 256;
const OPERATIONS = {
  echo: (id) => ({
    id,
    method: 'tools/call',
    params: { name: 'echo', arguments: { message: `hello benchmark world ${id % 64}` } },
  }),
  list: (id) => ({ id, method: 'tools/list', params: {} }),
};

export async function benchHttp(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '32' },
      only: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  const connections = Number(values.connections);
  const cores =
    availableParallelism() > 1 && existsSync('/usr/bin/taskset') ? [0, 1] : [undefined, undefined];
  const names = Object.keys(PEERS).filter((name) => values.only === undefined || name.includes(values.only));
  console.log(
    `Node ${process.version}, ${cpus()[0]?.model}; ${rounds} rounds of ${seconds} s, ${connections} connections; ` +
      (cores[0] === undefined ? 'not pinned' : 'server on core 0, load on core 1'),
  );
  const samples = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) samples.push(...(await measure(name, round, seconds, connections, cores)));
  }
  report(samples, names);
  if (values.json !== undefined) {
    mkdirSync(dirname(values.json), { recursive: true });
    writeFileSync(values.json, `${JSON.stringify({ node: process.version, samples }, null, 2)}\n`);
  }
}

async function measure(name, round, seconds, connections, cores) {
  const peer = PEERS[name];
  const server = await startPeer(peer, cores[0]);
  const samples = [];
  try {
    const session = await openAndCheck(peer, server.port);
    for (const [operation, message] of Object.entries(OPERATIONS)) {
      const requests = Array.from({ length: BODIES }, (_, id) =>
        httpRequest(peer, server.port, session, message(id)),
      );
      const plan = { port: server.port, connections, requests };
      await load({ ...plan, seconds: Math.min(2, seconds) }, cores[1]);
      const before = cpuMicroseconds(server.pid);
      const result = await load({ ...plan, seconds }, cores[1]);
      const after = cpuMicroseconds(server.pid);
      const cpu = before === undefined || after === undefined ? undefined : (after - before) / result.replies;
      samples.push({ name, round, operation, rate: result.replies / result.seconds, cpu, ...result });
    }
    await openAndCheck(peer, server.port);
  } finally {
    server.stop();
  }
  return samples;
}

function load(plan, core) {
  const script = fileURLToPath(new URL('./load.mjs', import.meta.url));
  const [command, ...args] = pinned(core, [process.execPath, script]);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
    child.stdin.end(JSON.stringify(plan));
  });
}

function report(samples, names) {
  for (const operation of Object.keys(OPERATIONS)) {
    const of = (name) => samples.filter((sample) => sample.name === name && sample.operation === operation);
    console.log(`\n${operation}`);
    console.log(
      row([
        'server',
        'req/s',
        'min–max',
        `× ${BASE}`,
        'CPU µs',
        'CPU ratio',
        'p50 ms',
        'p99 ms',
        'failed',
        'load CPU',
      ]),
    );
    for (const name of names) {
      const mine = of(name);
      const base = of(BASE);
      const ratios = (pick) =>
        mine.flatMap((sample) => {
          const other = base.find(({ round }) => round === sample.round);
          return other === undefined ? [] : [pick(sample, other)];
        });
      const rates = mine.map(({ rate }) => rate);
      console.log(
        row([
          name,
          whole(median(rates)),
          `${whole(Math.min(...rates))}–${whole(Math.max(...rates))}`,
          fixed(median(ratios((a, b) => a.rate / b.rate)), 1),
          fixed(median(mine.map(({ cpu }) => cpu ?? Number.NaN)), 1),
          fixed(median(ratios((a, b) => (b.cpu ?? Number.NaN) / (a.cpu ?? Number.NaN))), 1),
          fixed(median(mine.map(({ p50 }) => p50)), 2),
          fixed(median(mine.map(({ p99 }) => p99)), 2),
          String(mine.reduce((sum, { failures }) => sum + failures, 0)),
          fixed(median(mine.map(({ generatorCpu }) => generatorCpu)), 2),
        ]),
      );
    }
  }
  console.log('\nload CPU near 1.00: the generator is the limit, compare CPU µs.');
}

const row = (cells) => cells.map((cell, i) => (i === 0 ? cell.padEnd(28) : cell.padStart(14))).join('');
const whole = (value) => Math.round(value).toLocaleString('en-US');
const fixed = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : '–');

function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
