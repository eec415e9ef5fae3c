import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const SECOND = 1_000;

/** Tests that start processes or wait for timers of the product get longer than tests of plain functions. */
function project(name: string, include: string[], testTimeout: number) {
  return {
    extends: true as const,
    test: { name, include, testTimeout, hookTimeout: Math.max(testTimeout, 30 * SECOND) },
  };
}

export default defineConfig({
  test: {
    // Forks, not threads: tests load a native addon, send signals and change the working directory.
    pool: 'forks',
    watch: false,
    // Most of the long tests wait for processes and timers; vitest's own choice on two cores is one file at a time.
    maxWorkers: Math.max(2, availableParallelism()),
    // A test that leaks a timer or a socket must not hang the run.
    teardownTimeout: 10 * SECOND,
    restoreMocks: true,
    unstubEnvs: true,
    projects: [
      project('unit', ['test/*.test.ts', 'test/unit/**/*.test.{ts,mjs}'], 20 * SECOND),
      project('contract', ['test/contract/**/*.test.ts'], 30 * SECOND),
      project('hostile', ['test/hostile/**/*.test.ts'], 60 * SECOND),
      project('integration', ['test/integration/**/*.test.ts'], 60 * SECOND),
    ],
  },
});
