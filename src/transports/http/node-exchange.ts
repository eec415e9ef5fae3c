import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limits } from '../../core/limits.ts';
import type { Principal } from '../../core/principal.ts';
import type { HeaderView } from '../../protocol/call.ts';
import { type Accepted, readAccept } from './accept.ts';
import type { Body, Fields, HttpExchange } from './exchange.ts';
import type { KeepAlive } from './keep-alive.ts';
import { onceClosed } from './response-end.ts';

const JSON_TYPE: Fields = ['Content-Type', 'application/json'];
const SSE_HEAD: Fields = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  // Reverse proxies must not hold events back (2026-07-28, Streamable HTTP, Receiving Messages).
  'X-Accel-Buffering',
  'no',
];

/** An exchange on Node's HTTP server. */
export class NodeExchange implements HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly principal: Principal | undefined = undefined;
  readonly #limits: Limits;
  readonly #keepAlive: KeepAlive;
  #accepted: Accepted | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, limits: Limits, keepAlive: KeepAlive) {
    this.request = request;
    this.response = response;
    this.#limits = limits;
    this.#keepAlive = keepAlive;
  }

  get target(): string {
    return this.request.url ?? '/';
  }

  get headers(): HeaderView {
    return this.request.headers;
  }

  get accepted(): Accepted {
    this.#accepted ??= readAccept(this.request.headers.accept);
    return this.#accepted;
  }

  get begun(): boolean {
    return this.response.headersSent;
  }

  reply(status: number, fields: Fields, body: Body): void {
    const { request, response } = this;
    // An unread body must not be mistaken for the next request.
    const unread = !request.complete;
    const length = lengthOf(body);
    const head: string[] = length === 0 ? [...fields] : [...JSON_TYPE, ...fields];
    if (status !== 204) head.push('Content-Length', String(length));
    if (unread) head.push('Connection', 'close');
    response.writeHead(status, head);
    if (length === 0) response.end();
    else endWith(response, body);
    this.#boundSlowReader();
    if (unread) response.once('finish', () => request.destroy());
  }

  open(fields: Fields, silent = false): void {
    const { response } = this;
    response.writeHead(200, [...SSE_HEAD, ...fields]);
    if (silent) response.flushHeaders();
    this.#keepAlive.add(response);
  }

  event(text: Body, last = false, name = 'message'): boolean {
    const { response } = this;
    if (!last && response.writableLength > this.#limits.writeBufferBytes) {
      // The client does not read: what it has not taken is all it gets.
      response.destroy();
      return false;
    }
    if (typeof text === 'string') {
      const event = `event: ${name}\ndata: ${text}\n\n`;
      if (last) response.end(event);
      else response.write(event);
    } else {
      response.cork();
      response.write(`event: ${name}\ndata: `);
      for (const part of text) response.write(part);
      if (last) response.end('\n\n');
      else response.write('\n\n');
      response.uncork();
    }
    if (last) this.#boundSlowReader();
    return true;
  }

  close(): void {
    this.response.end();
    this.#boundSlowReader();
  }

  destroy(): void {
    this.response.destroy();
  }

  onClosed(listener: () => void): void {
    onceClosed(this.response, listener);
  }

  /** A reply of which nothing is taken for a while is dropped, and its memory with it. */
  #boundSlowReader(): void {
    // Node closes the connection when neither a byte was sent nor received for so long.
    if (this.response.writableLength > 0) this.response.setTimeout(this.#limits.writeStallMs);
  }
}

function lengthOf(body: Body): number {
  if (typeof body === 'string') return Buffer.byteLength(body);
  return body.reduce((length, part) => length + part.length, 0);
}

function endWith(response: ServerResponse, body: Body): void {
  if (typeof body === 'string') {
    response.end(body);
    return;
  }
  response.cork();
  for (const part of body) response.write(part);
  response.end();
  response.uncork();
}
