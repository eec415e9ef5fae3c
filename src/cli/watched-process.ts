import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { watchEnvironment } from './watch-orders.ts';

/** How long a run may take to end: after its input ends or SIGTERM, and then after SIGTERM, before SIGKILL. */
const GRACE_MS = 5_000;

export interface WatchedProcess {
  /** Its stdin and stdout when piped. */
  readonly input: Writable | undefined;
  readonly output: Readable | undefined;
  /** Settles with what the process ended with; never rejects. */
  readonly ended: Promise<string>;
  /** Ends it in order, by force when it does not. */
  stop(): Promise<void>;
  kill(): void;
}

export interface WatchedProcessOptions {
  /** The words after `ferromcp`. */
  readonly argv: readonly string[];
  /** Pipes stdin and stdout instead of sharing stdout. */
  readonly piped: boolean;
  readonly port: number | undefined;
  /** Told the port the run listens on. */
  readonly ready: (port: number) => void;
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `ended with code ${code ?? 'unknown'}` : `ended by ${signal}`;
}

/**
 * One run of `ferromcp serve` below `--watch`. It gets a process group of its own, so that Ctrl-C reaches the watcher
 * only and the run is ended in order; when the watcher dies, the run sees its channel close and ends too.
 */
export function startWatched(options: WatchedProcessOptions): WatchedProcess {
  const { piped, port } = options;
  const script = process.argv[1] ?? '';
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, script, ...options.argv], {
    stdio: [piped ? 'pipe' : 'ignore', piped ? 'pipe' : 'inherit', 'inherit', 'ipc'],
    detached: true,
    env: watchEnvironment(port === undefined ? {} : { port }),
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(describeEnd(code, signal)));
  });
  let over = false;
  void ended.then(() => {
    over = true;
  });
  child.on('message', (message) => {
    if (typeof message !== 'object' || message === null) return;
    const value: unknown = Reflect.get(message, 'port');
    if (Reflect.get(message, 'ferromcp') === 'ready' && typeof value === 'number') options.ready(value);
  });
  // Input may be written while the process ends; the end itself is seen above.
  child.stdin?.on('error', () => {});
  const killGroup = (): void => {
    if (over || child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
  };
  return {
    input: child.stdin ?? undefined,
    output: child.stdout ?? undefined,
    ended,
    async stop() {
      if (over) return;
      if (piped) child.stdin?.end();
      else child.kill('SIGTERM');
      const terminate = setTimeout(() => child.kill('SIGTERM'), piped ? GRACE_MS : GRACE_MS * 2);
      const kill = setTimeout(killGroup, GRACE_MS * 3);
      await ended;
      clearTimeout(terminate);
      clearTimeout(kill);
    },
    kill: killGroup,
  };
}
