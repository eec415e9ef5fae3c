/** Builds the addon of a platform and says what is known about it. */
import { copyFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../paths.mjs';
import { findOnPath } from '../process.mjs';
import { must } from './cache.mjs';
import { foreignNode } from './foreign-node.mjs';
import { inspectAddon, problemsOf } from './inspect-addon.mjs';
import { GLIBC, prebuilt } from './platforms.mjs';
import { zigCompiler } from './zig.mjs';

const CRATE = 'ferromcp-native';
const CHECK = join(ROOT, 'scripts', 'lib', 'packaging', 'check-addon.mjs');
/** Machine code under emulation is slow; a hang must end all the same. */
const RUN_MS = 180_000;

/** Makes Rust's standard library of a platform available. A compiler without rustup has only its own. */
async function addTarget(platform) {
  const libraries = await must('rustc', ['--print', 'target-libdir', '--target', platform.triple], {
    cwd: ROOT,
  });
  try {
    if (statSync(libraries.trim()).isDirectory()) return;
  } catch {
    // not installed
  }
  if (findOnPath('rustup') === undefined) {
    throw new Error(
      `Rust's standard library for ${platform.triple} is missing, and there is no rustup to add it`,
    );
  }
  await must('rustup', ['target', 'add', platform.triple], { cwd: ROOT });
}

/**
 * @param {import('./platforms.mjs').Platform} platform
 * @returns {Promise<{ file: string, bytes: number, addon: import('./inspect-addon.mjs').Addon }>}
 */
export async function prebuild(platform) {
  await addTarget(platform);
  const { compiler, archiver } = await zigCompiler(platform);
  const lower = platform.triple.replaceAll('-', '_');
  const flags = platform.libc === 'musl' ? '-C target-feature=-crt-static' : '';
  const target = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
  await must(
    'cargo',
    [
      'build',
      '--release',
      '--locked',
      '--package',
      CRATE,
      '--target',
      platform.triple,
      '--target-dir',
      target,
    ],
    {
      cwd: ROOT,
      env: {
        ...process.env,
        [`CARGO_TARGET_${lower.toUpperCase()}_LINKER`]: compiler,
        [`CC_${lower}`]: compiler,
        [`AR_${lower}`]: archiver,
        // The cc crate would ask Xcode for the SDK; zig brings what is needed.
        ...(platform.os === 'darwin' && { SDKROOT: '/' }),
        RUSTFLAGS: flags,
      },
    },
  );
  const library = `libferromcp_native.${platform.os === 'darwin' ? 'dylib' : 'so'}`;
  const file = prebuilt(platform.name);
  mkdirSync(dirname(file), { recursive: true });
  const staged = `${file}.${process.pid}`;
  copyFileSync(join(target, platform.triple, 'release', library), staged);
  const addon = inspectAddon(staged);
  const problems = problemsOf(addon, platform, GLIBC);
  if (problems.length > 0) throw new Error(`the addon for ${platform.name}: ${problems.join('; ')}`);
  renameSync(staged, file);
  return { file, bytes: statSync(file).size, addon };
}

/**
 * Runs the built addon in a Node of its platform, emulated where the machine is another one.
 * @returns {Promise<{ ran: true, on: string, checks: number } | { ran: false, why: string }>}
 */
export async function runPrebuilt(platform) {
  const node = await foreignNode(platform);
  if (node.why !== undefined) return { ran: false, why: node.why };
  const env = { ...process.env, FERROMCP_NATIVE_PATH: prebuilt(platform.name) };
  delete env.FERROMCP_NATIVE;
  const output = await must(node.command, [...node.args, CHECK], {
    cwd: ROOT,
    env,
    timeout: RUN_MS,
  });
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const counted = /^(\d+) checks passed on (.+)$/.exec(last);
  if (counted === null) throw new Error(`the check on ${platform.name} did not finish:\n${output}`);
  return {
    ran: true,
    on: `${counted[2]}${node.emulated ? ', emulated by qemu' : ''}`,
    checks: Number(counted[1]),
  };
}
