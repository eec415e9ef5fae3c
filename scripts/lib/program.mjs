/**
 * Programs started after bootstrap. They run in this very process: signals and the exit code need no forwarding, and
 * stdout is theirs.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrapOrExit } from './bootstrap.mjs';
import { MAIN, ROOT } from './paths.mjs';

const PARENT_POLL_MS = 250;

/** The arguments of `ferromcp gateway`: the example configuration unless the caller names one. */
export function gatewayArguments(extra) {
  const named = extra.some(
    (argument) => argument === '--config' || argument === '-c' || /^--config=/.test(argument),
  );
  return ['gateway', ...(named ? [] : ['--config', join(ROOT, 'examples', 'mcp.json')]), ...extra];
}

/**
 * npm runs a script in a shell, hands a SIGTERM to that shell only, and the shell dies without telling its child. So a
 * program started by npm asks itself to stop when its parent has gone; otherwise it would outlive `npm start`.
 */
function stopWithParent(env = process.env) {
  if (env.npm_lifecycle_event === undefined || process.platform === 'win32') return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, PARENT_POLL_MS);
  timer.unref();
}

export async function runGateway(extra) {
  stopWithParent();
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
