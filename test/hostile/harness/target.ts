import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Limits } from '../../../src/core/limits.ts';
import { loadNative } from '../../../src/native/loader.ts';
import { call, legacyRequest, post } from './messages.ts';
import { RawConnection, type RawResponse } from './raw-connection.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PROGRAM = fileURLToPath(new URL('./server-program.mjs', import.meta.url));
/** Text that handlers put into what must not leave the process. */
export const CANARY = 'canary-5f2c9b';
/** "Alive": the same process answers within a second, with room for a machine that is busy with other suites. */
const ALIVE_MS = 10_000;
const START_MS = 60_000;

export type CodecName = 'native' | 'js';

/** The codecs to attack: both, unless the addon is switched off or cannot be had. */
export const CODECS: readonly CodecName[] = loadNative().status.loaded ? ['native', 'js'] : ['js'];

export interface TargetOptions {
  readonly codec?: CodecName;
  readonly limits?: Partial<Limits>;
  readonly listen?: Readonly<Record<string, unknown>>;
  /** Hex of the key that seals states and cursors; by default each target has its own. */
  readonly secret?: string;
}

/** What the handlers of the target have done so far. */
export interface TargetState {
  readonly effects: number;
  readonly started: readonly string[];
  readonly aborted: readonly string[];
  readonly finished: readonly string[];
  readonly afterAbort: number;
}

let built: Promise<void> | undefined;

/** Compiles `src/` when `dist/` is older: targets run what users run. */
function ensureBuilt(): Promise<void> {
  built ??= import(join(ROOT, 'scripts/lib/bootstrap.mjs')).then(
    (lib: { bootstrap(options: { env: NodeJS.ProcessEnv }): Promise<void> }) =>
      lib.bootstrap({ env: { ...process.env, FERROMCP_NATIVE: '0' } }),
  );
  return built;
}

export async function spawnTarget(
  options: TargetOptions & { readonly mode: 'http' | 'stdio' },
  stdio: 'ipc' | undefined = 'ipc',
): Promise<ChildProcess> {
  await ensureBuilt();
  return spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'pipe', ...(stdio === undefined ? [] : [stdio])],
  });
}

/** A server on HTTP in a process of its own. */
export class HttpTarget {
  readonly child: ChildProcess;
  readonly port: number;
  #output = '';

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
    const keep = (chunk: Buffer): void => {
      this.#output += chunk.toString('latin1');
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  static async start(options: TargetOptions = {}): Promise<HttpTarget> {
    const child = await spawnTarget({ mode: 'http', ...options });
    const port = await new Promise<number>((resolve, reject) => {
      let stderr = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        stderr += chunk.toString();
      });
      const timer = setTimeout(() => reject(new Error('the target did not start')), START_MS);
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        act();
      };
      child.once('exit', () => settle(() => reject(new Error(`the target ended: ${stderr}`))));
      child.once('message', (message) => settle(() => resolve((message as { port: number }).port)));
    });
    return new HttpTarget(child, port);
  }

  /** Everything the process has printed. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }

  async state(): Promise<TargetState> {
    const answer = new Promise<TargetState>((resolve) => {
      this.child.once('message', (message) => resolve((message as { state: TargetState }).state));
    });
    this.child.send('state');
    return answer;
  }

  connect(): Promise<RawConnection> {
    return RawConnection.open(this.port);
  }

  /** One request on a connection of its own, and whether the server closed it afterwards. */
  async exchange(bytes: string | Buffer): Promise<RawResponse & { readonly closed: boolean }> {
    const connection = await this.connect();
    try {
      connection.write(bytes);
      const response = await connection.response();
      return { ...response, closed: connection.closed };
    } finally {
      connection.destroy();
    }
  }

  /** The answer to one posted body. */
  async post(
    body: string | Buffer,
    headers: Readonly<Record<string, string | undefined>> = {},
  ): Promise<RawResponse> {
    return this.exchange(post(this.port, body, headers));
  }

  /** Opens a legacy session and returns its id. */
  async session(revision = '2025-11-25', capabilities: object = {}): Promise<string> {
    const response = await this.post(
      legacyRequest(1, 'initialize', {
        protocolVersion: revision,
        capabilities,
        clientInfo: { name: 'attacker', version: '1' },
      }),
    );
    expect(response.status).toBe(200);
    const id = response.headers.get('mcp-session-id');
    if (id === undefined) throw new Error('the target gave no session');
    const confirmed = await this.post('{"jsonrpc":"2.0","method":"notifications/initialized"}', {
      'Mcp-Session-Id': id,
    });
    expect(confirmed.status).toBe(202);
    return id;
  }

  /** The control request: the same process still answers, soon. */
  async expectAlive(): Promise<void> {
    expect(this.child.exitCode, this.#output.slice(-2_000)).toBeNull();
    const { body, headers } = call('echo', { control: true });
    const late = delay(ALIVE_MS, undefined, { ref: false }).then(() => {
      throw new Error('the target does not answer');
    });
    const response = await Promise.race([this.post(body, headers), late]);
    expect(response.status).toBe(200);
    expect(response.body).toContain('{\\"control\\":true}');
  }

  /** Open sockets of the process, listening ones and those of the control channel included. */
  sockets(): number {
    const folder = `/proc/${this.pid}/fd`;
    return readdirSync(folder).filter((fd) => {
      try {
        return readlinkSync(join(folder, fd)).startsWith('socket:');
      } catch {
        // Closed while we were looking.
        return false;
      }
    }).length;
  }

  /** Resident memory in bytes. */
  rss(): number {
    return residentBytes(this.pid);
  }
}

export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (match === null) throw new Error(`process ${pid} has no VmRSS`);
  return Number(match[1]) * 1024;
}

/** Polls until `check` holds. */
export async function eventually(check: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await check())) {
    if (performance.now() > end) throw new Error('did not happen in time');
    await delay(20);
  }
}
