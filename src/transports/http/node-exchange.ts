import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limits } from '../../core/limits.ts';
import type { Principal } from '../../core/principal.ts';
import type { HeaderView } from '../../protocol/call.ts';
import { type Accepted, readAccept } from './accept.ts';
import type { Body, Fields, HttpExchange } from './exchange.ts';
import type { KeepAlive } from './keep-alive.ts';
import { onceClosed } from './response-end.ts';

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
    response.writeHead(status, headOf(status, fields, length, unread));
    if (length === 0) response.end();
    else if (typeof body === 'string') endWithText(response, body, length);
    else endWithParts(response, body);
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

/** Names and values in turn, as Node takes them without copying. */
function headOf(status: number, fields: Fields, length: number, close: boolean): string[] {
  const head = length === 0 ? [] : ['Content-Type', 'application/json'];
  if (fields.length > 0) head.push(...fields);
  if (status !== 204) head.push('Content-Length', String(length));
  if (close) head.push('Connection', 'close');
  return head;
}

/**
 * Head and body in one write. `end(text)` would send an empty piece behind them, as a list of pieces, which costs as
 * much again as the rest of the reply; when all has gone out before the end there is no such piece.
 */
function endWithText(response: ServerResponse, text: string, length: number): void {
  const { socket } = response;
  // A byte a character: ASCII, for which the shorter way is the same.
  const encoding = text.length === length ? 'latin1' : 'utf8';
  if (socket === null) {
    // Waits for the replies before it.
    response.end(text, encoding);
    return;
  }
  socket.cork();
  response.write(text, encoding);
  socket.uncork();
  response.end();
}

function endWithParts(response: ServerResponse, parts: readonly Uint8Array[]): void {
  response.cork();
  for (const part of parts) response.write(part);
  response.end();
  response.uncork();
}
