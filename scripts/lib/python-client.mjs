/** The official Python client: its own virtual environment and its runs. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapError } from './bootstrap.mjs';
import { withLock } from './lock.mjs';
import { ROOT } from './paths.mjs';
import { findOnPath, run } from './process.mjs';
import { hashInputs, readStamp, writeStamp } from './stamp.mjs';

const FOLDER = join(ROOT, 'scripts', 'clients');
const VENV = join(ROOT, '.venv', 'mcp');
const STAMP = join(VENV, '.ferromcp-install');
const PYTHON = join(VENV, 'bin', 'python');

async function must(command, args) {
  const { code, output } = await run(command, args, { capture: true, cwd: ROOT });
  if (code !== 0) throw new BootstrapError(`${command} ${args.join(' ')} failed:\n${output}`);
}

/** Makes the virtual environment when its requirements have changed. */
export async function installPythonClient() {
  const hash = hashInputs(FOLDER, ['requirements.txt'], { extra: [process.platform, process.arch] });
  if (readStamp(STAMP) === hash) return;
  await withLock(join(ROOT, '.ferromcp', 'python-client.lock'), async () => {
    if (readStamp(STAMP) === hash) return;
    const python = findOnPath('python3');
    if (python === undefined)
      throw new BootstrapError('the Python client needs python3 (3.10 or newer) on PATH');
    process.stderr.write('ferromcp: installing the Python client (pip in .venv/mcp)\n');
    if (existsSync(VENV)) rmSync(VENV, { recursive: true });
    await must(python, ['-m', 'venv', VENV]);
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-input'];
    await must(PYTHON, ['-m', 'pip', 'install', ...quiet, '-r', join(FOLDER, 'requirements.txt')]);
    writeStamp(STAMP, hash);
  });
}

/**
 * One run of all checks.
 * @param {string} mode `legacy`, `auto` or a modern revision
 * @param {string[]} target a URL, or a command and its arguments
 * @returns {Promise<{ name: string, ok: boolean, detail: string }[]>}
 */
export async function runPythonClient(mode, target) {
  const { code, output } = await run(PYTHON, [join(FOLDER, 'gateway_client.py'), mode, ...target], {
    capture: true,
    cwd: ROOT,
  });
  const checks = output
    .split('\n')
    .filter((line) => line.startsWith('{"name": '))
    .map((line) => JSON.parse(line));
  if (code !== 0 || checks.length === 0) {
    const end = output.trimEnd().split('\n').slice(-3).join(' | ');
    checks.push({ name: 'end', ok: false, detail: `ended with code ${code}: ${end}` });
  }
  return checks;
}
