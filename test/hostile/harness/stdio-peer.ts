import type { ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import { legacyRequest } from './messages.ts';
import { eventually, residentBytes, spawnTarget, type TargetOptions } from './target.ts';

export interface Reply {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: { readonly [key: string]: unknown };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** A server on stdio in a process of its own, and the raw bytes to and from it. */
export class StdioPeer {
  readonly child: ChildProcess;
  /** Complete lines of stdout, in order. */
  readonly lines: string[] = [];
  stderr = '';
  #partial: Buffer[] = [];
  #nextId = 1_000_000;

  private constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (chunk: Buffer) => this.#take(chunk));
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString('latin1');
    });
    // The process may end before it has read what we write.
    child.stdin?.on('error', () => {});
  }

  static async start(options: TargetOptions = {}): Promise<StdioPeer> {
    return new StdioPeer(await spawnTarget({ mode: 'stdio', ...options }, undefined));
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** Bytes of stdout after the last newline. */
  get unfinished(): string {
    return Buffer.concat(this.#partial).toString('utf8');
  }

  send(data: string | Buffer): void {
    this.child.stdin?.write(data);
  }

  line(text: string | Buffer): void {
    this.send(Buffer.concat([Buffer.from(text), Buffer.from('\n')]));
  }

  replies(): Reply[] {
    return this.lines.map((line) => JSON.parse(line) as Reply);
  }

  /** Sends a line and returns the first line that comes after it. */
  async ask(text: string | Buffer): Promise<string> {
    const seen = this.lines.length;
    this.line(text);
    await eventually(() => this.lines.length > seen);
    return this.lines[seen] ?? '';
  }

  /** The reply to a request, wherever it comes among other messages. */
  async request(method: string, params: object = {}): Promise<Reply> {
    this.#nextId += 1;
    const id = this.#nextId;
    this.line(legacyRequest(id, method, params));
    return this.replyTo(id);
  }

  async replyTo(id: number | string): Promise<Reply> {
    let found: Reply | undefined;
    const wanted = `"id":${JSON.stringify(id)},`;
    await eventually(() => {
      const line = this.lines.find((each) => each.includes(wanted) && !each.includes('"method"'));
      found = line === undefined ? undefined : (JSON.parse(line) as Reply);
      return found !== undefined;
    });
    return found ?? {};
  }

  async initialize(revision = '2025-11-25'): Promise<void> {
    const reply = await this.request('initialize', {
      protocolVersion: revision,
      capabilities: {},
      clientInfo: { name: 'attacker', version: '1' },
    });
    expect(reply.result?.['protocolVersion']).toBe(revision);
    this.line('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  }

  /** The same process still answers. */
  async expectAlive(): Promise<void> {
    expect(this.child.exitCode, this.stderr.slice(-2_000)).toBeNull();
    const reply = await this.request('ping');
    expect(reply.result).toEqual({});
  }

  /** Everything on stdout is one JSON-RPC message a line. */
  expectPure(): void {
    expect(this.unfinished).toBe('');
    for (const line of this.lines) {
      const message: unknown = JSON.parse(line);
      expect(Array.isArray(message) ? message[0] : message).toMatchObject({ jsonrpc: '2.0' });
    }
  }

  rss(): number {
    return residentBytes(this.pid);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }

  #take(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, start);
      if (end < 0) break;
      this.lines.push(Buffer.concat([...this.#partial, chunk.subarray(start, end)]).toString('utf8'));
      this.#partial = [];
      start = end + 1;
    }
    if (start < chunk.length) this.#partial.push(chunk.subarray(start));
  }
}
