import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { bootstrapOrExit } from '../bootstrap.mjs';
import { ROOT } from '../paths.mjs';
import { inspectAddon, problemsOf } from './inspect-addon.mjs';
import { GLIBC, PLATFORMS, prebuilt } from './platforms.mjs';
import { stage } from './stage.mjs';

export async function stageFromCommandLine(argv) {
  const partly = argv.includes('--partly');
  if (argv.some((word) => word !== '--partly')) {
    process.stderr.write('usage: node scripts/stage.mjs [--partly]\n');
    process.exit(2);
  }
  await bootstrapOrExit();
  const missing = PLATFORMS.filter((one) => !existsSync(prebuilt(one.name)));
  if (missing.length > 0 && !partly) {
    const names = missing.map((one) => one.name).join(', ');
    process.stderr.write(`not built: ${names}; run scripts/prebuild.mjs, or stage --partly without them\n`);
    process.exit(1);
  }
  const built = PLATFORMS.filter((one) => !missing.includes(one));
  for (const one of built) {
    const problems = problemsOf(inspectAddon(prebuilt(one.name)), one, GLIBC);
    if (problems.length > 0) throw new Error(`${prebuilt(one.name)}: ${problems.join('; ')}`);
  }
  const addons = new Map(built.map((one) => [one.name, prebuilt(one.name)]));
  const { main, platforms } = stage(join(ROOT, 'target', 'npm'), addons);
  for (const folder of [...platforms.values(), main]) console.log(relative(process.cwd(), folder));
}
