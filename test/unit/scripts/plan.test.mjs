import { describe, expect, it } from 'vitest';
import { npmCommand } from '../../../scripts/lib/bootstrap.mjs';
import { completeLock, missingOptional, platformOfName } from '../../../scripts/lib/lockfile.mjs';
import { gatewayArguments } from '../../../scripts/lib/program.mjs';
import { countReport, parseTestArguments, planRuns } from '../../../scripts/lib/suites.mjs';

describe('planRuns', () => {
  it('runs everything on the addon and the seam once more on the fallback', () => {
    const plan = planRuns({ native: undefined, addonBuilt: true });
    expect(plan.map((run) => [run.env.FERROMCP_NATIVE, run.projects])).toEqual([
      [undefined, []],
      ['0', ['contract', 'hostile', 'integration']],
    ]);
  });

  it('runs everything on the fallback when there is no addon', () => {
    expect(planRuns({ native: undefined, addonBuilt: false })).toEqual([
      { name: 'TypeScript fallback', env: { FERROMCP_NATIVE: '0' }, projects: [] },
    ]);
    expect(() => planRuns({ native: '1', addonBuilt: false })).toThrow(/not built/);
  });
});

describe('parseTestArguments', () => {
  it('keeps vitest arguments and takes its own', () => {
    expect(parseTestArguments(['test/unit', '--native=0', '-t', 'x'])).toEqual({
      native: '0',
      rest: ['test/unit', '-t', 'x'],
    });
    expect(() => parseTestArguments(['--native'])).toThrow(/--native=0/);
  });
});

describe('countReport', () => {
  const file = (status, ...tests) => ({ status, assertionResults: tests.map((one) => ({ status: one })) });

  it('counts tests', () => {
    const report = { testResults: [file('passed', 'passed', 'skipped'), file('failed', 'failed', 'passed')] };
    expect(countReport(report, 1)).toEqual({ passed: 2, failed: 1, skipped: 1 });
  });

  it('counts a file that did not load, and an error outside of tests', () => {
    expect(countReport({ testResults: [file('failed')] }, 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(countReport({ testResults: [file('passed', 'passed')] }, 1)).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0,
    });
    expect(countReport({}, 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

describe('gatewayArguments', () => {
  it('adds the example configuration unless one is named', () => {
    const [command, flag, file, ...rest] = gatewayArguments(['--port', '9000']);
    expect([command, flag, rest]).toEqual(['gateway', '--config', ['--port', '9000']]);
    expect(file).toMatch(/examples.mcp\.json$/);
    for (const named of [['--config', 'x.json'], ['-c', 'x.json'], ['--config=x.json']]) {
      expect(gatewayArguments(named)).toEqual(['gateway', ...named]);
    }
  });
});

describe('npmCommand', () => {
  it('ignores another package manager that started us', () => {
    expect(npmCommand({ npm_execpath: '/opt/pnpm/pnpm.cjs' }).command).toBe('npm');
    expect(npmCommand({}).command).toBe('npm');
  });
});

describe('lock file completion', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/tool': {
        version: '2.0.0',
        dev: true,
        optionalDependencies: { '@tool/linux-x64-musl': '2.0.0', '@tool/here': '2.0.0' },
      },
      'node_modules/tool/node_modules/@tool/here': { version: '2.0.0', optional: true },
    },
  };

  it('adds what is missing and leaves the rest', () => {
    expect(missingOptional(lock).map(({ name }) => name)).toEqual(['@tool/linux-x64-musl']);
    const complete = completeLock(lock);
    expect(complete.packages['node_modules/@tool/linux-x64-musl']).toEqual({
      version: '2.0.0',
      dev: true,
      optional: true,
      cpu: ['x64'],
      libc: ['musl'],
      os: ['linux'],
    });
    expect(missingOptional(complete)).toEqual([]);
    expect(complete.packages['node_modules/tool']).toBe(lock.packages['node_modules/tool']);
  });

  it('refuses to invent an entry for a range or for a package of no platform', () => {
    const wanting = (optionalDependencies) => ({
      packages: { 'node_modules/tool': { optionalDependencies } },
    });
    expect(() => completeLock(wanting({ '@tool/linux-x64': '^2.0.0' }))).toThrow(/cannot be written/);
    expect(() => completeLock(wanting({ chalk: '2.0.0' }))).toThrow(/cannot be written/);
  });

  it('reads the platform from names', () => {
    expect(platformOfName('@esbuild/darwin-arm64')).toEqual({ os: ['darwin'], cpu: ['arm64'] });
    expect(platformOfName('@x/y-linux-arm-gnueabihf')).toEqual({ os: ['linux'], cpu: ['arm'] });
    expect(platformOfName('@x/y-wasm32-wasi')).toEqual({ cpu: ['wasm32'] });
  });
});
