import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { FerroError } from '../../core/errors.ts';
import type { Front, FrontOptions } from './front.ts';
import { refuseRequest } from './guard.ts';
import { Http2Sessions } from './http2-sessions.ts';
import { answerMalformed, answerOnSocket } from './malformed.ts';
import { NodeIntake } from './node-intake.ts';
import { chooseProtocol, type Take } from './preface.ts';
import type { FrontRoute } from './routes.ts';

/** The latest response on a connection: what comes behind its first byte must not be taken for a part of it. */
const LATEST = Symbol('latest response');

interface Connection extends Duplex {
  [LATEST]?: ServerResponse;
}

/** Absolute-form targets that name this host are served by their path (RFC 9112, 3.2.2). */
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]+(?=\/)/i;

/** The HTTP front on Node's own server: limits and guard on every request, then the endpoint, without web streams. */
export class NodeFront implements Front {
  readonly name = 'node';
  readonly #options: FrontOptions;
  readonly #intake: NodeIntake;
  /** One for each address: `localhost` may have two. */
  readonly #servers: Server[] = [];
  readonly #http2: Http2Sessions;
  /** Connections that have not shown which protocol they speak. */
  readonly #undecided = new Set<Socket>();

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#http2 = new Http2Sessions(options);
    this.#intake = new NodeIntake(options.endpoint, options.codec, options.limits);
  }

  async listen(port: number, host: string): Promise<{ readonly port: number }> {
    let bound: { readonly address: string; readonly port: number };
    try {
      bound = await this.#bind(port, host);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new FerroError('LISTEN_FAILED', { detail: `${host}:${port}: ${reason}`, cause });
    }
    if (host === 'localhost') await this.#bindOthers(bound.address, bound.port);
    return { port: bound.port };
  }

  async close(): Promise<void> {
    const closed = this.#servers.map(
      (server) =>
        new Promise<void>((resolve) => {
          // An error says only that it does not listen any more.
          server.close(() => resolve());
          server.closeIdleConnections();
        }),
    );
    // What is still open after the drain had its chance.
    setImmediate(() => {
      for (const server of this.#servers) server.closeAllConnections();
      this.#http2.close();
    });
    await Promise.all(closed);
  }

  stopAccepting(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#undecided) socket.destroy();
    this.#http2.stopAccepting();
  }

  async #bind(port: number, host: string): Promise<{ readonly address: string; readonly port: number }> {
    const server = this.#createServer();
    server.listen({ port, host });
    await once(server, 'listening');
    this.#servers.push(server);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address : { address: host, port };
  }

  /** A client may resolve the name to any of its addresses. One that cannot be bound is one that it cannot reach. */
  async #bindOthers(first: string, port: number): Promise<void> {
    const addresses = await lookup('localhost', { all: true }).catch(() => []);
    const others = addresses.filter(({ address }) => address !== first);
    await Promise.allSettled(others.map(({ address }) => this.#bind(port, address)));
  }

  #createServer(): Server {
    const { limits } = this.#options;
    const server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        headersTimeout: Math.min(limits.headersMs, limits.requestMs),
        requestTimeout: limits.requestMs,
        keepAliveTimeout: limits.idleMs,
        connectionsCheckingInterval: limits.connectionCheckMs,
        // The guard judges Host, and answers with a code.
        requireHostHeader: false,
        insecureHTTPParser: false,
      },
      (request, response) => this.#take(request, response),
    );
    server.maxRequestsPerSocket = limits.requestsPerSocket;
    server.maxConnections = limits.connections;
    const http1 = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket) => {
      this.#choose(socket, () => {
        for (const take of http1) Reflect.apply(take, server, [socket]);
      });
    });
    server.on('clientError', (error, socket: Connection) => answerMalformed(error, socket, socket[LATEST]));
    // Node hands tunnels over as bare connections.
    server.on('connect', (_request, socket) => answerOnSocket(socket, 'HTTP_METHOD', ['Allow: POST']));
    return server;
  }

  #choose(socket: Socket, http1: Take): void {
    const { headersMs, requestMs } = this.#options.limits;
    this.#undecided.add(socket);
    socket.once('close', () => this.#undecided.delete(socket));
    const decided =
      (take: Take): Take =>
      (chosen) => {
        this.#undecided.delete(chosen);
        take(chosen);
      };
    chooseProtocol(
      socket,
      Math.min(headersMs, requestMs),
      decided(http1),
      decided((chosen) => this.#http2.take(chosen)),
    );
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const socket: Connection = request.socket;
    socket[LATEST] = response;
    try {
      this.#route(request, response);
    } catch (error) {
      this.#options.endpoint.fail(this.#intake.exchange(request, response), error, undefined);
    }
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const { endpoint, path: endpointPath, policy, routes } = this.#options;
    const intake = this.#intake;
    const sent = request.url ?? '/';
    const refusal = refuseRequest(request.rawHeaders, sent, policy);
    if (refusal !== undefined) {
      endpoint.refuse(intake.exchange(request, response), refusal);
      return;
    }
    if (!sent.startsWith('/')) request.url = sent.replace(ABSOLUTE_FORM, '');
    const path = pathOf(request.url ?? '/');
    if (path === endpointPath) {
      intake.handle(request, response);
      return;
    }
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const route = routes.find((each) => each.path === path && each.method === method);
    const exchange = intake.exchange(request, response);
    if (route === undefined) endpoint.refuse(exchange, 'HTTP_NOT_FOUND');
    else this.#serve(route, exchange);
  }

  #serve(route: FrontRoute, exchange: ReturnType<NodeIntake['exchange']>): void {
    if (route.wantsBody === undefined) route.handle(exchange, undefined);
    else if (route.wantsBody(exchange)) this.#intake.read(exchange, (body) => route.handle(exchange, body));
  }
}

/** One path has one spelling: nothing is decoded, folded or resolved. */
function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}
