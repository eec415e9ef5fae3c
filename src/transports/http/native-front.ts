import { FerroError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { Logger } from '../../core/log.ts';
import { principalKey } from '../../intelligence/index.ts';
import {
  type FrontCounters,
  MIN_SLAB_BYTES,
  type NativeFrontPort,
  RECORD_KIND,
} from '../../native/front-port.ts';
import type { Front, FrontOptions } from './front.ts';
import { NativeExchange, type OpenExchanges } from './native-exchange.ts';
import { ReplySlab } from './native-replies.ts';
import { RequestSlab } from './native-requests.ts';

/** What the last replies get to leave by when everything ends. */
const LAST_REPLIES_MS = 500;
/** Replies are gathered for so long at most. */
const GATHER_MS = 1;
const U32_MAX = 0xffff_ffff;
/** Requests that may wait for JavaScript; further ones are told that the server is busy. */
const QUEUE_REQUESTS = 4_096;
const QUEUE_BYTES = 64 * 1024 * 1024;
const HTTP2_STREAMS = 100;
/** Tokens the front may know. */
const TOKENS = 10_000;
const PREPARABLE: ReadonlySet<string> = new Set([
  'server/discover',
  'ping',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
]);

/** The HTTP front of the addon; JavaScript gets what it cannot answer by itself, in batches. */
export class NativeFront implements Front {
  readonly name = 'native';
  readonly #options: FrontOptions;
  readonly #port: NativeFrontPort;
  readonly #logger: Logger;
  readonly #slab = new RequestSlab(2 * MIN_SLAB_BYTES);
  readonly #open: OpenExchanges = new Map();
  /** Ends the subscription to prepared replies. */
  #unsubscribe: (() => void) | undefined;
  #handle = 0;
  #replies: ReplySlab | undefined;

  constructor(port: NativeFrontPort, options: FrontOptions, logger: Logger) {
    this.#port = port;
    this.#options = options;
    this.#logger = logger;
  }

  listen(port: number, host: string): Promise<{ readonly port: number }> {
    const { path, routes, policy, limits } = this.#options;
    try {
      const started = this.#port.frontStart(
        {
          host: host === 'localhost' ? '127.0.0.1' : host,
          port,
          path,
          routes: routes.map((route) => ({ method: route.method, path: route.path })),
          hosts: policy.hosts === undefined ? undefined : [...policy.hosts],
          origins: [...policy.origins],
          loopbackOrigins: policy.loopbackOrigins,
          threads: 1,
          ...bounds(limits),
          authentication: false,
          tls: this.#options.tls,
        },
        () => this.#take(),
      );
      this.#handle = started.handle;
      this.#replies = new ReplySlab(this.#port, started.handle);
      this.#prepare(started.handle);
      return Promise.resolve({ port: started.port });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return Promise.reject(new FerroError('LISTEN_FAILED', { detail: `${host}:${port}: ${reason}`, cause }));
    }
  }

  stopAccepting(): void {
    this.#port.frontDrain(this.#handle, U32_MAX);
  }

  async close(): Promise<void> {
    this.#unsubscribe?.();
    this.#replies?.flush();
    await this.#port.frontStop(this.#handle, LAST_REPLIES_MS);
  }

  /** What became of the requests so far. */
  counters(): FrontCounters | undefined {
    return this.#port.frontCounters(this.#handle) ?? undefined;
  }

  /** Lets the front answer by itself what it may. */
  #prepare(handle: number): void {
    const port = this.#port;
    const { endpoint, prepared, cache } = this.#options;
    endpoint.sessions.observer = {
      opened: ({ id, principal, revision }) => {
        port.frontSessionOpened(handle, id, Buffer.from(principalKey(principal)).toString(), revision);
      },
      closed: ({ id }) => port.frontSessionClosed(handle, id),
      usedAt: ({ id }) => port.frontSessionUsedAt(handle, id),
    };
    if (cache !== undefined) port.frontSetCache(handle, cache);
    this.#unsubscribe = prepared?.subscribe((table) => port.frontSetReplies(handle, table));
  }

  #take(): void {
    const replies = this.#replies;
    if (replies === undefined) return;
    const slab = this.#slab;
    for (;;) {
      const length = this.#port.frontTake(this.#handle, slab.bytes);
      if (length <= 0) break;
      let flushed = performance.now();
      for (slab.fill(length); !slab.done; slab.next()) {
        this.#serve(slab, replies);
        const now = performance.now();
        if (now - flushed < GATHER_MS) continue;
        // A handler that takes its time must not keep back what is ready.
        flushed = now;
        replies.flush();
      }
      replies.flush();
    }
  }

  #serve(slab: RequestSlab, replies: ReplySlab): void {
    const { kind, token } = slab;
    if (kind === RECORD_KIND.gone) {
      this.#open.get(token)?.gone();
      return;
    }
    const { endpoint } = this.#options;
    const head = slab.head();
    const exchange = new NativeExchange(head, token, undefined, replies, this.#open);
    try {
      switch (kind) {
        case RECORD_KIND.message:
          this.#message(slab, exchange, token);
          return;
        case RECORD_KIND.get:
          endpoint.get(exchange);
          return;
        case RECORD_KIND.delete:
          endpoint.delete(exchange);
          return;
        default:
          this.#route(exchange, head.httpMethod);
      }
    } catch (error) {
      this.#logger.log('error', 'A request failed', { error });
      endpoint.refuse(exchange, 'INTERNAL');
    }
  }

  #message(slab: RequestSlab, exchange: NativeExchange, token: number): void {
    const bytes = slab.detached ? this.#port.frontTakeBody(this.#handle, token) : slab.body();
    // The body of a request whose peer has left meanwhile is gone with it.
    if (bytes === null) return;
    const { endpoint, prepared } = this.#options;
    const envelope = slab.envelope(bytes);
    if (envelope.method !== undefined && PREPARABLE.has(envelope.method)) prepared?.refresh();
    endpoint.post(exchange, envelope, bytes);
  }

  #route(exchange: NativeExchange, method: string): void {
    const { routes, endpoint } = this.#options;
    const query = exchange.target.indexOf('?');
    const path = query < 0 ? exchange.target : exchange.target.slice(0, query);
    const wanted = method === 'HEAD' ? 'GET' : method;
    const route = routes.find((each) => each.method === wanted && each.path === path);
    if (route === undefined) endpoint.refuse(exchange, 'HTTP_NOT_FOUND');
    else route.handle(exchange, undefined);
  }
}

function bounds(limits: Limits) {
  const whole = (value: number): number => Math.min(Math.max(Math.floor(value), 0), U32_MAX);
  return {
    headerLines: whole(limits.headerLines),
    headerBytes: whole(limits.headerBytes),
    bodyBytes: whole(limits.bodyBytes),
    jsonDepth: whole(limits.jsonDepth),
    jsonNodes: whole(limits.jsonNodes),
    jsonNumber: whole(limits.jsonNumber),
    idBytes: whole(limits.idBytes),
    methodBytes: whole(limits.methodBytes),
    batchMessages: whole(limits.batchMessages),
    headersMs: whole(limits.headersMs),
    requestMs: whole(limits.requestMs),
    idleMs: whole(limits.idleMs),
    checkMs: whole(limits.connectionCheckMs),
    writeBufferBytes: whole(limits.writeBufferBytes),
    writeStallMs: whole(limits.writeStallMs),
    connections: whole(limits.connections),
    requestsPerSocket: whole(limits.requestsPerSocket),
    keepAliveMs: whole(limits.keepAliveMs),
    streams: HTTP2_STREAMS,
    queueRequests: QUEUE_REQUESTS,
    queueBytes: QUEUE_BYTES,
    requestsPerSession: whole(limits.requestsPerPeer),
    tokens: TOKENS,
  };
}
