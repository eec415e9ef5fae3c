import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The command line as a process of its own, for tests. */

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const CLI = join(ROOT, 'dist', 'cli', 'main.js');
const EVERYTHING = join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
/** Words that start the reference server on stdio. */
export const EVERYTHING_STDIO: readonly string[] = ['--', process.execPath, EVERYTHING, 'stdio'];

/** Compiles `src/` when `dist/` is older; several test files may ask at the same time. */
export async function ensureBuilt(): Promise<void> {
  const { bootstrap } = (await import(join(ROOT, 'scripts/lib/bootstrap.mjs'))) as {
    bootstrap(options: { env: NodeJS.ProcessEnv }): Promise<void>;
  };
  await bootstrap({ env: { ...process.env, FERROMCP_NATIVE: '0' } });
}

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  stdout(): string;
  stderr(): string;
  /** Settles when the output so far matches; rejects when the process ends first. */
  seen(where: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpMatchArray>;
}

const running = new Set<ChildProcess>();

export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: 'pipe',
  });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  let over = false;
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      changed();
    });
  }
  child.stdin.on('error', () => {});
  const ended = new Promise<CliResult>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      over = true;
      changed();
      resolve({ code, signal, ...output });
    });
  });
  return {
    child,
    ended,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    seen: (where, pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = output[where].match(pattern);
          if (match === null && !over) return;
          listeners.delete(look);
          if (match !== null) resolve(match);
          else reject(new Error(`ended without ${pattern}\n${output.stdout}\n${output.stderr}`));
        };
        listeners.add(look);
        look();
      }),
  };
}

export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const cli = startCli(args, options);
  cli.child.stdin?.end(options.input ?? '');
  return cli.ended;
}

/** Ends what a failed test left running. */
export function killLeftovers(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** A directory that goes away with the test. */
export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ferromcp-cli-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
