/** The hostile suite and a load on a front made of µWebSockets; see docs/native/uws.md. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrapOrExit } from '../bootstrap.mjs';
import { CACHE, must } from '../packaging/cache.mjs';
import { ROOT } from '../paths.mjs';
import { run } from '../process.mjs';

/** The one build in the npm registry that loads on Debian 12 with Node 20. */
const PACKAGE = '@trufflesuite/uws-js-unofficial@20.30.0-unofficial.0';
const NAME = '@trufflesuite/uws-js-unofficial';
const REDIRECT = join(ROOT, 'scripts', 'lib', 'uws', 'redirect.mjs');
/** Sections A (HTTP/1.1) and D (transport and sessions) of the hostile inputs. */
const SUITES = [
  'http-framing',
  'http-limits',
  'http-semantics',
  'access',
  'modern-headers',
  'sessions',
  'cross-talk',
  'rpc-peers',
];

async function install() {
  const folder = join(CACHE, 'uws');
  const main = join(folder, 'node_modules', NAME);
  if (!existsSync(main)) {
    mkdirSync(folder, { recursive: true });
    const flags = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
    await must('npm', ['install', ...flags, PACKAGE], { cwd: folder });
  }
  return main;
}

/** Every test of a section with its outcome, on node:http or on µWebSockets. */
async function hostile(env) {
  const work = mkdtempSync(join(tmpdir(), 'ferromcp-uws-'));
  const report = join(work, 'report.json');
  const files = SUITES.map((name) => `test/hostile/${name}.test.ts`);
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=json', `--outputFile=${report}`, '--testTimeout=40000'];
  await run(process.execPath, [vitest, 'run', ...reporters, ...files], {
    capture: true,
    cwd: ROOT,
    env: { ...process.env, FERROMCP_FRONT: 'node', ...env },
  });
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  rmSync(work, { recursive: true });
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  return new Map(tests.map((test) => [test.fullName, test.status]));
}

function printHostile(node, uws) {
  const both = [...node].filter(([name, status]) => status === 'passed' && uws.has(name));
  const failed = both.filter(([name]) => uws.get(name) !== 'passed').map(([name]) => name);
  const ids = new Set(failed.flatMap((name) => name.match(/\b[A-M]\d{2}\b/g) ?? []));
  console.log(
    `hostile: of ${both.length} tests that pass on node:http, ${failed.length} fail on µWebSockets`,
  );
  console.log(`ids: ${[...ids].sort().join(' ')}`);
  for (const name of failed) console.log(`  ${name}`);
}

const SECONDS = 5;
const CONNECTIONS = 32;

function ticksOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Requests and processor time of one server under wrk. */
async function load(front, env) {
  const server = spawn(process.execPath, [join(ROOT, 'scripts', 'lib', 'uws', 'echo-server.mjs'), front], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = await new Promise((resolve, reject) => {
      server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
      server.stdout.once('data', (data) => resolve(String(data).trim()));
    });
    const script = join(ROOT, 'scripts', 'lib', 'uws', 'echo.lua');
    const wrk = (seconds) => must('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, url]);
    await wrk(1);
    const before = ticksOf(server.pid);
    const report = await wrk(SECONDS);
    const micros = (ticksOf(server.pid) - before) * 10_000;
    const requests = Number(/(\d+) requests in/.exec(report)[1]);
    const bad = /Non-2xx or 3xx responses: (\d+)/.exec(report);
    if (bad !== null) throw new Error(`${front}: ${bad[0]}`);
    return { rate: requests / SECONDS, cpu: micros / requests };
  } finally {
    server.removeAllListeners('exit');
    server.kill('SIGKILL');
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function measure(rounds, uws) {
  const fronts = [
    ['native', 'native', {}],
    ['node:http', 'node', {}],
    ['µWebSockets', 'node', uws],
  ];
  const results = new Map(fronts.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, front, env] of fronts) results.get(name).push(await load(front, env));
  }
  console.log(
    `echo calls, ${CONNECTIONS} connections, medians of ${rounds} interleaved rounds of ${SECONDS} s`,
  );
  for (const [name, all] of results) {
    const rate = Math.round(median(all.map((one) => one.rate)));
    const cpu = median(all.map((one) => one.cpu)).toFixed(1);
    console.log(`${name.padEnd(12)} ${String(rate).padStart(7)}/s  ${cpu} µs CPU a call`);
  }
}

export async function uwsStudy(argv) {
  await bootstrapOrExit();
  const uws = {
    FERROMCP_UWS: await install(),
    NODE_OPTIONS: `--import ${REDIRECT}`,
  };
  if (!argv.includes('--no-hostile')) printHostile(await hostile({}), await hostile(uws));
  if (!argv.includes('--no-load')) await measure(3, uws);
}
