import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonCodec } from '../../core/envelope.ts';
import { type ErrorCode, FerroError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { mediaType } from '../media-type.ts';
import { readBody } from './body.ts';
import type { HttpEndpoint } from './http-endpoint.ts';
import { KeepAlive } from './keep-alive.ts';
import { NodeExchange } from './node-exchange.ts';

/** Brings requests of Node's HTTP server to the endpoint: media types, body and scan. */
export class NodeIntake {
  readonly #endpoint: HttpEndpoint;
  readonly #codec: JsonCodec;
  readonly #limits: Limits;
  readonly #keepAlive: KeepAlive;

  constructor(endpoint: HttpEndpoint, codec: JsonCodec, limits: Limits) {
    this.#endpoint = endpoint;
    this.#codec = codec;
    this.#limits = limits;
    this.#keepAlive = new KeepAlive(limits);
  }

  exchange(request: IncomingMessage, response: ServerResponse): NodeExchange {
    return new NodeExchange(request, response, this.#limits, this.#keepAlive);
  }

  /** Answers a request to the MCP path; the guard has already let it pass. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const exchange = this.exchange(request, response);
    switch (request.method) {
      case 'POST':
        this.#post(exchange);
        return;
      case 'GET':
        this.#endpoint.get(exchange);
        return;
      case 'DELETE':
        this.#endpoint.delete(exchange);
        return;
      default:
        this.#endpoint.refuse(exchange, 'HTTP_METHOD');
    }
  }

  /** Reads the body of a request within the limit; one that cannot be read is answered. */
  read(exchange: NodeExchange, done: (bytes: Buffer) => void): void {
    readBody(exchange.request, this.#limits.bodyBytes, (bytes, error) => {
      if (bytes === undefined) this.#endpoint.refuse(exchange, error ?? 'INTERNAL');
      else done(bytes);
    });
  }

  #post(exchange: NodeExchange): void {
    const problem = this.#endpoint.closing ? 'SHUTTING_DOWN' : refuseMedia(exchange);
    if (problem !== undefined) {
      this.#endpoint.refuse(exchange, problem);
      return;
    }
    this.read(exchange, (bytes) => {
      const scan = this.#codec.scan(bytes, this.#limits);
      if (scan.ok) this.#endpoint.post(exchange, scan.envelope, bytes);
      else this.#endpoint.fail(exchange, new FerroError(scan.code), scan.idRaw);
    });
  }
}

function refuseMedia({ request, accepted }: NodeExchange): ErrorCode | undefined {
  const { headers } = request;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return 'HTTP_ENCODING';
  if (mediaType(headers['content-type']) !== 'application/json') return 'HTTP_MEDIA_TYPE';
  return accepted.json || accepted.sse ? undefined : 'HTTP_ACCEPT';
}
