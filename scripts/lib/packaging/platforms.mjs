/** The platforms a prebuilt addon is published for; the names are those `src/native/loader.ts` looks for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../paths.mjs';

/** Oldest C library the gnu builds run on: the one Rust's own standard library asks for. */
export const GLIBC = '2.17';
/** Oldest macOS that runs on Apple silicon. */
const MACOS = '11.0';

/**
 * @typedef {object} Platform
 * @property {string} name as in `@ferromcp/native-<name>`
 * @property {string} triple of Rust
 * @property {string} zig target of `zig cc`
 * @property {'linux' | 'darwin'} os
 * @property {'x64' | 'arm64'} cpu
 * @property {'glibc' | 'musl'} [libc]
 */

/** @type {readonly Platform[]} */
export const PLATFORMS = [
  linux('x64', 'gnu'),
  linux('arm64', 'gnu'),
  linux('x64', 'musl'),
  linux('arm64', 'musl'),
  {
    name: 'darwin-arm64',
    triple: 'aarch64-apple-darwin',
    zig: `aarch64-macos.${MACOS}`,
    os: 'darwin',
    cpu: 'arm64',
  },
];

function linux(cpu, libc) {
  const machine = cpu === 'x64' ? 'x86_64' : 'aarch64';
  return {
    name: `linux-${cpu}-${libc}`,
    triple: `${machine}-unknown-linux-${libc}`,
    zig: `${machine}-linux-${libc}${libc === 'gnu' ? `.${GLIBC}` : ''}`,
    os: 'linux',
    cpu,
    libc: libc === 'gnu' ? 'glibc' : 'musl',
  };
}

/** @returns {Platform} */
export function platform(name) {
  const found = PLATFORMS.find((one) => one.name === name);
  if (found === undefined) {
    throw new Error(`no platform ${name}; there are ${PLATFORMS.map((one) => one.name).join(', ')}`);
  }
  return found;
}

/** The platform this Node runs on, or undefined when nothing is published for it. */
export function hostPlatform() {
  const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
  const name = [process.platform, process.arch, ...(process.platform === 'linux' ? [libc] : [])].join('-');
  return PLATFORMS.find((one) => one.name === name);
}

export const addonFile = (name) => `ferromcp.${name}.node`;
export const packageName = (name) => `@ferromcp/native-${name}`;
/** Where the package of a platform is kept, without its addon. */
export const packageFolder = (name) => join(ROOT, 'native', 'npm', name);
/** Where `scripts/prebuild.mjs` puts the addon of a platform. */
export const prebuilt = (name) => join(ROOT, 'target', 'prebuilt', addonFile(name));

export function rootManifest() {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
}

const WORDS = { gnu: 'glibc 2.17 or later', musl: 'musl libc 1.2 or later' };

/** The text of `native/npm/<name>/package.json`. */
export function platformManifest(one, { version, license, engines } = rootManifest()) {
  const manifest = {
    name: packageName(one.name),
    version,
    description: `The native addon of ferromcp for ${describe(one)}`,
    license,
    os: [one.os],
    cpu: [one.cpu],
    ...(one.libc !== undefined && { libc: [one.libc] }),
    main: addonFile(one.name),
    files: [addonFile(one.name)],
    engines,
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** The text of `native/npm/<name>/README.md`. */
export function platformReadme(one) {
  return `# ${packageName(one.name)}

The native addon of ferromcp for ${describe(one)}.

ferromcp names it as an optional dependency, so npm installs it where it fits; there is nothing to call in it. Without it
ferromcp runs on TypeScript alone.
`;
}

function describe({ os, cpu, libc, name }) {
  if (os === 'darwin') return `macOS ${MACOS} or later, ${cpu}`;
  return `Linux, ${cpu}, ${libc === 'musl' || name.endsWith('musl') ? WORDS.musl : WORDS.gnu}`;
}
