/**
 * Runs of the test suites. With the native addon built there are two: everything on the addon, then the suites that
 * cross the native seam once more on the TypeScript fallback.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addonFiles, bootstrapOrExit } from './bootstrap.mjs';
import { ROOT } from './paths.mjs';
import { run } from './process.mjs';

/** Suites that behave differently when the addon is replaced by the fallback. */
const SEAM_PROJECTS = ['contract', 'hostile', 'integration'];

/**
 * Splits our own flag from vitest's arguments: `--native=0` asks for the fallback only, `--native=1` for the addon only.
 */
export function parseTestArguments(argv) {
  const own = argv.filter((argument) => argument.startsWith('--native'));
  for (const argument of own) {
    if (!/^--native=[01]$/.test(argument)) throw new Error(`${argument}: expected --native=0 or --native=1`);
  }
  const last = own.at(-1);
  return { native: last?.slice(-1), rest: argv.filter((argument) => !own.includes(argument)) };
}

/** Which runs to do: the first counts every suite, the second only what the fallback may change. */
export function planRuns({ native, addonBuilt }) {
  const fallback = { name: 'TypeScript fallback', env: { FERROMCP_NATIVE: '0' }, projects: SEAM_PROJECTS };
  const addon = { name: 'native addon', env: {}, projects: [] };
  if (native === '0') return [fallback];
  if (native === '1') {
    if (!addonBuilt) throw new Error('--native=1 needs the native addon, which is not built');
    return [addon];
  }
  return addonBuilt ? [addon, fallback] : [{ ...fallback, projects: [] }];
}

/** Counts of a run from vitest's JSON report; a file that could not even be loaded counts as one failure. */
export function countReport(report, exitCode) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report.testResults ?? []) {
    const failedBefore = count.failed;
    for (const test of file.assertionResults ?? []) {
      if (test.status === 'passed') count.passed += 1;
      else if (test.status === 'failed') count.failed += 1;
      else count.skipped += 1;
    }
    if (file.status === 'failed' && count.failed === failedBefore) count.failed += 1;
  }
  // An error outside of any test (an unhandled rejection) fails the run without failing a test.
  if (exitCode !== 0 && count.failed === 0) count.failed = 1;
  return count;
}

async function runVitest({ env, projects }, rest, passWithNoTests) {
  const folder = mkdtempSync(join(tmpdir(), 'ferromcp-test-'));
  const report = join(folder, 'report.json');
  try {
    const { code } = await run(
      process.execPath,
      [
        join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'),
        'run',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
        ...projects.map((name) => `--project=${name}`),
        ...(passWithNoTests ? ['--passWithNoTests'] : []),
        ...rest,
      ],
      { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'] },
    );
    let parsed = {};
    try {
      parsed = JSON.parse(readFileSync(report, 'utf8'));
    } catch {
      if (code === 0 && !passWithNoTests) throw new Error('vitest left no report');
    }
    return countReport(parsed, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function runTests(argv) {
  let plan;
  let rest;
  try {
    const parsed = parseTestArguments(argv);
    rest = parsed.rest;
    await bootstrapOrExit();
    plan = planRuns({ native: parsed.native, addonBuilt: addonFiles().length > 0 });
  } catch (error) {
    process.stderr.write(`ferromcp: ${error.message}\n`);
    process.exit(2);
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  for (const [index, one] of plan.entries()) {
    console.log(`\n== tests on the ${one.name} ==`);
    const count = await runVitest(one, rest, index > 0);
    for (const key of Object.keys(total)) total[key] += count[key];
    lines.push(`${one.name}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  }
  console.log(`\n${lines.join('\n')}`);
  const empty = total.passed + total.failed === 0;
  if (empty) console.log('no test ran');
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 || empty ? 1 : 0;
}
