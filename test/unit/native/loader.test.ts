import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fallback } from '../../../src/native/fallback.ts';
import { FRONT_EXPORTS } from '../../../src/native/front-port.ts';
import { loadNative, native, platformNames } from '../../../src/native/loader.ts';
import { packageVersion } from '../../../src/native/package-version.ts';
import { STATUS_CODES } from '../../../src/native/port.ts';
import { SONA_EXPORTS } from '../../../src/native/sona-port.ts';

const ADDON = platformNames()
  .map((name) => fileURLToPath(new URL(`../../../native/ferromcp.${name}.node`, import.meta.url)))
  .find((file) => existsSync(file));

/** Exports that the loader looks for and these tests do not use. */
const REST = [...FRONT_EXPORTS, ...SONA_EXPORTS];

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ferromcp-loader-'));
  mkdirSync(join(root, 'native'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A module with the shape of the addon. */
function standIn(version: string, codes: string = STATUS_CODES.join(',')): string {
  const file = join(root, `addon-${version}.cjs`);
  const body = `exports.version = () => ${JSON.stringify(version)};
    exports.statusCodes = () => ${JSON.stringify(codes)};
    exports.scanEnvelope = () => 0;
    for (const name of ${JSON.stringify(REST)}) exports[name] = () => 0;`;
  writeFileSync(file, body);
  return file;
}

describe('loadNative', () => {
  test('FERROMCP_NATIVE=0 takes the fallback and looks nowhere', () => {
    const { port, status } = loadNative({ env: { FERROMCP_NATIVE: '0', FERROMCP_NATIVE_PATH: '/nowhere' } });
    expect(port).toBe(fallback);
    expect(status).toEqual({ loaded: false, reason: 'FERROMCP_NATIVE=0', attempts: [] });
  });

  test('no addon anywhere: the fallback, and the platform in the reason', () => {
    const { port, status } = loadNative({ env: {}, root, platform: 'sunos', arch: 'sparc' });
    expect(port).toBe(fallback);
    expect(status).toEqual({ loaded: false, reason: 'no addon for sunos-sparc', attempts: [] });
  });

  test('the explicit path goes first', () => {
    const file = standIn(packageVersion());
    const { port, status } = loadNative({ env: { FERROMCP_NATIVE_PATH: file } });
    expect(status).toEqual({ loaded: true, path: file, attempts: [] });
    expect(port.scanEnvelope(new Uint8Array(), 0, 0, new Uint32Array(), new Uint32Array())).toBe(0);
  });

  test('another version is refused with NATIVE_MISMATCH', () => {
    const file = standIn('9.9.9');
    const { port, status } = loadNative({ env: { FERROMCP_NATIVE_PATH: file } });
    expect(port).toBe(fallback);
    expect(status).toMatchObject({ loaded: false, code: 'NATIVE_MISMATCH' });
    expect(status.reason).toContain('9.9.9');
    expect(status.attempts).toHaveLength(1);
  });

  test('the same version with other statuses is refused with NATIVE_MISMATCH', () => {
    const { status } = loadNative({
      env: { FERROMCP_NATIVE_PATH: standIn(packageVersion(), 'PARSE_SYNTAX') },
    });
    expect(status).toMatchObject({ loaded: false, code: 'NATIVE_MISMATCH' });
  });

  test('a module without the exports is refused', () => {
    const file = join(root, 'empty.cjs');
    writeFileSync(file, 'exports.version = () => "1"');
    expect(loadNative({ env: { FERROMCP_NATIVE_PATH: file } }).status).toMatchObject({
      loaded: false,
      code: 'NATIVE_MISMATCH',
    });
  });

  test.each([
    ['is missing', undefined],
    ['is no addon', 'not an object file'],
  ])('an explicit path that %s: the fallback with the reason, nothing else is tried', (_title, content) => {
    const file = join(root, 'broken.node');
    if (content !== undefined) writeFileSync(file, content);
    const { port, status } = loadNative({ env: { FERROMCP_NATIVE_PATH: file } });
    expect(port).toBe(fallback);
    expect(status.loaded).toBe(false);
    expect(status.attempts.map(({ path }) => path)).toEqual([file]);
    expect(status.reason).toMatch(/broken\.node/);
    expect(status.reason).not.toContain('\n');
  });

  test('a local build that does not load is told and passed over', () => {
    const file = join(root, 'native', 'ferromcp.linux-x64-gnu.node');
    writeFileSync(file, 'not an object file');
    const { status } = loadNative({ env: {}, root, platform: 'linux', arch: 'x64' });
    expect(status.loaded).toBe(false);
    expect(status.attempts.map(({ path }) => path)).toEqual([file]);
  });

  test.skipIf(ADDON === undefined)('a local build is found in native/', () => {
    const file = join(root, 'native', `ferromcp.${platformNames()[0]}.node`);
    copyFileSync(ADDON ?? '', file);
    const { port, status } = loadNative({ env: {}, root });
    expect(status).toEqual({ loaded: true, path: file, attempts: [] });
    expect(port.version()).toBe(packageVersion());
    expect(port.statusCodes()).toBe(STATUS_CODES.join(','));
  });

  test('the process looks once', () => {
    expect(native()).toBe(native());
  });
});

test.each([
  ['linux', 'x64', ['linux-x64-gnu', 'linux-x64-musl']],
  ['linux', 'arm64', ['linux-arm64-gnu', 'linux-arm64-musl']],
  ['darwin', 'arm64', ['darwin-arm64']],
  ['win32', 'x64', ['win32-x64-msvc']],
])('platform names of %s %s', (platform, arch, names) => {
  expect(platformNames(platform, arch)).toEqual(names);
});
