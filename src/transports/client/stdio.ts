/**
 * Client side of the stdio transport (2026-07-28, basic/transports/stdio): a child process that speaks one message per
 * line. Whatever else it prints on stdout is dropped and counted.
 */
import type { ClientTransport } from '../../client/contract.ts';
import { readMessages } from '../../client/message.ts';
import { FerroError } from '../../core/errors.ts';
import type { JsonRpcMessage } from '../../core/jsonrpc.ts';
import { DEFAULT_LIMITS } from '../../core/limits.ts';
import { LineReader } from '../line-reader.ts';
import { type ProcessOptions, SupervisedProcess } from '../process/supervised-process.ts';
import { encodeMessage } from './encode-message.ts';

export interface StdioTransportOptions extends ProcessOptions {
  /** Bytes one line of the server may have, default 10 MiB. A longer one ends the process (`LINE_TOO_LONG`). */
  readonly maxLineBytes?: number;
  /** Bytes that may wait for a server that does not read, default 16 MiB; then `UPSTREAM_BUSY`. */
  readonly maxQueuedBytes?: number;
}

type Events = Parameters<ClientTransport['start']>[0];

/** A running child with what belongs to it; replaced as a whole when the transport is started again. */
interface Connection {
  readonly process: SupervisedProcess;
  readonly events: Events;
  reason: Error | undefined;
}

export class StdioTransport implements ClientTransport {
  readonly kind = 'stdio';
  readonly restartable = true;
  readonly #options: StdioTransportOptions;
  #connection: Connection | undefined;
  #starting = false;
  #closing = false;
  #lastStderr = '';

  constructor(options: StdioTransportOptions) {
    this.#options = options;
  }

  /** Process id of the server, while it runs. */
  get pid(): number | undefined {
    return this.#connection?.process.pid;
  }

  /** The end of what the server (or its last incarnation) wrote to stderr; may hold secrets of the server. */
  get stderr(): string {
    return this.#connection?.process.stderr.text() ?? this.#lastStderr;
  }

  async start(events: Events): Promise<void> {
    if (this.#connection !== undefined || this.#starting) {
      throw new FerroError('INSTANCE_REUSED', { detail: 'the stdio transport is already started' });
    }
    this.#starting = true;
    this.#closing = false;
    let process: SupervisedProcess;
    try {
      process = await SupervisedProcess.start(this.#options);
    } finally {
      this.#starting = false;
    }
    if (this.#closing) {
      await process.terminate(true);
      throw new FerroError('CONNECTION_CLOSED');
    }
    const connection: Connection = { process, events, reason: undefined };
    this.#connection = connection;
    const reader = new LineReader(
      this.#options.maxLineBytes ?? DEFAULT_LIMITS.lineBytes,
      (line) => this.#receive(line, events),
      () => {
        reader.stop();
        connection.reason = new FerroError('LINE_TOO_LONG');
        void process.terminate(true);
      },
    );
    process.stdout.on('data', (chunk: Buffer) => reader.push(chunk));
    process.stdout.on('end', () => reader.end());
    void process.ended.then(({ code, signal }) => {
      this.#connection = undefined;
      this.#lastStderr = process.stderr.text();
      if (this.#closing) {
        events.closed();
        return;
      }
      const how = signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`;
      events.closed(connection.reason ?? new FerroError('UPSTREAM_CRASHED', { detail: how }));
    });
  }

  #receive(line: Buffer, events: Events): void {
    const start = line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? 3 : 0;
    const first = line[start];
    if (first === undefined) {
      return;
    }
    // Banners and log lines are told apart without decoding them: a message starts with "{" (a batch with "[").
    const messages =
      first === 0x7b || first === 0x5b || first === 0x20 || first === 0x09
        ? readMessages(line.subarray(start))
        : undefined;
    if (messages === undefined) {
      events.noise?.(line.length + 1);
      return;
    }
    for (const message of messages) {
      events.message(message, {});
    }
  }

  send(message: JsonRpcMessage): Promise<void> {
    const stdin = this.#connection?.process.stdin;
    if (stdin === undefined || !stdin.writable) {
      return Promise.reject(new FerroError('CONNECTION_CLOSED'));
    }
    if (stdin.writableLength > (this.#options.maxQueuedBytes ?? DEFAULT_LIMITS.resultBytes)) {
      return Promise.reject(
        new FerroError('UPSTREAM_BUSY', { detail: 'the server does not read its input' }),
      );
    }
    try {
      stdin.write(`${encodeMessage(message)}\n`);
    } catch (error) {
      return Promise.reject(error);
    }
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#connection?.process.terminate();
  }
}

export function stdioTransport(options: StdioTransportOptions): StdioTransport {
  return new StdioTransport(options);
}
