/** Puts load on a server with wrk, h2load or the generators in Node, and says how busy the generator itself was. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findOnPath } from '../../scripts/lib/process.mjs';
import { spawnOn } from '../measure/cores.mjs';
import { cpuSeconds, hasProc } from '../measure/processes.mjs';
import { h2loadArguments, readH2load } from './h2load.mjs';
import { http1, prepared } from './requests.mjs';

/** Above this share of a core the generator is the limit, not the server. */
export const GENERATOR_LIMIT = 0.95;
const WATCH_MS = 50;
/** How long a generator may take beyond its load. */
const GRACE_MS = 30_000;
/** Streams of one HTTP/2 connection in use at a time. */
export const STREAMS = 10;

/**
 * @typedef {'wrk' | 'h2load' | 'node'} GeneratorName
 * @typedef {'h1' | 'h2'} Protocol
 * @typedef {object} Load
 * @property {import('./requests.mjs').Target} target
 * @property {string} operation
 * @property {number} connections
 * @property {number} seconds
 * @property {Protocol} protocol
 * @property {GeneratorName} generator
 * @property {number | undefined} core
 * @property {number} [tools] tools in the server's list; default 20
 * @property {number} [calls] ends after so many instead (Node, HTTP/1.1)
 * @typedef {object} LoadResult
 * @property {number} replies
 * @property {number} failures replies that were no success, wrong answers and broken connections
 * @property {number} seconds
 * @property {number} rate replies a second
 * @property {number} bytes received; 0 when the generator does not say
 * @property {number | undefined} p50 milliseconds
 * @property {number | undefined} p95
 * @property {number | undefined} p99
 * @property {number | undefined} max
 * @property {number | undefined} generatorCpu share of a core
 */

/**
 * The generator to use: the one asked for, else the fastest there is.
 * @param {Protocol} protocol
 * @param {string | undefined} asked
 * @returns {GeneratorName}
 */
export function chooseGenerator(protocol, asked, find = findOnPath) {
  const fastest = protocol === 'h2' ? 'h2load' : 'wrk';
  if (asked === undefined) return find(fastest) === undefined ? 'node' : fastest;
  if (asked !== 'node' && asked !== fastest)
    throw new Error(`--generator ${asked} does not speak ${protocol}; use ${fastest} or node`);
  if (asked !== 'node' && find(asked) === undefined) throw new Error(`${asked} is not installed`);
  return asked;
}

/**
 * @param {Load} load
 * @returns {Promise<LoadResult>}
 */
export async function runLoad(load) {
  if (load.generator === 'wrk') return runWrk(load);
  if (load.generator === 'h2load') return runH2load(load);
  return runNode(load);
}

/** @param {Load} load @returns {Promise<LoadResult>} */
async function runWrk({ target, operation, connections, seconds, core }) {
  return withFile(
    prepared(target, operation)
      .map((one) => http1(one, target.port))
      .map((text) => `${Buffer.byteLength(text)}\n${text}`)
      .join(''),
    async (file) => {
      const script = fileURLToPath(new URL('./wrk.lua', import.meta.url));
      const duration = Math.max(1, Math.round(seconds));
      const command = ['wrk', '-t1', `-c${connections}`, `-d${duration}s`, '--timeout', '10s', '-s', script];
      const url = `http://127.0.0.1:${target.port}/mcp`;
      const { output, busy } = await runProgram([...command, url], core, duration, { REQUESTS: file });
      const result = /^@(\{.*\})$/m.exec(output)?.[1];
      if (result === undefined) throw new Error(`wrk failed: ${output.slice(-500)}`);
      const said = JSON.parse(result);
      const took = said.microseconds / 1e6;
      return {
        replies: said.replies,
        failures: said.status + said.broken,
        seconds: took,
        rate: said.replies / took,
        bytes: said.bytes,
        p50: said.p50 / 1e3,
        p95: said.p95 / 1e3,
        p99: said.p99 / 1e3,
        max: said.max / 1e3,
        generatorCpu: busy,
      };
    },
  );
}

/** @param {Load} load @returns {Promise<LoadResult>} */
async function runH2load({ target, operation, connections, seconds, core }) {
  const [one] = prepared(target, operation);
  if (one === undefined) throw new Error('nothing to send');
  return withFile(one.body, async (file) => {
    const duration = Math.max(1, Math.round(seconds));
    const command = ['h2load', ...h2loadArguments(target.port, one, file, connections, STREAMS, duration)];
    const { output, busy } = await runProgram(command, core, duration, {});
    return { ...readH2load(output, duration), generatorCpu: busy };
  });
}

/** @param {Load} load @returns {Promise<LoadResult>} */
async function runNode(load) {
  const { target, operation, connections, seconds, protocol, core, tools = 20, calls } = load;
  const name = protocol === 'h2' ? './node-http2.mjs' : './node-http1.mjs';
  const plan = { target, operation, connections, seconds, tools, calls, streams: STREAMS };
  return withFile(JSON.stringify(plan), async (file) => {
    const command = [process.execPath, fileURLToPath(new URL(name, import.meta.url)), file];
    const { output, busy } = await runProgram(command, core, calls === undefined ? seconds : 3_600, {});
    const said = JSON.parse(output);
    return { ...said, rate: said.replies / said.seconds, generatorCpu: busy };
  });
}

/**
 * Runs a generator to its end.
 * @param {readonly string[]} command
 * @param {number | undefined} core
 * @param {number} seconds
 * @param {Record<string, string>} env
 * @returns {Promise<{ output: string, busy: number | undefined }>} busy: share of a core used while it ran
 */
function runProgram(command, core, seconds, env) {
  return new Promise((resolve, reject) => {
    const child = spawnOn(core, command, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    /** @type {Buffer[]} */
    const out = [];
    /** @type {Buffer[]} */
    const errors = [];
    child.stdout?.on('data', (chunk) => out.push(chunk));
    child.stderr?.on('data', (chunk) => errors.push(chunk));
    const watch = watchCpu(child.pid);
    const late = setTimeout(() => child.kill('SIGKILL'), seconds * 1e3 + GRACE_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(late);
      const busy = watch();
      const output = Buffer.concat(out).toString();
      if (code === 0) resolve({ output, busy });
      else
        reject(
          new Error(
            `${command[0]} ended with ${code ?? signal}: ${Buffer.concat(errors)}${output}`.slice(0, 800),
          ),
        );
    });
  });
}

/**
 * Follows how busy a process is: its time is gone once it has ended, so it is read while it runs.
 * @param {number | undefined} pid
 * @returns {() => number | undefined} ends watching
 */
function watchCpu(pid) {
  if (pid === undefined || !hasProc) return () => undefined;
  /** @type {{ at: number, cpu: number }[]} */
  const seen = [];
  const look = () => {
    const cpu = cpuSeconds([pid]) ?? 0;
    if (cpu >= (seen.at(-1)?.cpu ?? 0)) seen.push({ at: performance.now() / 1e3, cpu });
  };
  const timer = setInterval(look, WATCH_MS);
  return () => {
    clearInterval(timer);
    // The start of the program is not the load.
    const first = seen[Math.floor(seen.length / 5)];
    const last = seen.at(-1);
    if (first === undefined || last === undefined || last.at <= first.at) return undefined;
    return (last.cpu - first.cpu) / (last.at - first.at);
  };
}

/**
 * @template T
 * @param {string} content
 * @param {(file: string) => Promise<T>} use
 */
async function withFile(content, use) {
  const folder = mkdtempSync(join(tmpdir(), 'ferromcp-bench-'));
  const file = join(folder, 'load');
  try {
    writeFileSync(file, content);
    return await use(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
