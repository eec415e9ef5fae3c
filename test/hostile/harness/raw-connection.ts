import { connect, type Socket } from 'node:net';

/** Longer than any wait of a sound server; reaching it fails the test. */
const WAIT_MS = 20_000;

export interface RawResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

interface Head {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** First byte after the head. */
  readonly end: number;
}

/** A TCP connection to the server, without any HTTP client that would mend what we break. */
export class RawConnection {
  readonly socket: Socket;
  closed = false;
  #received: Buffer[] = [];
  #size = 0;
  /** Bytes the response being received has at least, once its head tells. */
  #needed = 0;
  #waiting = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#size += chunk.length;
      this.#wake();
    });
    // A reset is one of the ways a server closes.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
    socket.on('end', () => this.#wake());
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawConnection(socket)));
    });
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): Buffer {
    const all = Buffer.concat(this.#received);
    this.#received = [all];
    return all;
  }

  get text(): string {
    return this.bytes.toString('utf8');
  }

  write(data: string | Buffer): void {
    if (!this.socket.destroyed) this.socket.write(data);
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Ends the connection without farewell, as a client that dies does. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Waits until `check` holds; the connection's end is also waited for. */
  async until(what: string, check: () => boolean, ms = WAIT_MS): Promise<void> {
    const end = performance.now() + ms;
    while (!check()) {
      const left = end - performance.now();
      if (left <= 0)
        throw new Error(`${what}: not within ${ms} ms; received ${this.text.slice(0, 500) || 'nothing'}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** The server has closed its side, by FIN or reset. */
  async untilClosed(): Promise<void> {
    await this.until('closed by the server', () => this.closed || this.socket.readableEnded);
  }

  /** The next whole response. Taken out of what was received, so that the one after it can be asked for. */
  async response(): Promise<RawResponse> {
    await this.until(
      'a response',
      () => this.closed || (this.#size >= this.#needed && this.#parse() !== undefined),
    );
    const parsed = this.#parse();
    if (parsed === undefined)
      throw new Error(`closed without a whole response: ${JSON.stringify(this.text.slice(0, 500))}`);
    const { response, end } = parsed;
    const rest = this.bytes.subarray(end);
    this.#received = [rest];
    this.#size = rest.length;
    this.#needed = 0;
    return response;
  }

  /** The head of an event stream. */
  async streamHead(): Promise<{
    readonly status: number;
    readonly headers: ReadonlyMap<string, string>;
  }> {
    await this.until('a response head', () => headOf(this.bytes) !== undefined || this.closed);
    const head = headOf(this.bytes);
    if (head === undefined) throw new Error('closed without a response head');
    return head;
  }

  /** The `data:` of every event received so far. */
  events(): string[] {
    return [...this.text.matchAll(/^data: (.*)$/gm)].map((match) => match[1] ?? '');
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  #parse(): { readonly response: RawResponse; readonly end: number } | undefined {
    const { bytes } = this;
    const head = headOf(bytes);
    if (head === undefined) return undefined;
    const { status, headers, end } = head;
    const length = headers.get('content-length');
    if (length !== undefined) {
      const whole = end + Number(length);
      this.#needed = whole;
      if (bytes.length < whole) return undefined;
      return { response: { status, headers, body: bytes.toString('utf8', end, whole) }, end: whole };
    }
    if (headers.get('transfer-encoding') === 'chunked') {
      const chunked = dechunk(bytes, end);
      if (chunked === undefined) return undefined;
      return { response: { status, headers, body: chunked.body }, end: chunked.end };
    }
    if (status === 202 || status === 204) return { response: { status, headers, body: '' }, end };
    if (!this.closed && !this.socket.readableEnded) return undefined;
    return { response: { status, headers, body: bytes.toString('utf8', end) }, end: bytes.length };
  }
}

function headOf(bytes: Buffer): Head | undefined {
  const blank = bytes.indexOf('\r\n\r\n');
  if (blank < 0) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, blank).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3})/.exec(first)?.[1];
  if (status === undefined) throw new Error(`not a status line: ${JSON.stringify(first)}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  if (status === '100') {
    const rest = headOf(bytes.subarray(blank + 4));
    return rest === undefined ? undefined : { ...rest, end: rest.end + blank + 4 };
  }
  return { status: Number(status), headers, end: blank + 4 };
}

function dechunk(bytes: Buffer, start: number): { readonly body: string; readonly end: number } | undefined {
  const parts: Buffer[] = [];
  let at = start;
  for (;;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    const next = line + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return { body: Buffer.concat(parts).toString('utf8'), end: next };
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = next;
  }
}
