import type { ServerResponse } from 'node:http';
import type { Limits } from '../../core/limits.ts';
import type { Outlet } from '../../protocol/outlet.ts';
import type { Accepted } from './accept.ts';

const SSE_HEAD = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  // Reverse proxies must not hold events back (2026-07-28, Streamable HTTP, Receiving Messages).
  'X-Accel-Buffering',
  'no',
];

/** Keeps quiet streams alive with comments; one timer for all of them. */
export class KeepAlive {
  readonly #streams = new Set<ServerResponse>();
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  add(response: ServerResponse): void {
    this.#streams.add(response);
    response.once('close', () => this.#remove(response));
    this.#timer ??= setInterval(() => {
      for (const stream of this.#streams) if (!stream.writableNeedDrain) stream.write(':\n\n');
    }, this.#intervalMs).unref();
  }

  #remove(response: ServerResponse): void {
    this.#streams.delete(response);
    if (this.#streams.size > 0 || this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * The reply to one POST: a JSON body when nothing precedes the result, an event stream as soon as something does.
 * Head and body go out in one write.
 */
export class HttpOutlet implements Outlet {
  readonly canStream: boolean;
  onGone: (() => void) | undefined;
  onDrain: (() => void) | undefined;
  /** Set before the reply: the session this request has created. */
  sessionId: string | undefined;
  /** Runs once when the exchange is over, however it ended. */
  onEnd: (() => void) | undefined;
  /** Answers instead of an empty stream when there is nothing to reply (a batch of notifications). */
  noReply: (() => void) | undefined;
  readonly #response: ServerResponse;
  readonly #json: boolean;
  readonly #limits: Limits;
  readonly #keepAlive: KeepAlive;
  #streaming = false;
  #ended = false;

  constructor(response: ServerResponse, accepted: Accepted, limits: Limits, keepAlive: KeepAlive) {
    this.#response = response;
    this.canStream = accepted.sse;
    this.#json = accepted.json;
    this.#limits = limits;
    this.#keepAlive = keepAlive;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Watches a reply that is not immediate: for the peer leaving, and for its end, which `settled` is told. */
  watch(settled: () => void): void {
    this.#response.once('close', () => {
      settled();
      if (this.#ended) return;
      this.#ended = true;
      this.onGone?.();
      this.onEnd?.();
    });
  }

  send(text: string): void {
    if (this.#ended || !this.canStream) return;
    const response = this.#response;
    if (response.writableLength > this.#limits.writeBufferBytes) {
      // The client does not read: what it has not taken is all it gets.
      response.destroy();
      return;
    }
    if (!this.#streaming) {
      this.#streaming = true;
      response.writeHead(200, this.#head(SSE_HEAD));
      this.#keepAlive.add(response);
    }
    response.write(sseEvent(text));
  }

  end(text: string, httpStatus: number): void {
    if (this.#ended) return;
    this.#ended = true;
    const response = this.#response;
    if (this.#streaming) {
      response.end(sseEvent(text));
    } else if (this.#json || httpStatus !== 200) {
      endJson(response, httpStatus, text, this.sessionId);
    } else {
      response.writeHead(200, this.#head(SSE_HEAD));
      response.end(sseEvent(text));
    }
    boundSlowReader(response, this.#limits);
    this.onEnd?.();
  }

  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    const response = this.#response;
    this.onEnd?.();
    if (this.noReply !== undefined && !this.#streaming) {
      this.noReply();
      return;
    }
    // A cancelled request gets no message; the exchange still has to end.
    if (!this.#streaming && this.canStream) response.writeHead(200, this.#head(SSE_HEAD));
    else if (!this.#streaming) response.writeHead(204);
    response.end();
  }

  #head(fields: readonly string[]): string[] {
    return this.sessionId === undefined ? [...fields] : [...fields, 'Mcp-Session-Id', this.sessionId];
  }
}

export function sseEvent(text: string): string {
  return `event: message\ndata: ${text}\n\n`;
}

/** A whole JSON reply in one write. */
export function endJson(response: ServerResponse, status: number, text: string, sessionId?: string): void {
  const head = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(text))];
  if (sessionId !== undefined) head.push('Mcp-Session-Id', sessionId);
  response.writeHead(status, head);
  response.end(text);
}

/** A reply that nobody takes is dropped after a while, and its memory with it. */
export function boundSlowReader(response: ServerResponse, limits: Limits): void {
  if (response.writableLength <= limits.writeBufferBytes) return;
  const timer = setTimeout(() => response.destroy(), limits.writeStallMs).unref();
  response.once('close', () => clearTimeout(timer));
  response.once('finish', () => clearTimeout(timer));
}
