import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import Fastify, { type FastifyInstance } from 'fastify';
import { type ErrorCode, FerroError } from '../../core/errors.ts';
import type { Front, FrontOptions } from './front.ts';
import { refuseRequest } from './guard.ts';
import { answerMalformed, answerOnSocket } from './malformed.ts';
import { NodeIntake } from './node-intake.ts';
import type { FrontRoute } from './routes.ts';

type RawHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Where a route keeps its raw handler. */
const HANDLER = Symbol('handler');

declare module 'fastify' {
  interface FastifyContextConfig {
    [HANDLER]?: RawHandler;
  }
}

/** The HTTP front in TypeScript: limits and guard on every request, then the endpoint, without web streams. */
export class FastifyFront implements Front {
  readonly #app: FastifyInstance;
  readonly #options: FrontOptions;
  readonly #intake: NodeIntake;
  /** The latest response on each connection: what comes behind its first byte must not be taken for a part of it. */
  readonly #responses = new WeakMap<Duplex, ServerResponse>();

  constructor(options: FrontOptions) {
    const { limits } = options;
    this.#options = options;
    this.#intake = new NodeIntake(options.endpoint, options.codec, limits);
    this.#app = Fastify({
      logger: false,
      trustProxy: false,
      bodyLimit: limits.bodyBytes,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      maxRequestsPerSocket: limits.requestsPerSocket,
      forceCloseConnections: false,
      return503OnClosing: false,
      http: {
        maxHeaderSize: limits.headerBytes,
        headersTimeout: Math.min(limits.headersMs, limits.requestMs),
        connectionsCheckingInterval: limits.connectionCheckMs,
        // The guard judges Host, and answers with a code.
        requireHostHeader: false,
        insecureHTTPParser: false,
      },
      clientErrorHandler: (error, socket) => answerMalformed(error, socket, this.#responses.get(socket)),
      frameworkErrors: (_error, request, reply) => {
        reply.hijack();
        const { raw } = request;
        const refusal = refuseRequest(raw.rawHeaders, raw.url ?? '', options.policy);
        options.endpoint.refuse(this.#intake.exchange(raw, reply.raw), refusal ?? 'HTTP_NOT_FOUND');
      },
      // Absolute-form targets that name this host are served by their path (RFC 9112, 3.2.2).
      rewriteUrl: (request) => (request.url ?? '/').replace(/^https?:\/\/[^/?#]+(?=\/)/i, ''),
    });
    this.#app.server.maxConnections = limits.connections;
    // Node hands tunnels over as bare connections, past every route.
    this.#app.server.on('connect', (_request, socket: Duplex) =>
      answerOnSocket(socket, 'HTTP_METHOD', ['Allow: POST']),
    );
    this.#routes();
  }

  /** Starts listening. @throws FerroError LISTEN_FAILED */
  async listen(port: number, host: string): Promise<{ readonly port: number }> {
    try {
      await this.#app.listen({ port, host });
    } catch (cause) {
      throw new FerroError('LISTEN_FAILED', { detail: `${host}:${port}: ${reason(cause)}`, cause });
    }
    const address = this.#app.server.address();
    return { port: typeof address === 'object' && address !== null ? address.port : port };
  }

  /** Stops accepting and drops what is still open. */
  async close(): Promise<void> {
    const { server } = this.#app;
    server.closeIdleConnections();
    const closed = this.#app.close();
    // What is still open after the drain had its chance.
    setImmediate(() => server.closeAllConnections());
    await closed;
  }

  /** No new connections from now on; running requests go on. */
  stopAccepting(): void {
    this.#app.server.close();
  }

  #routes(): void {
    const app = this.#app;
    const intake = this.#intake;
    const { endpoint, path, routes, policy } = this.#options;
    // Bodies are read by the endpoint: limit, media type and encoding are judged before a byte is kept. So a request
    // leaves the framework as soon as it is routed, before body parsing.
    app.removeAllContentTypeParsers();
    app.addHook('onRequest', (request, reply) => {
      const { raw } = request;
      reply.hijack();
      this.#responses.set(raw.socket, reply.raw);
      const refusal = refuseRequest(raw.rawHeaders, request.originalUrl, policy);
      const serve = request.routeOptions.config[HANDLER];
      const refuse = (code: ErrorCode): void => endpoint.refuse(intake.exchange(raw, reply.raw), code);
      if (refusal !== undefined) refuse(refusal);
      else if (serve === undefined) refuse(pathOf(raw.url) === path ? 'HTTP_METHOD' : 'HTTP_NOT_FOUND');
      // The router decodes; one path has one spelling.
      else if (pathOf(raw.url) !== request.routeOptions.url) refuse('HTTP_NOT_FOUND');
      else serve(raw, reply.raw);
    });
    const route = (url: string, methods: readonly string[], handle: RawHandler): void => {
      app.route({ method: [...methods], url, config: { [HANDLER]: handle }, handler: () => undefined });
    };
    route(path, ['GET', 'POST', 'DELETE'], (request, response) => intake.handle(request, response));
    for (const each of routes)
      route(each.path, [each.method], (request, response) => this.#serve(each, request, response));
    app.setErrorHandler((_error, request, reply) => {
      reply.hijack();
      endpoint.refuse(intake.exchange(request.raw, reply.raw), 'INTERNAL');
    });
  }

  #serve(route: FrontRoute, request: IncomingMessage, response: ServerResponse): void {
    const exchange = this.#intake.exchange(request, response);
    if (route.wantsBody === undefined) route.handle(exchange, undefined);
    else if (route.wantsBody(exchange)) this.#intake.read(exchange, (body) => route.handle(exchange, body));
  }
}

function pathOf(url: string | undefined): string {
  const target = url ?? '/';
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
