import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { inspectAddon, problemsOf } from '../../../scripts/lib/packaging/inspect-addon.mjs';
import {
  hostPlatform,
  PLATFORMS,
  packageFolder,
  packageName,
  platform,
  platformManifest,
  platformReadme,
  rootManifest,
} from '../../../scripts/lib/packaging/platforms.mjs';
import { publishedManifest } from '../../../scripts/lib/packaging/stage.mjs';
import { platformNames } from '../../../src/native/loader.ts';

describe('the platform packages', () => {
  it.each(PLATFORMS)('$name is what the table and the version say', (one) => {
    const read = (file) => readFileSync(join(packageFolder(one.name), file), 'utf8');
    expect(read('package.json'), 'run node scripts/platform-packages.mjs').toBe(platformManifest(one));
    expect(read('README.md')).toBe(platformReadme(one));
  });

  it.each(PLATFORMS)('$name has the name the loader looks for', ({ name, os, cpu }) => {
    expect(platformNames(os, cpu)).toContain(name);
  });

  it('have no scripts, so that nothing runs when they are installed', () => {
    for (const one of PLATFORMS) expect(JSON.parse(platformManifest(one))).not.toHaveProperty('scripts');
  });
});

describe('the published manifest', () => {
  const manifest = publishedManifest(rootManifest(), ['linux-x64-gnu']);

  it('names the platform packages of its own version', () => {
    expect(manifest.optionalDependencies).toEqual({ [packageName('linux-x64-gnu')]: rootManifest().version });
  });

  it('has no scripts, no development dependencies and no addon', () => {
    expect(manifest).not.toHaveProperty('scripts');
    expect(manifest).not.toHaveProperty('devDependencies');
    expect(manifest.files).not.toContain('native/*.node');
    expect(manifest.files).toContain('dist');
    expect(manifest.dependencies).toEqual(rootManifest().dependencies);
  });

  it('is not the manifest of a checkout, which names nothing of ours', () => {
    expect(rootManifest()).not.toHaveProperty('optionalDependencies');
  });
});

describe('looking into an addon', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ferromcp-addon-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const host = hostPlatform();
  const built = host && join(packageFolder(host.name), '..', '..', `ferromcp.${host.name}.node`);

  it.runIf(built !== undefined && existsSync(built))('reads the one built here', () => {
    const addon = inspectAddon(built);
    expect(addon).toMatchObject({ cpu: process.arch, entry: true });
    expect(problemsOf(addon, host, '99.0')).toEqual([]);
    expect(problemsOf(addon, platform('darwin-arm64'), '99.0')).not.toEqual([]);
  });

  it('says what does not fit', () => {
    const fits = { format: 'elf', cpu: 'x64', libraries: ['libc.so.6'], glibc: '2.17', entry: true };
    const gnu = platform('linux-x64-gnu');
    expect(problemsOf(fits, gnu, '2.17')).toEqual([]);
    expect(problemsOf({ ...fits, glibc: '2.34' }, gnu, '2.17')).toEqual(['needs glibc 2.34']);
    expect(problemsOf({ ...fits, glibc: '2.9' }, gnu, '2.17')).toEqual([]);
    expect(problemsOf({ ...fits, cpu: 'arm64' }, gnu, '2.17')).toEqual(['made for arm64']);
    expect(problemsOf({ ...fits, libraries: ['libssl.so.3'] }, gnu, '2.17')).toEqual(['needs libssl.so.3']);
    expect(problemsOf({ ...fits, entry: false }, gnu, '2.17')).toHaveLength(1);
    expect(problemsOf(fits, platform('linux-x64-musl'), '2.17')).toHaveLength(2);
    const signed = { format: 'macho', cpu: 'arm64', libraries: ['/usr/lib/libSystem.B.dylib'], entry: true };
    expect(problemsOf({ ...signed, signed: true }, platform('darwin-arm64'), '2.17')).toEqual([]);
    expect(problemsOf({ ...signed, signed: false }, platform('darwin-arm64'), '2.17')).toHaveLength(1);
  });

  it('refuses what is no addon', () => {
    const file = join(folder, 'text.node');
    writeFileSync(file, 'not a shared library, but long enough to be read as one');
    expect(() => inspectAddon(file)).toThrow(/neither ELF nor Mach-O/);
  });
});
