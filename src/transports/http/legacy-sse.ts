import { FerroError } from '../../core/errors.ts';
import { secureId } from '../../core/ids.ts';
import { ANONYMOUS } from '../../core/principal.ts';
import { Connection, type ProtocolDeps } from '../../protocol/connection.ts';
import { errorFrame, wireError } from '../../protocol/frames.ts';
import { mediaType } from '../media-type.ts';
import type { HttpExchange } from './exchange.ts';
import type { FrontRoute } from './routes.ts';

interface Peer {
  readonly connection: Connection;
  readonly exchange: HttpExchange;
}

const STREAM_PATH = '/sse';
const MESSAGE_PATH = '/messages';

/**
 * The HTTP+SSE transport of revision 2024-11-05, deprecated since 2025-03-26 and therefore opt-in: one stream carries
 * everything to the client, which posts to the address the stream names first.
 */
export class LegacySseTransport {
  readonly #deps: ProtocolDeps;
  readonly #peers = new Map<string, Peer>();

  constructor(deps: ProtocolDeps) {
    this.#deps = deps;
  }

  routes(): readonly FrontRoute[] {
    return [
      { method: 'GET', path: STREAM_PATH, handle: (exchange) => this.#open(exchange) },
      {
        method: 'POST',
        path: MESSAGE_PATH,
        wantsBody: (exchange) => this.#wanted(exchange),
        handle: (exchange, body) => this.#message(exchange, body),
      },
    ];
  }

  close(): void {
    for (const { connection, exchange } of this.#peers.values()) {
      connection.close();
      exchange.close();
    }
  }

  #open(exchange: HttpExchange): void {
    if (this.#peers.size >= this.#deps.limits.sessions) {
      this.#refuse(exchange, 'QUOTA_SESSIONS');
      return;
    }
    const id = secureId();
    const connection = new Connection(this.#deps, ANONYMOUS, (text) => {
      exchange.event(text);
    });
    this.#peers.set(id, { connection, exchange });
    exchange.open([]);
    exchange.event(`${MESSAGE_PATH}?sessionId=${id}`, false, 'endpoint');
    exchange.onClosed(() => {
      this.#peers.delete(id);
      connection.close();
    });
  }

  #wanted(exchange: HttpExchange): boolean {
    if (this.#peer(exchange) === undefined) this.#refuse(exchange, 'SESSION_UNKNOWN');
    else if (mediaType(contentType(exchange)) !== 'application/json')
      this.#refuse(exchange, 'HTTP_MEDIA_TYPE');
    else return true;
    return false;
  }

  #message(exchange: HttpExchange, body: Uint8Array | undefined): void {
    // It may have left while the body came.
    const peer = this.#peer(exchange);
    if (peer === undefined || body === undefined) {
      this.#refuse(exchange, 'SESSION_UNKNOWN');
      return;
    }
    exchange.reply(202, [], '');
    peer.connection.receive(body);
  }

  #peer(exchange: HttpExchange): Peer | undefined {
    const id = new URL(exchange.target, 'http://localhost').searchParams.get('sessionId') ?? '';
    return this.#peers.get(id);
  }

  #refuse(exchange: HttpExchange, code: 'QUOTA_SESSIONS' | 'SESSION_UNKNOWN' | 'HTTP_MEDIA_TYPE'): void {
    const error = wireError(new FerroError(code), this.#deps.logger);
    exchange.reply(error.http, [], errorFrame(undefined, error, 'null'));
  }
}

function contentType(exchange: HttpExchange): string | undefined {
  const value = exchange.headers['content-type'];
  return typeof value === 'string' ? value : undefined;
}
