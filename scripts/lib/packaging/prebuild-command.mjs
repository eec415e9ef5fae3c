import { relative } from 'node:path';
import { bootstrapOrExit } from '../bootstrap.mjs';
import { PLATFORMS, platform } from './platforms.mjs';
import { prebuild, runPrebuilt } from './prebuild.mjs';

const USAGE = `usage: node scripts/prebuild.mjs [--run] [--only-run] [platform…]
platforms: ${PLATFORMS.map((one) => one.name).join(', ')}
`;

const kib = (bytes) => `${Math.round(bytes / 1024)} KiB`;

export async function prebuildFromCommandLine(argv) {
  const flags = new Set(argv.filter((word) => word.startsWith('-')));
  const names = argv.filter((word) => !word.startsWith('-'));
  for (const flag of flags) {
    if (flag === '--run' || flag === '--only-run') continue;
    process.stderr.write(USAGE);
    process.exit(2);
  }
  const chosen = names.length === 0 ? PLATFORMS : names.map(platform);
  const runs = flags.has('--run') || flags.has('--only-run');
  if (runs) await bootstrapOrExit();
  let failed = 0;
  for (const one of chosen) {
    try {
      const words = [one.name.padEnd(16)];
      if (!flags.has('--only-run')) {
        const { file, bytes, addon } = await prebuild(one);
        const needs = addon.glibc === undefined ? '' : `, glibc ${addon.glibc}`;
        words.push(`built ${relative(process.cwd(), file)} (${kib(bytes)}${needs})`);
      }
      if (runs) {
        const run = await runPrebuilt(one);
        words.push(run.ran ? `run: ${run.checks} checks on ${run.on}` : `not run: ${run.why}`);
      }
      console.log(words.join('; '));
    } catch (error) {
      failed += 1;
      console.log(`${one.name.padEnd(16)} FAILED: ${error.message}`);
    }
  }
  process.exitCode = failed > 0 ? 1 : 0;
}
