import type { IncomingMessage, ServerResponse } from 'node:http';
import { FerroError } from '../../core/errors.ts';
import { secureId } from '../../core/ids.ts';
import { ANONYMOUS } from '../../core/principal.ts';
import { Connection, type ProtocolDeps } from '../../protocol/connection.ts';
import { errorFrame, wireError } from '../../protocol/frames.ts';
import { mediaType } from '../media-type.ts';
import { readBody } from './body.ts';
import type { FrontRoute } from './fastify-front.ts';
import { endJson, KeepAlive, sseEvent } from './http-outlet.ts';

interface Peer {
  readonly connection: Connection;
  readonly response: ServerResponse;
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
  readonly #keepAlive: KeepAlive;

  constructor(deps: ProtocolDeps) {
    this.#deps = deps;
    this.#keepAlive = new KeepAlive(deps.limits);
  }

  routes(): readonly FrontRoute[] {
    return [
      { method: 'GET', path: STREAM_PATH, handle: (request, response) => this.#open(request, response) },
      { method: 'POST', path: MESSAGE_PATH, handle: (request, response) => this.#message(request, response) },
    ];
  }

  close(): void {
    for (const { connection, response } of this.#peers.values()) {
      connection.close();
      response.end();
    }
  }

  #open(request: IncomingMessage, response: ServerResponse): void {
    if (this.#peers.size >= this.#deps.limits.sessions) {
      this.#refuse(request, response, new FerroError('QUOTA_SESSIONS'));
      return;
    }
    const id = secureId();
    const connection = new Connection(this.#deps, ANONYMOUS, (text) => {
      if (response.writableLength > this.#deps.limits.writeBufferBytes) response.destroy();
      else response.write(sseEvent(text));
    });
    this.#peers.set(id, { connection, response });
    response.writeHead(200, [
      'Content-Type',
      'text/event-stream',
      'Cache-Control',
      'no-cache',
      'X-Accel-Buffering',
      'no',
    ]);
    response.write(`event: endpoint\ndata: ${MESSAGE_PATH}?sessionId=${id}\n\n`);
    this.#keepAlive.add(response);
    response.once('close', () => {
      this.#peers.delete(id);
      connection.close();
    });
  }

  #message(request: IncomingMessage, response: ServerResponse): void {
    const id = new URL(request.url ?? '/', 'http://localhost').searchParams.get('sessionId') ?? '';
    const peer = this.#peers.get(id);
    if (peer === undefined) {
      this.#refuse(request, response, new FerroError('SESSION_UNKNOWN'));
      return;
    }
    if (mediaType(request.headers['content-type']) !== 'application/json') {
      this.#refuse(request, response, new FerroError('HTTP_MEDIA_TYPE'));
      return;
    }
    readBody(request, this.#deps.limits.bodyBytes, (bytes, error) => {
      if (bytes === undefined) {
        this.#refuse(request, response, new FerroError(error ?? 'INTERNAL'));
        return;
      }
      response.writeHead(202);
      response.end();
      peer.connection.receive(bytes);
    });
  }

  #refuse(request: IncomingMessage, response: ServerResponse, thrown: FerroError): void {
    const error = wireError(thrown, this.#deps.logger);
    if (!request.complete) response.setHeader('Connection', 'close');
    endJson(response, error.http, errorFrame(undefined, error, 'null'));
    if (!request.complete) response.once('finish', () => request.destroy());
  }
}
