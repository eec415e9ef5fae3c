/** The runs of the conformance checker: which programs stand where, and the table at the end. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { addonFiles, BootstrapError, bootstrap } from './bootstrap.mjs';
import {
  CHECKER,
  checkerNode,
  expectedFailures,
  installChecker,
  judge,
  readResults,
  requirementsOf,
} from './checker.mjs';
import { MAIN, ROOT } from './paths.mjs';
import { freePort, run, startBackground, waitForHealth } from './process.mjs';

const REVISIONS = ['2025-11-25', '2026-07-28'];
const FIXTURE = join(ROOT, 'examples', 'conformance', 'server.ts');
const EXPECTED = join(ROOT, 'examples', 'conformance', 'expected-failures.yml');
const CLIENT_COMMAND = 'npm run -s conformance:client --';
const RESULTS = join(ROOT, 'results', 'conformance');
/** The checker gives a client 30 s; starting npm and node at the same time on two cores must not eat them up. */
const CLIENTS_AT_ONCE = 2;

function resultFolder(name) {
  const folder = join(RESULTS, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

const expectedFlags = () => (existsSync(EXPECTED) ? ['--expected-failures', EXPECTED] : []);

/** Which states of the addon to run: `auto` takes what is there, anything else is taken at its word. */
export function nativeModes(wanted, addonBuilt, both) {
  if (wanted === 'off') return ['off'];
  if (wanted === 'auto') return addonBuilt ? (both ? ['on', 'off'] : ['on']) : ['off'];
  if (!addonBuilt) throw new BootstrapError(`--native=${wanted} needs the native addon, which is not built`);
  return wanted === 'both' ? ['on', 'off'] : ['on'];
}

function environment(mode) {
  const { FERROMCP_NATIVE: _inherited, ...env } = process.env;
  return mode === 'off' ? { ...env, FERROMCP_NATIVE: '0' } : env;
}

async function startServer(name, mode, args, folder) {
  const port = await freePort();
  const child = startBackground(process.execPath, [MAIN, ...args, '--port', String(port)], {
    name,
    cwd: folder,
    env: environment(mode),
  });
  try {
    await waitForHealth(`http://127.0.0.1:${port}/healthz`, child);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}/mcp`, child };
}

/** The fixture, and the gateway in front of it when asked; `stop` ends what was started, the front first. */
async function startFixture(mode, throughGateway, folder) {
  const fixture = await startServer('the fixture server', mode, ['serve', FIXTURE], folder);
  if (!throughGateway) return { url: fixture.url, children: [fixture.child] };
  const config = join(folder, 'gateway.json');
  writeFileSync(config, JSON.stringify({ mcpServers: { fixture: { type: 'http', url: fixture.url } } }));
  try {
    const args = ['gateway', '--transparent', '--config', config, '--state-dir', join(folder, 'state')];
    const gateway = await startServer('the gateway', mode, args, folder);
    return { url: gateway.url, children: [gateway.child, fixture.child] };
  } catch (error) {
    await fixture.child.stop();
    throw error;
  }
}

/** Turns the checker's result files into the verdicts of one run. */
async function verdicts(name, leg, folder, scenarios, exit) {
  const expected = await expectedFailures(EXPECTED, leg);
  const results = readResults(folder);
  const judged = [
    ...scenarios.scored.map((scenario) => ({ scenario, scored: true })),
    ...scenarios.unscored.map((scenario) => ({ scenario, scored: false })),
  ].map(({ scenario, scored }) => {
    const verdict = judge(scenario, results.get(scenario), { scored, expected });
    // The checker also fails a client that hangs, ends with an error or earns a warning; its own verdict counts.
    const code = exit.codes?.get(scenario) ?? 0;
    if (code === 0 || verdict.status === 'failed' || verdict.status === 'expected')
      return { scenario, ...verdict };
    return { scenario, ...verdict, status: 'failed', reasons: [`the checker ended with code ${code}`] };
  });
  if (exit.code !== 0 && !judged.some(({ status }) => status === 'failed')) {
    judged.push({
      scenario: '(the checker)',
      status: 'failed',
      passed: 0,
      failed: 0,
      reasons: [`ended with code ${exit.code}: ${exit.output.trimEnd().split('\n').slice(-5).join(' | ')}`],
    });
  }
  return { name, judged };
}

async function serverRuns(options) {
  const node = checkerNode();
  const runs = [];
  const place = options['through-gateway'] ? 'gateway' : 'server';
  const modes =
    options.url === undefined ? nativeModes(options.native, addonFiles().length > 0, true) : ['as it is'];
  for (const mode of modes) {
    const label = options.url === undefined ? `${place}, addon ${mode}` : options.url;
    const work = resultFolder(`${place}-${mode.replaceAll(' ', '-')}`);
    const target =
      options.url === undefined
        ? await startFixture(mode, options['through-gateway'], work)
        : { url: options.url, children: [] };
    try {
      for (const revision of options.revisions) {
        const folder = join(work, revision);
        const args = [
          'server',
          '--url',
          target.url,
          '--requirements',
          revision,
          '-o',
          folder,
          ...expectedFlags(),
        ];
        const exit = await run(node, [CHECKER, ...args], { capture: true, cwd: ROOT });
        writeFileSync(join(work, `${revision}.log`), exit.output);
        runs.push(
          await verdicts(
            `${label}, ${revision}`,
            'server',
            folder,
            await requirementsOf(revision, 'server'),
            exit,
          ),
        );
      }
    } finally {
      for (const child of target.children) {
        await child.stop();
        writeFileSync(join(work, `${child.name.replaceAll(' ', '-')}.log`), child.output());
      }
    }
  }
  return runs;
}

async function clientRun(node, options, mode, revision) {
  const required = await requirementsOf(revision, 'client');
  const wanted = (scenario) =>
    options.scenario === undefined
      ? options.auth || !scenario.startsWith('auth/')
      : scenario === options.scenario;
  const scenarios = { scored: required.scored.filter(wanted), unscored: required.unscored.filter(wanted) };
  const folder = resultFolder(`client-${mode}-${revision}`);
  const queue = [...scenarios.scored, ...scenarios.unscored];
  const codes = new Map();
  const worker = async () => {
    for (let scenario = queue.shift(); scenario !== undefined; scenario = queue.shift()) {
      const choice = ['--scenario', scenario, '--spec-version', revision, '--force'];
      const args = ['client', '--command', options.command, ...choice, '-o', folder, ...expectedFlags()];
      const { code, output } = await run(node, [CHECKER, ...args], {
        capture: true,
        cwd: ROOT,
        env: environment(mode),
      });
      writeFileSync(join(folder, `${scenario.replaceAll('/', '-')}.log`), output);
      codes.set(scenario, code);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, worker));
  return verdicts(`client, addon ${mode}, ${revision}`, 'client', folder, scenarios, {
    code: 0,
    output: '',
    codes,
  });
}

async function clientRuns(options) {
  const node = checkerNode();
  const runs = [];
  for (const mode of nativeModes(options.native, addonFiles().length > 0, false)) {
    for (const revision of options.revisions) runs.push(await clientRun(node, options, mode, revision));
  }
  return runs;
}

/** The table and what is behind its failures; scenarios are what is counted. */
export function report(runs) {
  const lines = [];
  const total = { passed: 0, failed: 0 };
  const width = Math.max(...runs.map(({ name }) => name.length));
  lines.push(`${'run'.padEnd(width)}  scenarios: passed failed expected skipped   checks: passed failed`);
  for (const { name, judged } of runs) {
    const count = (status) => judged.filter((one) => one.status === status).length;
    const sum = (key) => judged.reduce((all, one) => all + one[key], 0);
    total.passed += count('passed');
    total.failed += count('failed');
    const cells = [
      [count('passed'), 17],
      [count('failed'), 6],
      [count('expected'), 8],
      [count('skipped'), 7],
      [sum('passed'), 16],
      [sum('failed'), 6],
    ];
    lines.push(
      `${name.padEnd(width)}  ${cells.map(([value, size]) => String(value).padStart(size)).join(' ')}`,
    );
  }
  for (const { name, judged } of runs) {
    for (const { scenario, status, reasons } of judged) {
      if (status === 'expected') lines.push(`expected failure: ${name}: ${scenario}`);
      for (const reason of status === 'failed' ? reasons : [])
        lines.push(`FAILED: ${name}: ${scenario}: ${reason}`);
    }
  }
  return { lines, ...total };
}

function parse(argv) {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      native: { type: 'string', default: 'auto' },
      'through-gateway': { type: 'boolean', default: false },
      auth: { type: 'boolean', default: false },
      url: { type: 'string' },
      command: { type: 'string', default: CLIENT_COMMAND },
      scenario: { type: 'string' },
      revision: { type: 'string' },
    },
  });
  const [leg = 'server', ...more] = positionals;
  if (!['server', 'client', 'all'].includes(leg) || more.length > 0)
    throw new Error('expected server, client or all');
  if (!['on', 'off', 'both', 'auto'].includes(values.native))
    throw new Error('--native takes on, off, both or auto');
  if (values.revision !== undefined && !REVISIONS.includes(values.revision)) {
    throw new Error(`--revision takes one of ${REVISIONS.join(', ')}`);
  }
  return { leg, ...values, revisions: values.revision === undefined ? REVISIONS : [values.revision] };
}

async function runLegs(options) {
  if (options.leg === 'server') return serverRuns(options);
  if (options.leg === 'client') return clientRuns(options);
  return [
    ...(await serverRuns({ ...options, 'through-gateway': false })),
    ...(await serverRuns({ ...options, 'through-gateway': true })),
    ...(await clientRuns(options)),
  ];
}

export async function runConformance(argv) {
  let options;
  try {
    options = parse(argv);
  } catch (error) {
    process.stderr.write(`ferromcp: ${error.message}\n`);
    process.exit(2);
  }
  try {
    await bootstrap();
    await installChecker();
    const { lines, passed, failed } = report(await runLegs(options));
    console.log(lines.join('\n'));
    if (passed + failed === 0) console.log('no scenario ran');
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  } catch (error) {
    process.stderr.write(`ferromcp: ${error instanceof BootstrapError ? error.message : error.stack}\n`);
    console.log('0 passed, 1 failed');
    process.exitCode = 1;
  }
}
