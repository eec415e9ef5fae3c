/**
 * `npm run bench -- stdio`: echo over stdin and stdout of a child process, one call in flight and 32.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../scripts/lib/process.mjs';
import { GENERATOR_LIMIT } from '../load/generator.mjs';
import { pinned } from '../measure/cores.mjs';
import { readOptions } from '../measure/options.mjs';
import { ratiosByRound, spread } from '../measure/statistics.mjs';
import { commandOf } from '../peers/install.mjs';
import { fixed, ratio, spreadText, whole } from '../report/format.mjs';
import { commandFor, reportTables } from '../report/table.mjs';
import { preparePeers } from './prepare.mjs';
import { grouped, takeTurns } from './rounds.mjs';

/** The same packages as over HTTP, with the program that serves stdio. */
const DEFAULT_PEERS = ['ferromcp node', 'ferromcp TypeScript', 'SDK v1', 'SDK v2', 'bare node:http'];
/** @type {Record<string, string>} */
const TITLES = {
  'ferromcp node': 'ferromcp',
  'ferromcp TypeScript': 'ferromcp, addon off',
  'bare node:http': 'bare Node loop',
};
const DEFAULTS = {
  normal: { rounds: 3, seconds: 4, connections: [1, 32] },
  quick: { rounds: 3, seconds: 2, connections: [1, 32] },
  full: { rounds: 5, seconds: 8, connections: [1, 32] },
};

/** @typedef {{ peer: string, round: number, window: number, replies: number, failures: number, rate: number, cpu: number, p50: number, p99: number, generatorCpu: number, resident: number }} Sample */

/** @param {readonly string[]} argv */
export async function benchStdio(argv) {
  const options = readOptions(argv, DEFAULTS);
  /** @type {import('./rounds.mjs').Missing[]} */
  const missing = [];
  const { only } = options;
  const wanted = DEFAULT_PEERS.filter(
    (name) => only === undefined || only.split(',').some((part) => titleOf(name).includes(part.trim())),
  );
  const names = await preparePeers(wanted, options, missing);
  const samples = await takeTurns(names, options, missing, async ({ name, peer, round, cores }) => {
    const [program = '', script = ''] = commandOf({ ...peer, script: 'stdio.mjs' });
    const plan = {
      command: pinned(cores.server, [program, script]),
      env: { FERROMCP_NATIVE: '1', ...peer.env },
      operation: 'echo',
      windows: options.connections,
      seconds: options.seconds,
    };
    const results = await drive(plan, cores.load);
    for (const { window, rate, cpu } of results)
      console.log(
        `  round ${round + 1} ${titleOf(name)}, ${window} in flight: ${whole(rate)}/s, ${fixed(cpu, 1)} µs`,
      );
    return results.map((result) => ({ ...result, peer: name, round }));
  });
  const groups = grouped(samples, ({ window }) => String(window));
  const tables = [...groups.values()].map((group) => ({
    title: `echo over stdio, ${group[0]?.window} in flight`,
    rows: [HEAD, ...[...grouped(group, ({ peer }) => peer).values()].map((mine) => rowOf(mine, group))],
  }));
  const bound = samples.some(({ generatorCpu }) => generatorCpu >= GENERATOR_LIMIT);
  const notes = bound
    ? ['‡ the load generator was at its limit: the server could do more; compare CPU µs.']
    : [];
  const command = commandFor('stdio', options, [`--connections=${options.connections.join(',')}`]);
  reportTables({ suite: 'stdio', command, tables, missing, notes, data: { samples }, options });
}

/** @param {string} name */
const titleOf = (name) => TITLES[name] ?? name;

/**
 * @param {object} plan
 * @param {number | undefined} core
 * @returns {Promise<Omit<Sample, 'peer' | 'round'>[]>}
 */
async function drive(plan, core) {
  const folder = mkdtempSync(join(tmpdir(), 'ferromcp-bench-'));
  try {
    const file = join(folder, 'plan.json');
    writeFileSync(file, JSON.stringify(plan));
    const script = fileURLToPath(new URL('../load/node-stdio.mjs', import.meta.url));
    const [program, ...args] = pinned(core, [process.execPath, script, file]);
    const { code, output } = await run(program, args, { capture: true });
    const results = /^(\[.*\])$/m.exec(output)?.[1];
    if (code !== 0 || results === undefined) throw new Error(output.trim().slice(-300));
    return JSON.parse(results);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const HEAD = ['server', 'calls/s (min–max)', '× SDK v1', 'CPU µs', 'p50 µs', 'p99 µs', 'failed', ''];

/**
 * @param {Sample[]} mine
 * @param {Sample[]} all
 */
function rowOf(mine, all) {
  const base = all.filter(({ peer }) => peer === 'SDK v1');
  const busy = mine.filter(({ generatorCpu }) => generatorCpu >= GENERATOR_LIMIT).length * 2 > mine.length;
  return [
    titleOf(mine[0]?.peer ?? ''),
    spreadText(spread(mine.map(({ rate }) => rate)), whole),
    spreadText(spread(ratiosByRound(mine, base, (a, b) => a.rate / b.rate)), ratio),
    fixed(spread(mine.map(({ cpu }) => cpu)).median, 1),
    whole(spread(mine.map(({ p50 }) => p50 * 1e3)).median),
    whole(spread(mine.map(({ p99 }) => p99 * 1e3)).median),
    String(mine.reduce((sum, { failures }) => sum + failures, 0)),
    busy ? '‡' : '',
  ];
}
