// Builds the Rust addon when cargo is there and its sources have changed since the last build.
// Prints one line. Ends with 0 when there is nothing to do or no cargo, with 1 when the build fails.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const NATIVE = join(ROOT, 'native');
/** Which sources the addon beside it was built from. */
const RECORD = join(NATIVE, 'build.json');
const OUTPUT = join(ROOT, 'target', 'addon');
const SOURCES = ['Cargo.toml', 'Cargo.lock', 'crates', 'native'];
const SOURCE_FILE = /\.(rs|toml|lock)$|(^|\/)napi\.json$/;
const OTHER_FOLDERS = new Set(['target', 'node_modules', 'tests', 'benches']);

function* sourceFiles(path) {
  if (!existsSync(path)) return;
  if (SOURCE_FILE.test(path)) {
    yield path;
    return;
  }
  const entries = readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const child = join(path, entry.name);
    if (entry.isDirectory() && !OTHER_FOLDERS.has(entry.name)) yield* sourceFiles(child);
    else if (entry.isFile() && SOURCE_FILE.test(child)) yield child;
  }
}

function sourceHash() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const source of SOURCES) {
    for (const file of sourceFiles(join(ROOT, source))) {
      const text = readFileSync(file);
      hash.update(`\0${relative(ROOT, file)}\0${text.length}\0`).update(text);
    }
  }
  return hash.digest('hex');
}

function lastBuild() {
  try {
    const { hash, file } = JSON.parse(readFileSync(RECORD, 'utf8'));
    return typeof file === 'string' && existsSync(join(NATIVE, file)) ? { hash, file } : undefined;
  } catch {
    return undefined;
  }
}

/** Puts the built addon in place at once: a process that has the old file loaded keeps its own copy. */
function install() {
  const built = readdirSync(OUTPUT).find((name) => /^ferromcp\..*\.node$/.test(name));
  if (built === undefined) return undefined;
  const staged = join(NATIVE, `.${built}.${process.pid}`);
  copyFileSync(join(OUTPUT, built), staged);
  renameSync(staged, join(NATIVE, built));
  return built;
}

/** Path of the napi command, or undefined when the development dependencies are not installed. */
function napiCommand() {
  try {
    const manifest = createRequire(join(ROOT, 'package.json')).resolve('@napi-rs/cli/package.json');
    return join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.napi);
  } catch {
    return undefined;
  }
}

function runCargo(napi) {
  return spawnSync(
    process.execPath,
    [
      napi,
      'build',
      '--platform',
      '--release',
      '--no-js',
      ...['--manifest-path', join(NATIVE, 'Cargo.toml')],
      ...['--config-path', join(NATIVE, 'napi.json')],
      ...['--package-json-path', join(ROOT, 'package.json')],
      ...['--target-dir', join(ROOT, 'target')],
      ...['--output-dir', OUTPUT],
    ],
    { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
}

/** Builds what needs building; returns the line to print and the exit code. */
export function buildNative() {
  const hash = sourceHash();
  const last = lastBuild();
  if (last?.hash === hash) return { code: 0, line: `native addon: up to date (native/${last.file})` };
  if (spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status !== 0) {
    return { code: 0, line: 'native addon: no cargo on PATH, the TypeScript fallback is used' };
  }
  const napi = napiCommand();
  if (napi === undefined) return { code: 1, line: 'native addon: @napi-rs/cli is missing, run npm ci first' };
  const started = Date.now();
  rmSync(OUTPUT, { recursive: true, force: true });
  const run = runCargo(napi);
  if (run.status !== 0) {
    process.stderr.write(`${run.stdout ?? ''}${run.stderr ?? ''}`);
    return { code: 1, line: `native addon: the build failed${run.error ? ` (${run.error.message})` : ''}` };
  }
  const built = install();
  if (built === undefined) return { code: 1, line: 'native addon: the build left no addon' };
  // Hashed again: the first build writes Cargo.lock.
  writeFileSync(RECORD, `${JSON.stringify({ hash: sourceHash(), file: built })}\n`);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  return { code: 0, line: `native addon: built native/${built} in ${seconds} s` };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { code, line } = buildNative();
  console.log(line);
  process.exitCode = code;
}
