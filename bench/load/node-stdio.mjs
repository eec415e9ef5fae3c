#!/usr/bin/env node
/**
 * Load generator over stdin and stdout: starts a server, keeps a number of calls in flight, verifies one reply in 64.
 * `node node-stdio.mjs <plan file>` writes one line of JSON.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpuSeconds, processTree, residentBytes } from '../measure/processes.mjs';
import { Latencies } from './latencies.mjs';
import { operation } from './operations.mjs';
import { opening, operationRequest, PREPARED, request } from './requests.mjs';

const VERIFY_EVERY = 64;
const START_MS = 30_000;
const NEWLINE = 10;

const plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const target = /** @type {const} */ ({ port: 0, era: 'legacy' });
const { holds } = operation(plan.operation);
const lines = Array.from({ length: PREPARED }, (_, id) =>
  Buffer.from(`${operationRequest(target, plan.operation, id).body}\n`),
);
const [program, ...args] = plan.command;
const server = spawn(program, args, {
  env: { ...process.env, ...plan.env, NODE_ENV: 'production' },
  stdio: ['pipe', 'pipe', 'inherit'],
});
server.once('error', (error) => fail(error.message));
server.once('exit', (code) => fail(`the server ended with ${code}`));
server.stdin.on('error', () => {});

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n`);
  server.kill('SIGKILL');
  process.exit(1);
}

/** @type {(line: Buffer) => void} */
let onLine = () => {};
/** @type {Buffer | undefined} */
let rest;
server.stdout.on('data', (/** @type {Buffer} */ chunk) => {
  const data = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
  let at = 0;
  for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, at)) {
    onLine(data.subarray(at, end));
    at = end + 1;
  }
  rest = at < data.length ? data.subarray(at) : undefined;
  flush();
});

/** What is sent in one go: the answers of one chunk are followed by one write. @type {Buffer[]} */
let outgoing = [];
function flush() {
  if (outgoing.length === 0) return;
  server.stdin.write(outgoing.length === 1 ? /** @type {Buffer} */ (outgoing[0]) : Buffer.concat(outgoing));
  outgoing = [];
}

async function initialize() {
  const [first, second] = opening();
  await new Promise((resolve) => {
    const late = setTimeout(() => fail('no reply to initialize'), START_MS);
    onLine = (line) => {
      const message = JSON.parse(line.toString());
      if (message.id !== first.id) return;
      clearTimeout(late);
      resolve(undefined);
    };
    server.stdin.write(`${request(target, first).body}\n`);
  });
  server.stdin.write(`${request(target, second).body}\n`);
}

/**
 * @param {number} window calls in flight
 * @param {number} seconds
 */
function load(window, seconds) {
  const latencies = new Latencies();
  const sentAt = new Float64Array(PREPARED);
  let [replies, failures, sent, inFlight] = [0, 0, 0, 0];
  let running = true;
  const send = () => {
    const id = sent % PREPARED;
    sent += 1;
    inFlight += 1;
    sentAt[id] = performance.now();
    outgoing.push(/** @type {Buffer} */ (lines[id]));
  };
  return new Promise((resolve) => {
    const started = performance.now();
    const before = usage();
    onLine = (line) => {
      // With more than one in flight replies may overtake each other: the id says which one this is.
      const message = window === 1 && replies % VERIFY_EVERY !== 0 ? undefined : readReply(line);
      const id = message?.id ?? (window === 1 ? (sent - 1) % PREPARED : undefined);
      if (id === undefined) return;
      latencies.add(performance.now() - (sentAt[id] ?? 0));
      replies += 1;
      inFlight -= 1;
      if (message?.result !== undefined && !holds(id, message.result, { tools: 20 })) failures += 1;
      if (running) send();
      else if (inFlight === 0) resolve({ window, replies, failures, ...measured, ...latencies.report() });
    };
    /** @type {{ seconds: number, rate: number, cpu: number, generatorCpu: number, resident: number | undefined }} */
    let measured;
    setTimeout(() => {
      running = false;
      const took = (performance.now() - started) / 1e3;
      const after = usage();
      measured = {
        seconds: took,
        rate: replies / took,
        cpu: ((after.server - before.server) * 1e6) / replies,
        generatorCpu: (after.own - before.own) / took,
        resident: residentBytes(processTree(server.pid ?? 0)),
      };
    }, seconds * 1e3);
    for (let i = 0; i < window; i += 1) send();
    flush();
  });
}

/** The id of a reply, and now and then all of it. @param {Buffer} line */
function readReply(line) {
  verified = (verified + 1) % VERIFY_EVERY;
  if (verified === 0) return JSON.parse(line.toString());
  const found = /"id":(\d+)[,}]/.exec(line.toString('latin1'));
  return found === null ? undefined : { id: Number(found[1]) };
}
let verified = 0;

function usage() {
  const { user, system } = process.cpuUsage();
  return { server: cpuSeconds(processTree(server.pid ?? 0)) ?? Number.NaN, own: (user + system) / 1e6 };
}

await initialize();
const results = [];
for (const window of plan.windows) {
  await load(window, Math.min(1, plan.seconds));
  results.push(await load(window, plan.seconds));
}
process.stdout.write(`${JSON.stringify(results)}\n`, () => {
  server.removeAllListeners('exit');
  server.kill('SIGKILL');
  process.exit(0);
});
