import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { type ErrorCode, FerroError } from '../../core/errors.ts';
import { mediaType } from '../media-type.ts';
import type { FrontOptions } from './front.ts';
import { refuseRequest } from './guard.ts';
import { type BodyBudget, passOverBody, readHttp2Body } from './http2-body.ts';
import { Http2Exchange } from './http2-exchange.ts';
import type { KeepAlive } from './keep-alive.ts';

/** Judges the streams of Node's HTTP/2 server and brings them to the endpoint and the routes. */
export class Http2Intake {
  readonly #options: FrontOptions;
  readonly #keepAlive: KeepAlive;

  constructor(options: FrontOptions, keepAlive: KeepAlive) {
    this.#options = options;
    this.#keepAlive = keepAlive;
  }

  /** Answers one request; `raw` has its field lines in order, pseudo-header fields included. */
  take(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
    budget: BodyBudget,
  ): void {
    const exchange = new Http2Exchange(stream, headers, this.#options.limits, this.#keepAlive);
    this.#guarded(exchange, () => {
      const refusal = this.#refuse(exchange, headers, raw);
      if (refusal === undefined) this.#route(exchange, budget);
      else this.#answer(exchange, refusal);
    });
  }

  #guarded(exchange: Http2Exchange, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.endpoint.fail(exchange, error, undefined);
    }
  }

  /** Answers with an error, or goes on, without the body. */
  #answer(exchange: Http2Exchange, how: ErrorCode | (() => void)): void {
    const act = typeof how === 'string' ? () => this.#options.endpoint.refuse(exchange, how) : how;
    // This client waits for an answer before it sends the body.
    if (expectsContinue(exchange)) act();
    else passOverBody(exchange.stream, () => this.#guarded(exchange, act));
  }

  #refuse(
    exchange: Http2Exchange,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
  ): ErrorCode | undefined {
    const { policy, limits } = this.#options;
    const lines = raw.filter((_, index) => !(raw[index & ~1] ?? '').startsWith(':'));
    // Each line counts as it would in HTTP/1.1.
    const size = lines.reduce((sum, text) => sum + text.length + 2, 0);
    if (size > limits.headerBytes) return 'HTTP_HEADERS_TOO_LARGE';
    if (exchange.method === 'CONNECT') return 'HTTP_METHOD';
    const authority = headers[':authority'];
    const { host } = headers;
    if (typeof authority === 'string' && host === undefined) lines.push('host', authority);
    const refusal = refuseRequest(lines, exchange.target, policy);
    if (refusal === 'HTTP_HEADERS_TOO_MANY' || refusal === 'HTTP_HEADER_DUPLICATE') return refusal;
    if (typeof authority === 'string') {
      // `:authority` says the same as `Host` (RFC 9113, 8.3.1), and never who the user is.
      if (host !== undefined && host.toLowerCase() !== authority.toLowerCase()) return 'HTTP_TARGET';
      if (authority.includes('@')) return 'HTTP_TARGET';
    }
    return refusal;
  }

  #route(exchange: Http2Exchange, budget: BodyBudget): void {
    const { path: endpointPath, routes } = this.#options;
    const query = exchange.target.indexOf('?');
    const path = query < 0 ? exchange.target : exchange.target.slice(0, query);
    if (path === endpointPath) {
      this.#handle(exchange, budget);
      return;
    }
    const method = exchange.method === 'HEAD' ? 'GET' : exchange.method;
    const route = routes.find((each) => each.path === path && each.method === method);
    if (route === undefined) {
      this.#answer(exchange, 'HTTP_NOT_FOUND');
    } else if (route.wantsBody === undefined) {
      this.#answer(exchange, () => route.handle(exchange, undefined));
    } else if (route.wantsBody(exchange)) {
      this.#read(exchange, budget, (body) => route.handle(exchange, body));
    }
  }

  #handle(exchange: Http2Exchange, budget: BodyBudget): void {
    const { endpoint } = this.#options;
    switch (exchange.method) {
      case 'POST':
        this.#post(exchange, budget);
        return;
      case 'GET':
        this.#answer(exchange, () => endpoint.get(exchange));
        return;
      case 'DELETE':
        this.#answer(exchange, () => endpoint.delete(exchange));
        return;
      default:
        this.#answer(exchange, 'HTTP_METHOD');
    }
  }

  #post(exchange: Http2Exchange, budget: BodyBudget): void {
    const { endpoint, codec, limits } = this.#options;
    const problem = endpoint.closing ? 'SHUTTING_DOWN' : refuseMedia(exchange);
    if (problem !== undefined) {
      this.#answer(exchange, problem);
      return;
    }
    this.#read(exchange, budget, (bytes) => {
      const scan = codec.scan(bytes, limits);
      if (scan.ok) endpoint.post(exchange, scan.envelope, bytes);
      else endpoint.fail(exchange, new FerroError(scan.code), scan.idRaw);
    });
  }

  #read(exchange: Http2Exchange, budget: BodyBudget, take: (bytes: Buffer) => void): void {
    const { endpoint, limits } = this.#options;
    const { stream, headers } = exchange;
    if (expectsContinue(exchange)) stream.additionalHeaders({ ':status': 100 });
    const announced = Number(headers['content-length'] ?? 0);
    readHttp2Body(stream, limits, announced, budget, (bytes, error) => {
      if (bytes === undefined) endpoint.refuse(exchange, error ?? 'INTERNAL');
      else this.#guarded(exchange, () => take(bytes));
    });
  }
}

function expectsContinue({ headers, stream }: Http2Exchange): boolean {
  return String(headers['expect'] ?? '').toLowerCase() === '100-continue' && !stream.endAfterHeaders;
}

function refuseMedia({ headers, accepted }: Http2Exchange): ErrorCode | undefined {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && String(encoding).toLowerCase() !== 'identity') return 'HTTP_ENCODING';
  const type = headers['content-type'];
  if (mediaType(typeof type === 'string' ? type : undefined) !== 'application/json') return 'HTTP_MEDIA_TYPE';
  return accepted.json || accepted.sse ? undefined : 'HTTP_ACCEPT';
}
