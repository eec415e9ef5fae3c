import type { Readable, Writable } from 'node:stream';
import { FerroError } from '../../core/errors.ts';
import { LOCAL_USER } from '../../core/principal.ts';
import { Connection, type ProtocolDeps } from '../../protocol/connection.ts';
import { LineReader } from '../line-reader.ts';

export interface StdioStreams {
  readonly input: Readable;
  readonly output: Writable;
}

/** Messages of one turn are written together. */
const FLUSH_BYTES = 64 * 1024;

/** Serves one peer on newline-delimited JSON: stdin and stdout, or any pair of streams. */
export class StdioServer {
  /** Settles when the peer has closed its end or the server was closed. */
  readonly done: Promise<void>;
  readonly connection: Connection;
  readonly #streams: StdioStreams;
  readonly #finish: () => void;
  #pending: string[] = [];
  #pendingSize = 0;
  #scheduled = false;
  #closed = false;

  constructor(deps: ProtocolDeps, streams: StdioStreams) {
    this.#streams = streams;
    let finish: () => void = () => {};
    this.done = new Promise((resolve) => {
      finish = resolve;
    });
    this.#finish = finish;
    this.connection = new Connection(
      deps,
      LOCAL_USER,
      (text) => this.#write(text),
      (parts) => this.#writeBytes(parts),
    );
    const reader = new LineReader(
      deps.limits.lineBytes,
      (line) => {
        // Blank lines separate nothing and mean nothing.
        if (line.length > 0) this.connection.receive(line);
      },
      () =>
        this.connection.refuse(
          new FerroError('LINE_TOO_LONG', { detail: `limit ${deps.limits.lineBytes} bytes` }),
        ),
    );
    const { input, output } = streams;
    input.on('data', (chunk: Buffer) => {
      reader.push(chunk);
      // A peer that does not read its answers gets no more questions taken.
      if (output.writableLength > deps.limits.writeBufferBytes) this.#pauseUntilDrained();
    });
    input.once('end', () => this.close());
    input.once('error', () => this.close());
    // EPIPE: the peer is gone.
    output.on('error', () => this.close());
  }

  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.connection.close();
    this.#streams.input.pause();
    this.#finish();
  }

  #pauseUntilDrained(): void {
    const { input, output } = this.#streams;
    if (input.isPaused()) return;
    input.pause();
    output.once('drain', () => input.resume());
  }

  #write(text: string): void {
    if (this.#closed) return;
    this.#pending.push(text);
    this.#pendingSize += text.length;
    if (this.#pendingSize >= FLUSH_BYTES) {
      this.#flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => this.#flush());
    }
  }

  /** Behind what waits, in parts: a line of many megabytes is not joined. */
  #writeBytes(parts: readonly Uint8Array[]): void {
    if (this.#closed) return;
    this.#flush();
    const { output } = this.#streams;
    output.cork();
    for (const part of parts) output.write(part);
    output.write('\n');
    output.uncork();
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#pending.length === 0 || this.#closed) return;
    const text = `${this.#pending.join('\n')}\n`;
    this.#pending = [];
    this.#pendingSize = 0;
    this.#streams.output.write(text);
  }
}
