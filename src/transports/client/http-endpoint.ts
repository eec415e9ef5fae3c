/** One HTTP origin: connections, configured headers, limits. Shared by the HTTP transports. */
import { type Dispatcher, Pool } from 'undici';
import { FerroError } from '../../core/errors.ts';
import { DEFAULT_LIMITS } from '../../core/limits.ts';
import { networkFailure } from './http-failure.ts';

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
  /** An undici dispatcher to use instead of an own pool (proxy, client certificates); not closed by the transport. */
  readonly dispatcher?: Dispatcher;
}

export type HttpResponse = Dispatcher.ResponseData;

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

  constructor(options: HttpOptions) {
    this.url = checkedUrl(options.url);
    this.maxMessageBytes = options.maxMessageBytes ?? DEFAULT_LIMITS.resultBytes;
    const { headers = {} } = options;
    this.#headers =
      typeof headers === 'function' ? async () => checkedHeaders(await headers()) : checkedHeaders(headers);
    this.#owned =
      options.dispatcher === undefined
        ? new Pool(this.url.origin, {
            connections: options.maxConnections ?? 256,
            connect: { timeout: options.connectTimeoutMs ?? 10_000 },
            // Deadlines belong to the request, which knows about progress; a stream may be silent for long.
            headersTimeout: 0,
            bodyTimeout: 0,
          })
        : undefined;
    this.#dispatcher = this.#owned ?? (options.dispatcher as Dispatcher);
  }

  /** One exchange; rejects with a coded error. The caller reads or dumps the body. */
  async request(
    method: 'GET' | 'POST' | 'DELETE',
    target: URL,
    headers: Readonly<Record<string, string>>,
    body?: string,
    signal?: AbortSignal,
  ): Promise<HttpResponse> {
    const own = typeof this.#headers === 'function' ? await this.#headers() : this.#headers;
    let response: HttpResponse;
    try {
      response = await this.#dispatcher.request({
        origin: target.origin,
        path: `${target.pathname}${target.search}`,
        method,
        headers: { ...own, ...headers },
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      throw networkFailure(error, signal);
    }
    // Errors of the body reach whoever reads it; one that is only dumped must not end the process.
    response.body.on('error', () => {});
    const encoding = response.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      response.body.destroy();
      throw new FerroError('UPSTREAM_PROTOCOL', { detail: 'an encoded answer was not asked for' });
    }
    return response;
  }

  async close(): Promise<void> {
    await this.#owned?.destroy();
  }
}

/** Reads and forgets a body that does not matter, so that the connection can be used again. */
export function discard(response: HttpResponse): void {
  response.body.dump({ limit: 64 * 1024 }).catch(() => {});
}
