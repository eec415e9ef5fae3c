import type { ServerResponse } from 'node:http';
import type { Limits } from '../../core/limits.ts';
import type { Outlet } from '../../protocol/outlet.ts';
import type { Accepted } from './accept.ts';
import { onceClosed } from './response-end.ts';

const SSE_HEAD = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  // Reverse proxies must not hold events back (2026-07-28, Streamable HTTP, Receiving Messages).
  'X-Accel-Buffering',
  'no',
];

/** Keeps quiet streams alive with comments, and ends those that are not read; one timer for all of them. */
export class KeepAlive {
  /** Open streams, each with the time since when it has taken nothing, if it has not. */
  readonly #streams = new Map<ServerResponse, number | undefined>();
  readonly #intervalMs: number;
  readonly #stallMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Pick<Limits, 'keepAliveMs' | 'writeStallMs'>) {
    this.#intervalMs = limits.keepAliveMs;
    this.#stallMs = limits.writeStallMs;
  }

  add(response: ServerResponse): void {
    this.#streams.set(response, undefined);
    response.once('close', () => this.#remove(response));
    this.#timer ??= setInterval(() => this.#tick(), this.#intervalMs).unref();
  }

  #tick(): void {
    const now = performance.now();
    for (const [stream, since] of this.#streams) {
      // A stream that has ended but is not read up to its end must get no further byte.
      if (stream.writableEnded) continue;
      if (!stream.writableNeedDrain) {
        stream.write(':\n\n');
        this.#streams.set(stream, undefined);
      } else if (since === undefined) {
        this.#streams.set(stream, now);
      } else if (now - since >= this.#stallMs) {
        stream.destroy();
      }
    }
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
  /** Set before the reply: the session this request opens, named to the client once it is agreed on. */
  opened: { readonly id: string; readonly negotiated: boolean } | undefined;
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
    onceClosed(this.#response, () => {
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
      endJson(response, httpStatus, text, this.#sessionId);
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

  get #sessionId(): string | undefined {
    return this.opened?.negotiated === true ? this.opened.id : undefined;
  }

  #head(fields: readonly string[]): string[] {
    const id = this.#sessionId;
    return id === undefined ? [...fields] : [...fields, 'Mcp-Session-Id', id];
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

/** A reply of which nothing is taken for a while is dropped, and its memory with it. */
export function boundSlowReader(response: ServerResponse, limits: Limits): void {
  // Node closes the connection when neither a byte was sent nor received for so long.
  if (response.writableLength > 0) response.setTimeout(limits.writeStallMs);
}
