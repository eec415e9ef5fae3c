/**
 * Programs started after bootstrap. They run in this very process: signals and the exit code need no forwarding, and
 * stdout is theirs.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrapOrExit } from './bootstrap.mjs';
import { MAIN, ROOT } from './paths.mjs';

/** The arguments of `ferromcp gateway`: the example configuration unless the caller names one. */
export function gatewayArguments(extra) {
  const named = extra.some(
    (argument) => argument === '--config' || argument === '-c' || /^--config=/.test(argument),
  );
  return ['gateway', ...(named ? [] : ['--config', join(ROOT, 'examples', 'mcp.json')]), ...extra];
}

export async function runGateway(extra) {
  await bootstrapOrExit();
  process.argv = [process.execPath, MAIN, ...gatewayArguments(extra)];
  await import(pathToFileURL(MAIN).href);
}

export async function runExample([file, ...rest]) {
  if (file === undefined) {
    process.stderr.write('ferromcp: usage: node scripts/run-example.mjs <file> [arguments]\n');
    process.exit(2);
  }
  await bootstrapOrExit();
  const path = resolve(file);
  process.argv = [process.execPath, path, ...rest];
  const { createJiti } = await import('jiti');
  await createJiti(import.meta.url).import(pathToFileURL(path).href);
}
