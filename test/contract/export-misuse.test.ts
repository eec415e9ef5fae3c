import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadNative } from '../../src/native/loader.ts';

const PROGRAM = fileURLToPath(new URL('./misuse-program.mjs', import.meta.url));
const CALLS = 20_000;

// An empty environment: FERROMCP_NATIVE=0 of the run turns the addon off for the product, not for its own tests.
const { status } = loadNative({ env: {} });

describe.skipIf(!status.loaded)('the exports of the addon', () => {
  it.each([1, 2, 3])('L01 survive any arguments (seed %i)', (seed) => {
    const {
      stdout,
      stderr,
      signal,
      status: code,
    } = spawnSync(process.execPath, [PROGRAM, status.path ?? '', String(seed), String(CALLS)], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect({ signal, code, stderr }).toMatchObject({ signal: null, code: 0 });
    const { names, returned, thrown } = JSON.parse(stdout) as {
      names: string[];
      returned: number;
      thrown: number;
    };
    expect(names).toContain('scanEnvelope');
    expect(returned + thrown).toBe(CALLS);
    expect(thrown).toBeGreaterThan(0);
  });
});
