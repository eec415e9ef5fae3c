/** What a run ran on: without it a figure means nothing. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { ROOT } from '../../scripts/lib/paths.mjs';

/** First line of what a program prints, or undefined. */
function line(/** @type {string} */ program, /** @type {string[]} */ ...args) {
  try {
    const text = execFileSync(program, args, {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.split('\n', 1)[0]?.trim();
  } catch (error) {
    // wrk prints its version and ends with 1.
    const out = /** @type {{ stdout?: string }} */ (error).stdout;
    return out === undefined || out === '' ? undefined : out.split('\n', 1)[0]?.trim();
  }
}

/** Everything a reader needs to judge or repeat a run. */
export function environment() {
  const { version } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));
  return {
    ferromcp: version,
    commit: line('git', 'rev-parse', '--short', 'HEAD'),
    changed: line('git', 'status', '--porcelain', '--untracked-files=no') ? true : undefined,
    node: process.version,
    rustc: line('rustc', '--version'),
    go: line('go', 'version'),
    wrk: line('wrk', '-v')?.replace(/ Copyright.*/, ''),
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    loadAverage: loadavg()[0],
  };
}

/** One line for the head of a report. */
export function describeEnvironment(/** @type {ReturnType<typeof environment>} */ found) {
  const { ferromcp, commit, changed, node, cpu, cores, system, loadAverage } = found;
  const code = `${ferromcp} at ${commit ?? 'an unknown commit'}${changed ? ' with changes' : ''}`;
  return `ferromcp ${code}; Node ${node}; ${cpu}, ${cores} cores; ${system}; load ${loadAverage?.toFixed(2)}`;
}
