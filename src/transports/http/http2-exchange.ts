import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Limits } from '../../core/limits.ts';
import type { Principal } from '../../core/principal.ts';
import type { HeaderView } from '../../protocol/call.ts';
import { type Accepted, readAccept } from './accept.ts';
import type { Body, Fields, HttpExchange } from './exchange.ts';
import type { KeepAlive } from './keep-alive.ts';

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;

/** An exchange on a stream of Node's HTTP/2 server. */
export class Http2Exchange implements HttpExchange {
  readonly stream: ServerHttp2Stream;
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderView;
  readonly principal: Principal | undefined = undefined;
  readonly #accept: string | undefined;
  readonly #limits: Limits;
  readonly #keepAlive: KeepAlive;
  #accepted: Accepted | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, limits: Limits, keepAlive: KeepAlive) {
    this.stream = stream;
    this.method = String(headers[':method'] ?? '');
    this.target = String(headers[':path'] ?? '');
    this.headers = headers;
    this.#accept = headers.accept;
    this.#limits = limits;
    this.#keepAlive = keepAlive;
  }

  get accepted(): Accepted {
    this.#accepted ??= readAccept(this.#accept);
    return this.#accepted;
  }

  get begun(): boolean {
    return this.stream.headersSent;
  }

  reply(status: number, fields: Fields, body: Body): void {
    const length = lengthOf(body);
    const head = this.#head(status, fields);
    if (length > 0) head['content-type'] ??= 'application/json';
    if (status !== 204) head['content-length'] = length;
    if (!this.#respond(head, length === 0)) return;
    if (length > 0) this.#endWith(body);
    this.#boundSlowReader();
  }

  open(fields: Fields): void {
    const { stream } = this;
    const head = this.#head(200, fields);
    head['content-type'] = 'text/event-stream';
    head['cache-control'] = 'no-cache, no-transform';
    // Reverse proxies must not hold events back (2026-07-28, Streamable HTTP, Receiving Messages).
    head['x-accel-buffering'] = 'no';
    if (this.#respond(head, false)) this.#keepAlive.add(stream, () => this.destroy());
  }

  event(text: Body, last = false, name = 'message'): boolean {
    const { stream } = this;
    if (!writable(stream)) return false;
    if (!last && stream.writableLength > this.#limits.writeBufferBytes) {
      // The client does not read: what it has not taken is all it gets.
      this.destroy();
      return false;
    }
    stream.cork();
    stream.write(`event: ${name}\ndata: `);
    if (typeof text === 'string') stream.write(text);
    else for (const part of text) stream.write(part);
    if (last) stream.end('\n\n');
    else stream.write('\n\n');
    stream.uncork();
    if (last) this.#boundSlowReader();
    return true;
  }

  close(): void {
    if (!writable(this.stream)) return;
    this.stream.end();
    this.#boundSlowReader();
  }

  /** Ends the stream only: others on its connection may be well. */
  destroy(): void {
    if (!this.stream.closed) this.stream.close(NGHTTP2_CANCEL);
  }

  onClosed(listener: () => void): void {
    if (this.stream.destroyed) listener();
    else this.stream.once('close', listener);
  }

  #head(status: number, fields: Fields): Record<string, string | number> {
    const head: Record<string, string | number> = { ':status': status };
    for (let i = 0; i < fields.length; i += 2) {
      const [name, value] = [fields[i], fields[i + 1]];
      if (name !== undefined && value !== undefined) head[name.toLowerCase()] = value;
    }
    return head;
  }

  /** False when nothing can or may follow. */
  #respond(head: Record<string, string | number>, endStream: boolean): boolean {
    const { stream } = this;
    // The peer may have reset the stream; its `close` has told or will tell.
    if (stream.closed || stream.destroyed || stream.headersSent) return false;
    // A body that nobody reads would keep the stream open.
    stream.once('finish', () => {
      if (!stream.readableEnded && !stream.endAfterHeaders) stream.close(NGHTTP2_NO_ERROR);
    });
    const bodiless = this.method === 'HEAD';
    stream.respond(head, { endStream: endStream || bodiless });
    return !bodiless;
  }

  #endWith(body: Body): void {
    const { stream } = this;
    if (typeof body === 'string') {
      stream.end(body);
      return;
    }
    stream.cork();
    for (const part of body) stream.write(part);
    stream.end();
    stream.uncork();
  }

  /** A reply of which nothing is taken for a while is dropped, and its memory with it. */
  #boundSlowReader(): void {
    const { stream } = this;
    if (stream.writableLength > 0) stream.setTimeout(this.#limits.writeStallMs, () => this.destroy());
  }
}

function writable(stream: ServerHttp2Stream): boolean {
  return !stream.closed && !stream.destroyed && !stream.writableEnded;
}

function lengthOf(body: Body): number {
  if (typeof body === 'string') return Buffer.byteLength(body);
  return body.reduce((length, part) => length + part.length, 0);
}
