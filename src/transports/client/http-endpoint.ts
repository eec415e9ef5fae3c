/** One HTTP origin: connections, configured headers, limits. Shared by the HTTP transports. */
import { type Dispatcher, Pool } from 'undici';
import { FerroError } from '../../core/errors.ts';
import { DEFAULT_LIMITS } from '../../core/limits.ts';
import { abandonBody } from './http-body.ts';
import type { HttpRequest, HttpResponse } from './http-exchange.ts';
import { networkFailure } from './http-failure.ts';
import { OtherVersionError } from './http2-connection.ts';
import { Http2Pool, type TlsOptions } from './http2-pool.ts';

export type HeaderSource =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

export interface HttpOptions {
  readonly url: string | URL;
  /** Sent with every request, or a function that gives them (tokens that change). */
  readonly headers?: HeaderSource;
  /** Bytes of one answer or one event, default 16 MiB. */
  readonly maxMessageBytes?: number;
  /** Connections to the server at a time, default 256; further requests wait. */
  readonly maxConnections?: number;
  /** Milliseconds to establish a connection, default 10 s. */
  readonly connectTimeoutMs?: number;
  /**
   * HTTP/2: by default where an https server chooses it (ALPN). `true`: nothing else, on http without asking first
   * (prior knowledge); `false`: never.
   */
  readonly http2?: boolean;
  readonly tls?: TlsOptions;
  /** An undici dispatcher to use instead of an own pool (proxies); not closed by the transport. HTTP/1.1 only. */
  readonly dispatcher?: Dispatcher;
}

/** Headers the protocol or the connection owns. */
const RESERVED =
  /^(?:content-type|content-length|accept|accept-encoding|host|connection|transfer-encoding|te|trailer|upgrade|expect|last-event-id|mcp-.*)$/;
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Lower-cased copy; `CONFIG_INVALID` for what must not be sent. */
function checkedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (!NAME.test(key) || !VALUE.test(value)) {
      throw new FerroError('CONFIG_INVALID', { detail: `header ${JSON.stringify(name)} is malformed` });
    }
    if (RESERVED.test(key)) {
      throw new FerroError('CONFIG_INVALID', { detail: `header ${key} is set by the protocol` });
    }
    result[key] = value;
  }
  return result;
}

function checkedUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new FerroError('CONFIG_INVALID', { detail: 'the URL of the server is malformed', cause });
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new FerroError('CONFIG_INVALID', {
      detail: `a server URL is http or https, not ${parsed.protocol}`,
    });
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new FerroError('CONFIG_INVALID', { detail: 'credentials belong into headers, not into the URL' });
  }
  return parsed;
}

export class HttpEndpoint {
  readonly url: URL;
  readonly maxMessageBytes: number;
  readonly #headers: Record<string, string> | (() => Promise<Record<string, string>>);
  readonly #dispatcher: Dispatcher;
  readonly #owned: Pool | undefined;
  readonly #http2: Http2Pool | undefined;
  /** The server has chosen HTTP/1.1. */
  #only1 = false;
  readonly #only2: boolean;

  constructor(options: HttpOptions) {
    this.url = checkedUrl(options.url);
    this.maxMessageBytes = options.maxMessageBytes ?? DEFAULT_LIMITS.resultBytes;
    const { headers = {}, tls, connectTimeoutMs = 10_000 } = options;
    this.#headers =
      typeof headers === 'function' ? async () => checkedHeaders(await headers()) : checkedHeaders(headers);
    this.#owned =
      options.dispatcher === undefined
        ? new Pool(this.url.origin, {
            connections: options.maxConnections ?? 256,
            connect: { timeout: connectTimeoutMs, ...tls },
            // Deadlines belong to the request, which knows about progress; a stream may be silent for long.
            headersTimeout: 0,
            bodyTimeout: 0,
          })
        : undefined;
    this.#dispatcher = this.#owned ?? (options.dispatcher as Dispatcher);
    const wanted = options.http2 ?? this.url.protocol === 'https:';
    this.#only2 = options.http2 === true;
    this.#http2 =
      wanted && options.dispatcher === undefined
        ? new Http2Pool(new URL(this.url.origin), { tls, connectTimeoutMs })
        : undefined;
  }

  /** One exchange; rejects with a coded error. The caller reads, discards or abandons the body. */
  async request(
    method: HttpRequest['method'],
    target: URL,
    headers: Readonly<Record<string, string>>,
    body?: string,
    signal?: AbortSignal,
  ): Promise<HttpResponse> {
    const own = typeof this.#headers === 'function' ? await this.#headers() : this.#headers;
    const request = {
      method,
      path: `${target.pathname}${target.search}`,
      headers: { ...own, ...headers },
      body,
      signal,
    };
    const response = await this.#exchange(request);
    // Errors of the body reach whoever reads it; one that is only discarded must not end the process.
    response.body.on('error', () => {});
    const encoding = response.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      abandonBody(response.body);
      throw new FerroError('UPSTREAM_PROTOCOL', { detail: 'an encoded answer was not asked for' });
    }
    return response;
  }

  async #exchange(request: HttpRequest): Promise<HttpResponse> {
    const http2 = this.#http2;
    if (http2 === undefined || this.#only1) return await this.#exchange1(request);
    try {
      return await http2.request(request);
    } catch (error) {
      if (!(error instanceof OtherVersionError)) throw error;
      if (this.#only2) {
        throw new FerroError('UPSTREAM_PROTOCOL', {
          detail: 'the server does not speak HTTP/2',
          cause: error,
        });
      }
    }
    // The server has chosen: nothing was sent to it over HTTP/2, or it has said that it did not take it.
    this.#only1 = true;
    http2.retire();
    return await this.#exchange1(request);
  }

  async #exchange1({ method, path, headers, body, signal }: HttpRequest): Promise<HttpResponse> {
    try {
      return await this.#dispatcher.request({
        origin: this.url.origin,
        path,
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      throw networkFailure(error, signal);
    }
  }

  async close(): Promise<void> {
    this.#http2?.close();
    await this.#owned?.destroy();
  }
}
