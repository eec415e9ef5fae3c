import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const TOOLS = 300;
const LIMIT_KB = 1024 * 1024;
const root = join(import.meta.dirname, '..', '..', '..');
let folder = '';

beforeAll(async () => {
  // Inside the package, so that `zod` and the sources resolve.
  folder = await mkdtemp(join(root, 'test', 'types-'));
  const tools = Array.from(
    { length: TOOLS },
    (_, i) => `server.tool('tool_${i}', {
  input: z.object({ id: z.string(), count_${i}: z.number().int().optional(), nested: z.object({ a: z.array(z.string()), b: z.enum(['x', 'z${i}']) }) }),
  output: z.object({ ok: z.boolean(), n${i}: z.number() }),
}, ({ id, count_${i} }) => ({ ok: id.length > 0, n${i}: count_${i} ?? 0 }));`,
  );
  await writeFile(
    join(folder, 'many.ts'),
    `import * as z from 'zod';\nimport { createServer } from '../../src/server/index.ts';\nconst server = createServer({ name: 'many', version: '1' });\n${tools.join('\n')}\nexport default server;\n`,
  );
  await writeFile(join(folder, 'tsconfig.json'), '{"extends":"../../tsconfig.json","include":["many.ts"]}');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it(`type-checks a server of ${TOOLS} tools in less than 1 GB`, { timeout: 120_000 }, async () => {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const { stdout } = await promisify(execFile)(tsc, ['-p', folder, '--extendedDiagnostics']);
  const used = /^Memory used:\s+(\d+)K$/m.exec(stdout)?.[1];
  expect(Number(used)).toBeGreaterThan(10_000);
  expect(Number(used)).toBeLessThan(LIMIT_KB);
});
