/**
 * Client side of the stdio transport (2026-07-28, basic/transports/stdio): a child process that speaks one message per
 * line. Whatever else it prints on stdout is dropped and counted.
 */
import type { ClientTransport } from '../../client/contract.ts';
import { IncomingMessage } from '../../client/incoming-message.ts';
import { FerroError } from '../../core/errors.ts';
import type { JsonRpcMessage } from '../../core/jsonrpc.ts';
import { DEFAULT_LIMITS } from '../../core/limits.ts';
import { LineSplitter } from '../line-reader.ts';
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

/** The line of a server's output that is being read. */
class StdoutLine {
  readonly #events: Events;
  #message: IncomingMessage | undefined;
  /** Bytes of a line that cannot be a message. */
  #noise = 0;

  constructor(events: Events) {
    this.#events = events;
  }

  push(piece: Buffer): void {
    // An empty line means nothing, with CR LF at its end neither.
    const fresh = this.#message === undefined && this.#noise === 0;
    if (fresh && piece.length === 1 && piece[0] === 0x0d) return;
    if (this.#message === undefined && (this.#noise > 0 || !mayBeMessage(piece))) {
      this.#noise += piece.length;
      return;
    }
    this.#message ??= new IncomingMessage(() => this.#events.takesBytes?.() === true);
    this.#message.push(piece);
  }

  end(): void {
    const events = this.#events;
    const message = this.#message;
    const noise = this.#noise;
    this.#message = undefined;
    this.#noise = 0;
    if (noise > 0) events.noise?.(noise + 1);
    if (message === undefined) return;
    const incoming = message.finish();
    const { arrivedAt } = message;
    if (incoming.kind === 'reply') events.reply?.(incoming.reply, {}, arrivedAt);
    else if (incoming.kind === 'noise') events.noise?.(message.size + 1);
    else for (const each of incoming.messages) events.message(each, {}, arrivedAt);
  }
}

/** Banners and log lines are told apart without decoding them: a message starts with "{" (a batch with "["). */
function mayBeMessage(bytes: Buffer): boolean {
  const first = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes[3] : bytes[0];
  return first === 0x7b || first === 0x5b || first === 0x20 || first === 0x09;
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
    const line = new StdoutLine(events);
    const reader = new LineSplitter(this.#options.maxLineBytes ?? DEFAULT_LIMITS.lineBytes, {
      piece: (bytes) => line.push(bytes),
      end: () => line.end(),
      tooLong: () => {
        reader.stop();
        connection.reason = new FerroError('LINE_TOO_LONG');
        void process.terminate(true);
      },
    });
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
