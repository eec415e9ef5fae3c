/**
 * A child process under control: own process group, drained stderr, ordered end (stdin closed, SIGTERM, SIGKILL, each
 * with a deadline), and nothing left behind when it or we die.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { FerroError } from '../../core/errors.ts';
import { childEnvironment, type Environment } from './environment.ts';
import { OutputRing } from './output-ring.ts';
import { groupGone, registerGroup, signalGroup, unregisterGroup } from './process-group.ts';

export interface ProcessOptions {
  /** Program to run; looked up in `PATH`, never given to a shell. */
  readonly command: string;
  readonly args?: readonly string[];
  /** Variables on top of the inherited allow-list; `undefined` removes one. */
  readonly env?: Environment;
  readonly cwd?: string;
  /** How long the process may take to end after its stdin was closed, default 2 s. */
  readonly closeMs?: number;
  /** How long it may take after SIGTERM, default 2 s; then SIGKILL. */
  readonly terminateMs?: number;
  /** Bytes of stderr kept for diagnostics, default 64 KiB. */
  readonly stderrBytes?: number;
  /** Sees stderr as it comes; it is drained in any case. */
  readonly onStderr?: (chunk: Buffer) => void;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** How long output that is still in the pipe may take to arrive after the process has ended. */
const DRAIN_MS = 500;

export class SupervisedProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: OutputRing;
  /** Settles when the process has ended and its output is read; its process group is being ended by then. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: Child;
  readonly #options: ProcessOptions;
  #exited = false;
  #terminating: Promise<void> | undefined;

  private constructor(child: Child, pid: number, options: ProcessOptions) {
    this.#child = child;
    this.#options = options;
    this.pid = pid;
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    this.stderr = new OutputRing(options.stderrBytes ?? 64 * 1024);
    registerGroup(pid);
    child.stdin.on('error', () => {
      // EPIPE: the process no longer reads; its end is reported by `ended`.
    });
    child.stdout.on('error', () => {});
    child.stderr.on('error', () => {});
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr.push(chunk);
      options.onStderr?.(chunk);
    });
    this.ended = this.#watch();
  }

  /** Starts the process; rejects with `UPSTREAM_UNAVAILABLE` when it cannot be started. */
  static async start(options: ProcessOptions): Promise<SupervisedProcess> {
    if (
      options.command === '' ||
      [options.command, ...(options.args ?? [])].some((part) => part.includes('\0'))
    ) {
      throw new FerroError('CONFIG_INVALID', { detail: 'command must be a non-empty string without NUL' });
    }
    return await new Promise((resolve, reject) => {
      const failed = (cause: unknown): void => {
        const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
        reject(
          new FerroError('UPSTREAM_UNAVAILABLE', {
            detail: `cannot start ${options.command}: ${code}`,
            cause,
          }),
        );
      };
      let child: Child;
      try {
        child = spawn(options.command, [...(options.args ?? [])], {
          stdio: ['pipe', 'pipe', 'pipe'],
          shell: false,
          // A group of its own, so that its children can be ended with it. Not on Windows: it would open a console.
          detached: process.platform !== 'win32',
          windowsHide: true,
          env: childEnvironment(options.env),
          ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        });
      } catch (error) {
        failed(error);
        return;
      }
      child.once('error', failed);
      child.once('spawn', () => {
        const pid = child.pid;
        if (pid === undefined) {
          failed(new Error('no process id'));
          return;
        }
        child.off('error', failed);
        child.on('error', () => {});
        resolve(new SupervisedProcess(child, pid, options));
      });
    });
  }

  get exited(): boolean {
    return this.#exited;
  }

  #watch(): Promise<ProcessEnd> {
    return new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#exited = true;
        void this.#endGroup();
        const timer = setTimeout(finish, DRAIN_MS);
        const child = this.#child;
        function finish(): void {
          clearTimeout(timer);
          // Grandchildren may hold the pipes open; what they write is not part of the protocol any more.
          child.stdin.destroy();
          child.stdout.destroy();
          child.stderr.destroy();
          resolve({ code, signal });
        }
        child.once('close', finish);
      });
    });
  }

  /** Ends whatever the process has left behind in its group. */
  async #endGroup(): Promise<void> {
    if (signalGroup(this.pid, 'SIGTERM') && !(await groupGone(this.pid, this.#options.terminateMs ?? 2000))) {
      signalGroup(this.pid, 'SIGKILL');
      await groupGone(this.pid, 1000);
    }
    unregisterGroup(this.pid);
  }

  async #exitsWithin(ms: number): Promise<boolean> {
    if (this.#exited) {
      return true;
    }
    return await new Promise((resolve) => {
      const onExit = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.#child.off('exit', onExit);
        resolve(false);
      }, ms);
      this.#child.once('exit', onExit);
    });
  }

  /**
   * Ends the process and its group; settles when nothing of it is left (or cannot be signalled). `now` skips the
   * polite part.
   */
  terminate(now = false): Promise<void> {
    if (now && !this.#exited) {
      signalGroup(this.pid, 'SIGKILL');
    }
    this.#terminating ??= this.#terminate();
    return this.#terminating;
  }

  async #terminate(): Promise<void> {
    const terminateMs = this.#options.terminateMs ?? 2000;
    this.stdin.end();
    if (!(await this.#exitsWithin(this.#options.closeMs ?? 2000))) {
      signalGroup(this.pid, 'SIGTERM');
      if (!(await this.#exitsWithin(terminateMs))) {
        signalGroup(this.pid, 'SIGKILL');
      }
    }
    // Bounded: a process stuck in the kernel does not end even on SIGKILL.
    await Promise.race([this.ended, delay(DRAIN_MS + 1000, undefined, { ref: false })]);
    if (!(await groupGone(this.pid, terminateMs))) {
      signalGroup(this.pid, 'SIGKILL');
      await groupGone(this.pid, 1000);
    }
  }
}
