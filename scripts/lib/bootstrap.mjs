/**
 * The steps of bootstrap: dependencies, native addon, TypeScript. Each is skipped when its stamp says that what it
 * would make is already there. Everything is said on stderr: stdout belongs to the program started afterwards.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { withLock } from './lock.mjs';
import { MAIN, ROOT } from './paths.mjs';
import { findOnPath, run } from './process.mjs';
import { hashInputs, readStamp, treeMatchesLock, writeStamp } from './stamp.mjs';

const WORK = join(ROOT, '.ferromcp');
const NATIVE_SOURCES = ['crates', 'native', 'Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml'];
const NATIVE_SOURCE_FILE = /\.(rs|toml|lock)$|^napi\.json$/;
const NATIVE_OTHER_FOLDERS = new Set(['target', 'node_modules', 'tests', 'benches']);
const NATIVE_STAMP = join(ROOT, 'target', 'ferromcp-addon.stamp');
const NATIVE_LOG = join(ROOT, 'target', 'ferromcp-addon.log');
const DIST = join(ROOT, 'dist');
const DIST_STAMP = join(DIST, '.build-stamp');
const INSTALL_STAMP = join(ROOT, 'node_modules', '.ferromcp-install');

const say = (text) => process.stderr.write(`ferromcp: ${text}\n`);

/** A step that cannot go on; the message is all there is to say. */
export class BootstrapError extends Error {}

function installHash() {
  return hashInputs(ROOT, ['package-lock.json'], { extra: [process.platform, process.arch] });
}

function nativeHash() {
  const skip = (_path, name, isFolder) =>
    isFolder ? NATIVE_OTHER_FOLDERS.has(name) : !NATIVE_SOURCE_FILE.test(name);
  return hashInputs(ROOT, NATIVE_SOURCES, { skip, extra: [process.platform, process.arch] });
}

function distHash() {
  return hashInputs(ROOT, ['src', 'tsconfig.json', 'tsconfig.build.json'], { extra: [installHash()] });
}

/** Has a build of the addon left a file that the loader can pick up? */
export function addonFiles() {
  const folder = join(ROOT, 'native');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith('.node'));
}

function isInstalled() {
  const hash = installHash();
  if (readStamp(INSTALL_STAMP) === hash) return true;
  const record = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  let same;
  try {
    same = treeMatchesLock(
      ROOT,
      JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')),
      JSON.parse(readFileSync(record, 'utf8')),
    );
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
  if (same) writeStamp(INSTALL_STAMP, hash);
  return same;
}

/** How to call npm: by the file that started us when it was npm, so that both are the same npm. */
export function npmCommand(env = process.env) {
  const started = env.npm_execpath;
  if (started?.endsWith('npm-cli.js') && existsSync(started)) {
    return { command: process.execPath, args: [started], shell: false };
  }
  return { command: 'npm', args: [], shell: process.platform === 'win32' };
}

/** `npm ci` in a folder. No dependency of ours needs an install script, so none is run. */
export async function npmCi(folder) {
  const npm = npmCommand();
  const flags = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  let code;
  try {
    ({ code } = await run(npm.command, [...npm.args, ...flags], { cwd: folder, shell: npm.shell }));
  } catch (error) {
    throw new BootstrapError(
      `npm could not be started (${error.message}); install npm, it comes with Node.js`,
    );
  }
  if (code !== 0) throw new BootstrapError(`npm ci failed in ${folder} with code ${code}`);
}

async function install() {
  say('installing dependencies (npm ci)');
  await npmCi(ROOT);
  writeStamp(INSTALL_STAMP, installHash());
}

function isNativeBuilt() {
  return addonFiles().length > 0 && readStamp(NATIVE_STAMP) === nativeHash();
}

async function buildNative({ requireNative }) {
  const stays = addonFiles().length > 0;
  const instead = stays ? 'the addon built from older sources stays' : 'using the TypeScript fallback';
  if (findOnPath('cargo') === undefined) {
    if (requireNative) throw new BootstrapError('cargo is not on PATH and the native addon is required');
    say(`cargo is not on PATH, so the native addon is not built; ${instead}`);
    return;
  }
  // A build that finds everything up to date is not worth a word; a real one takes a minute or two the first time.
  const news = setTimeout(
    () => say('building the native addon (cargo; the first build takes a few minutes)'),
    1_000,
  );
  const script = join(ROOT, 'scripts', 'build-native.mjs');
  const { code, output } = await run(process.execPath, [script], { capture: true, cwd: ROOT });
  clearTimeout(news);
  if (code === 0 && addonFiles().length > 0) {
    mkdirSync(join(ROOT, 'target'), { recursive: true });
    // The first build may have written Cargo.lock, so the hash is taken afterwards.
    writeStamp(NATIVE_STAMP, nativeHash());
    return;
  }
  mkdirSync(join(ROOT, 'target'), { recursive: true });
  writeFileSync(NATIVE_LOG, output);
  if (requireNative) throw new BootstrapError(`the native addon did not build:\n${output.trimEnd()}`);
  say(`warning: the native addon did not build (see ${relative(process.cwd(), NATIVE_LOG)}); ${instead}`);
}

function isCompiled() {
  return existsSync(DIST) && readStamp(DIST_STAMP) === distHash();
}

/** Compiles into a folder of its own and swaps it in, so that no file of a removed source stays and no one sees half. */
async function compile() {
  const hash = distHash();
  const fresh = join(WORK, `dist-${process.pid}`);
  const old = join(WORK, `dist-old-${process.pid}`);
  rmSync(fresh, { recursive: true, force: true });
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    const { code, output } = await run(
      process.execPath,
      [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', fresh],
      { capture: true, cwd: ROOT },
    );
    if (code !== 0) throw new BootstrapError(`TypeScript did not compile:\n${output.trimEnd()}`);
    writeStamp(join(fresh, '.build-stamp'), hash);
    if (existsSync(DIST)) renameSync(DIST, old);
    renameSync(fresh, DIST);
    if (existsSync(MAIN)) chmodSync(MAIN, 0o755);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

/**
 * Brings the checkout up to date.
 * @param {{ force?: boolean, requireNative?: boolean, env?: object }} options `force` redoes the builds (not the
 * installation); `requireNative` makes a missing or failing addon an error
 */
export async function bootstrap({ force = false, requireNative = false, env = process.env } = {}) {
  const wantsNative = requireNative || env.FERROMCP_NATIVE !== '0';
  const installed = isInstalled();
  const native = !wantsNative || (isNativeBuilt() && !force);
  if (installed && native && !force && isCompiled()) return;
  await withLock(
    join(WORK, 'bootstrap.lock'),
    async () => {
      if (!isInstalled()) await install();
      if (wantsNative && (force || !isNativeBuilt())) await buildNative({ requireNative });
      if (force || !isCompiled()) await compile();
    },
    { onWait: (pid) => say(`waiting for another bootstrap (process ${pid})`) },
  );
}

/** Runs bootstrap for a script: a failure is one message and exit code 1, not a stack. */
export async function bootstrapOrExit(options) {
  try {
    await bootstrap(options);
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    say(error.message);
    process.exit(1);
  }
}

export async function bootstrapFromCommandLine(argv) {
  const known = new Set(['--force', '--require-native']);
  const unknown = argv.find((argument) => !known.has(argument));
  if (unknown !== undefined) {
    say(`unknown argument ${unknown}; known: ${[...known].join(', ')}`);
    process.exit(2);
  }
  await bootstrapOrExit({
    force: argv.includes('--force'),
    requireNative: argv.includes('--require-native'),
  });
}
