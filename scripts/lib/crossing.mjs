/** The page about what crosses the gateway is written by the tests that try it. */
import { join } from 'node:path';
import { bootstrapOrExit } from './bootstrap.mjs';
import { ROOT } from './paths.mjs';
import { run } from './process.mjs';

const VITEST = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
const TEST = join('test', 'integration', 'gateway-crossing.test.ts');

export async function generateCrossing(rest) {
  await bootstrapOrExit();
  const { code } = await run(process.execPath, [VITEST, 'run', TEST, ...rest], {
    cwd: ROOT,
    env: { ...process.env, FERROMCP_WRITE_DOCS: '1' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exitCode = code;
}
