import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../scripts/build-native.mjs', import.meta.url));
const ADDON = 'ferromcp.test.node';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ferromcp-build-'));
  for (const folder of ['scripts', 'native/src', 'crates/a/src', 'bin', 'node_modules/@napi-rs/cli']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  copyFileSync(SCRIPT, join(root, 'scripts/build-native.mjs'));
  for (const file of ['Cargo.toml', 'native/src/lib.rs', 'crates/a/src/lib.rs', 'package.json']) {
    writeFileSync(join(root, file), '{}');
  }
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Puts a cargo on PATH that only says its version, and a napi command that does as told. */
function installTools(napi: string): void {
  writeFileSync(join(root, 'bin/cargo'), '#!/bin/sh\nexit 0\n');
  chmodSync(join(root, 'bin/cargo'), 0o755);
  const cli = join(root, 'node_modules/@napi-rs/cli');
  writeFileSync(
    join(cli, 'package.json'),
    '{"name":"@napi-rs/cli","version":"1.0.0","bin":{"napi":"napi.cjs"}}',
  );
  writeFileSync(join(cli, 'napi.cjs'), napi);
}

const BUILDS = `const { mkdirSync, writeFileSync } = require('node:fs');
  const output = process.argv[process.argv.indexOf('--output-dir') + 1];
  mkdirSync(output, { recursive: true });
  writeFileSync(output + '/${ADDON}', 'built ' + process.hrtime.bigint());`;

function run(): { code: number | null; out: string; err: string } {
  const env = { PATH: join(root, 'bin') };
  const child = spawnSync(process.execPath, [join(root, 'scripts/build-native.mjs')], {
    env,
    encoding: 'utf8',
  });
  return { code: child.status, out: child.stdout, err: child.stderr };
}

const addonHash = (): string =>
  createHash('sha1')
    .update(readFileSync(join(root, 'native', ADDON)))
    .digest('hex');

describe.skipIf(process.platform === 'win32')('build-native', () => {
  test('without cargo: one line, no failure', () => {
    expect(run()).toEqual({
      code: 0,
      out: 'native addon: no cargo on PATH, the TypeScript fallback is used\n',
      err: '',
    });
  });

  test('without the napi command: one line, failure', () => {
    installTools('');
    rmSync(join(root, 'node_modules'), { recursive: true });
    expect(run()).toMatchObject({ code: 1, out: expect.stringMatching(/npm ci/) });
  });

  test('builds once, again only after a change of a source', () => {
    installTools(BUILDS);
    expect(run()).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^native addon: built native\/.* in .* s\n$/),
    });
    const first = addonHash();
    expect(run()).toEqual({ code: 0, out: `native addon: up to date (native/${ADDON})\n`, err: '' });
    writeFileSync(join(root, 'crates/a/src/notes.txt'), 'no source');
    expect(run().out).toContain('up to date');
    expect(addonHash()).toBe(first);
    for (const source of ['crates/a/src/lib.rs', 'native/src/lib.rs', 'Cargo.toml', 'Cargo.lock']) {
      writeFileSync(join(root, source), 'changed');
      expect(run().out).toContain('built');
    }
    expect(addonHash()).not.toBe(first);
    rmSync(join(root, 'native', ADDON));
    expect(run().out).toContain('built');
  });

  test('a failing build: its output, one line, failure, and the old addon stays', () => {
    installTools(BUILDS);
    run();
    const first = addonHash();
    installTools('console.error("error: no such thing"); process.exit(101)');
    writeFileSync(join(root, 'crates/a/src/lib.rs'), 'changed');
    const { code, out, err } = run();
    expect(code).toBe(1);
    expect(out).toBe('native addon: the build failed\n');
    expect(err).toContain('no such thing');
    expect(addonHash()).toBe(first);
  });
});
