/**
 * `npm run bench -- micro`: the programs in `bench/micro`, and with `--rust` the criterion benchmarks of the crates. Each
 * prints its own table.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../scripts/lib/paths.mjs';
import { findOnPath, run } from '../../scripts/lib/process.mjs';
import { readOptions, UsageError } from '../measure/options.mjs';
import { prepareProduct } from './prepare.mjs';

const DEFAULTS = {
  normal: { rounds: 1, seconds: 5, connections: [1] },
  quick: { rounds: 1, seconds: 1, connections: [1] },
  full: { rounds: 1, seconds: 10, connections: [1] },
};
const FOLDER = fileURLToPath(new URL('../micro/', import.meta.url));

/** @param {readonly string[]} argv */
export async function benchMicro(argv) {
  const options = readOptions(argv, DEFAULTS);
  await prepareProduct(options);
  const scripts = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.mjs'))
    .filter(
      (name) => options.only === undefined || options.only.split(',').some((part) => name.includes(part)),
    );
  const crates = options.rust ? cratesWithBenches(options.only) : [];
  if (scripts.length === 0 && crates.length === 0) throw new UsageError(`nothing is called ${options.only}`);
  const failed = [];
  for (const script of scripts) {
    console.log(`\n== ${script}`);
    const { code } = await run(process.execPath, [join(FOLDER, script)], { stdio: 'inherit' });
    if (code !== 0) failed.push(script);
  }
  for (const crate of crates) {
    console.log(`\n== cargo bench -p ${crate}`);
    const { code } = await run('cargo', cargoArguments(crate, options.seconds), {
      cwd: ROOT,
      stdio: 'inherit',
    });
    if (code !== 0) failed.push(crate);
  }
  if (failed.length === 0) return;
  console.log(`\nfailed: ${failed.join(', ')}`);
  process.exitCode = 1;
}

/** @param {string | undefined} only */
function cratesWithBenches(only) {
  if (findOnPath('cargo') === undefined) {
    console.log('cargo is not installed: no Rust benchmarks');
    return [];
  }
  const crates = join(ROOT, 'crates');
  return readdirSync(crates)
    .filter((name) => existsSync(join(crates, name, 'benches')))
    .filter((name) => only === undefined || only.split(',').some((part) => name.includes(part)));
}

/** @param {string} crate @param {number} seconds */
function cargoArguments(crate, seconds) {
  const times = ['--warm-up-time', '1', '--measurement-time', String(seconds)];
  return ['bench', '-p', crate, '--benches', '--', ...times];
}
