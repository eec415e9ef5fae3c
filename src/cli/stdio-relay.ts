import { Buffer } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';
import { ERROR_TABLE, type ErrorCode } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import { DEFAULT_LIMITS } from '../core/limits.ts';
import { LineReader } from '../transports/line-reader.ts';

type Id = string | number;

/** Lines kept while a new run starts. */
const MAX_HELD = 1_000;
const MAX_HELD_BYTES = DEFAULT_LIMITS.lineBytes;

function parse(line: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** An id that survives `JSON.parse` exactly. */
function idOf(message: JsonObject): Id | undefined {
  const { id } = message;
  if (typeof id === 'string') return id;
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : undefined;
}

const isResponse = (message: JsonObject): boolean => message['method'] === undefined;
const keyOf = (id: Id): string => JSON.stringify(id);
const encode = (message: object): Buffer => Buffer.from(`${JSON.stringify(message)}\n`);

/**
 * Stands between a client on stdio and the runs of a server that is restarted on every change. The client keeps one
 * connection: its handshake (legacy era) is repeated to each new run, and requests a run left unanswered get an error.
 */
export class StdioRelay {
  readonly #toClient: Writable;
  readonly #inFlight = new Map<string, Id>();
  #run: Writable | undefined;
  #starting = true;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #initialize: JsonObject | undefined;
  #initialized = false;
  #replayId: string | undefined;
  #runs = 0;

  constructor(toClient: Writable) {
    this.#toClient = toClient;
  }

  /** Reads the client until its stream ends. */
  fromClient(input: Readable): Promise<void> {
    return this.#read(
      input,
      (line) => this.#onClientLine(line),
      () => this.#fail(null, 'LINE_TOO_LONG', `limit ${DEFAULT_LIMITS.lineBytes} bytes`),
    );
  }

  /** A run has started: it is shown the handshake first when the client has made one. */
  attach(input: Writable, output: Readable): void {
    this.#runs += 1;
    this.#run = input;
    const run = this.#runs;
    const onTooLong = (): void =>
      void process.stderr.write('ferromcp: LINE_TOO_LONG: a line of the server was dropped\n');
    void this.#read(
      output,
      (line) => {
        if (run === this.#runs) this.#onServerLine(line);
      },
      onTooLong,
    );
    if (this.#initialize === undefined) {
      this.#release();
      return;
    }
    this.#replayId = `ferromcp-watch-${run}`;
    input.write(encode({ ...this.#initialize, id: this.#replayId }));
  }

  /** The run is about to end: what comes from the client waits for the next one. */
  pause(): void {
    this.#run = undefined;
    this.#starting = true;
  }

  /** The run ended. What it left unanswered is answered with an error; nothing is sent twice. */
  detach(): void {
    this.#run = undefined;
    this.#replayId = undefined;
    this.#starting = true;
    for (const id of this.#inFlight.values()) {
      this.#fail(id, 'CONNECTION_CLOSED', 'the server was restarted during this request');
    }
    this.#inFlight.clear();
  }

  /** No new run is under way; until the next change requests are refused instead of held. */
  idle(): void {
    this.#starting = false;
    for (const line of this.#takeHeld()) this.#refuse(line);
  }

  #read(input: Readable, onLine: (line: Buffer) => void, onTooLong: () => void): Promise<void> {
    return new Promise((resolve) => {
      const reader = new LineReader(DEFAULT_LIMITS.lineBytes, onLine, onTooLong);
      input.on('data', (chunk: Buffer) => reader.push(chunk));
      for (const event of ['end', 'error', 'close']) input.once(event, () => resolve());
    });
  }

  #onClientLine(line: Buffer): void {
    if (line.length === 0) return;
    const message = parse(line);
    if (message?.['method'] === 'initialize') this.#initialize = message;
    if (message?.['method'] === 'notifications/initialized') this.#initialized = true;
    if (this.#run === undefined || this.#replayId !== undefined) this.#hold(line);
    else this.#forward(line, message);
  }

  #forward(line: Buffer, message: JsonObject | undefined): void {
    const id = message === undefined || isResponse(message) ? undefined : idOf(message);
    if (id !== undefined) this.#inFlight.set(keyOf(id), id);
    this.#run?.write(Buffer.concat([line, Buffer.from('\n')]));
  }

  #hold(line: Buffer): void {
    const full = this.#held.length >= MAX_HELD || this.#heldBytes + line.length > MAX_HELD_BYTES;
    if (!this.#starting || full) {
      this.#refuse(line);
      return;
    }
    this.#held.push(line);
    this.#heldBytes += line.length;
  }

  #takeHeld(): readonly Buffer[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  #release(): void {
    for (const line of this.#takeHeld()) this.#forward(line, parse(line));
  }

  #refuse(line: Buffer): void {
    const message = parse(line);
    const id = message === undefined || isResponse(message) ? undefined : idOf(message);
    if (id !== undefined)
      this.#fail(id, 'UPSTREAM_UNAVAILABLE', 'the server module does not run; see its log');
  }

  #fail(id: Id | null, code: ErrorCode, detail: string): void {
    const { rpc, message } = ERROR_TABLE[code];
    this.#toClient.write(
      encode({ jsonrpc: '2.0', id, error: { code: rpc, message: `${message}: ${detail}` } }),
    );
  }

  #onServerLine(line: Buffer): void {
    if (line.length === 0) return;
    const message = parse(line);
    const id = message === undefined ? undefined : idOf(message);
    if (message !== undefined && isResponse(message) && id !== undefined) {
      if (id === this.#replayId) {
        this.#onReplayed(message);
        return;
      }
      this.#inFlight.delete(keyOf(id));
    }
    this.#toClient.write(Buffer.concat([line, Buffer.from('\n')]));
  }

  #onReplayed(message: JsonObject): void {
    this.#replayId = undefined;
    if (this.#initialized) this.#run?.write(encode({ jsonrpc: '2.0', method: 'notifications/initialized' }));
    this.#release();
    const result = message['result'];
    const capabilities = isJsonObject(result) ? result['capabilities'] : undefined;
    if (!this.#initialized || !isJsonObject(capabilities)) return;
    // What the new run offers may differ from what the client knows.
    for (const kind of ['tools', 'resources', 'prompts']) {
      const capability = capabilities[kind];
      if (isJsonObject(capability) && capability['listChanged'] === true) {
        this.#toClient.write(encode({ jsonrpc: '2.0', method: `notifications/${kind}/list_changed` }));
      }
    }
  }
}
