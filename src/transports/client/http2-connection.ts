/** One HTTP/2 connection to a server (RFC 9113): its streams, its end, and whether it still answers. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { FerroError } from '../../core/errors.ts';
import { abandonBody } from './http-body.ts';
import type { HttpRequest, HttpResponse } from './http-exchange.ts';
import { networkFailure } from './http-failure.ts';

/** The server has not carried the request out and says so: it may be sent again. */
export class UnprocessedError extends Error {}

/** The server wants another version of HTTP; nothing was carried out. */
export class OtherVersionError extends Error {}

export interface ConnectionTimes {
  /** Milliseconds between two PINGs while there are streams, and how long an answer may take. */
  readonly pingMs: number;
  readonly pingTimeoutMs: number;
  /** Milliseconds after which a connection without streams is closed. */
  readonly idleMs: number;
}

export interface ConnectionEvents {
  /** A stream may be opened that could not be before. */
  free(): void;
  /** It takes no new streams; those that are open may go on. */
  leaving(connection: Http2Connection): void;
}

const { NGHTTP2_CANCEL, NGHTTP2_HTTP_1_1_REQUIRED, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;
/** Header section of an answer. */
const HEADER_BYTES = 32 * 1024;
/** Streams a peer may have open when it names no limit (RFC 9113, 6.5.2 recommends no less). */
const UNLIMITED = 1_000;

/** Failures of `session.request()`: the connection has ended before anything was sent. */
const TOO_LATE = new Set([
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_OUT_OF_STREAMS',
  'ERR_HTTP2_STREAM_CANCEL',
]);

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException | undefined)?.code ?? '');

/** Coded error of a failed exchange that may have been carried out. */
export function http2Failure(error: unknown, rstCode: number = NGHTTP2_NO_ERROR): Error {
  if (rstCode === NGHTTP2_HTTP_1_1_REQUIRED) return new OtherVersionError();
  // The peer has sent what HTTP/2 does not allow.
  if (codeOf(error) === 'ERR_HTTP2_ERROR') {
    return new FerroError('UPSTREAM_PROTOCOL', { detail: 'the server breaks HTTP/2', cause: error });
  }
  if (rstCode !== NGHTTP2_NO_ERROR && !(error instanceof FerroError)) {
    return new FerroError('UPSTREAM_CRASHED', {
      detail: `HTTP/2 stream ended with error ${rstCode}`,
      cause: error,
    });
  }
  return networkFailure(error);
}

export class Http2Connection {
  readonly #session: ClientHttp2Session;
  readonly #times: ConnectionTimes;
  readonly #events: ConnectionEvents;
  #streams = 0;
  /** Places given to requests that are about to open their stream. */
  #reserved = 0;
  #leaving = false;
  /** Streams with a higher id were not processed. */
  #lastProcessed = Number.POSITIVE_INFINITY;
  #failure: Error | undefined;
  #ping: NodeJS.Timeout | undefined;
  #pingTimeout: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** @param session established: its peer's settings are known */
  constructor(session: ClientHttp2Session, times: ConnectionTimes, events: ConnectionEvents) {
    this.#session = session;
    this.#times = times;
    this.#events = events;
    session.on('goaway', (_code, lastStreamId) => {
      this.#lastProcessed = lastStreamId;
      this.#leave();
    });
    session.on('error', (error) => {
      this.#failure = error;
      this.#leave();
    });
    session.on('close', () => {
      this.#leave();
      this.#stopTimers();
    });
    session.on('remoteSettings', () => events.free());
    this.#becomeIdle();
  }

  /** Streams that may be opened now. */
  get free(): number {
    if (this.#leaving || this.#session.closed || this.#session.destroyed) return 0;
    const most = this.#session.remoteSettings.maxConcurrentStreams ?? UNLIMITED;
    return Math.max(0, most - this.#streams - this.#reserved);
  }

  /** Keeps a place for a {@link request} that follows. */
  reserve(): void {
    this.#reserved += 1;
  }

  /**
   * Sends a request on a stream of its own, in a place that was reserved. Rejects with a coded error, with {@link UnprocessedError} when it may be
   * sent again, or with {@link OtherVersionError}.
   */
  request(request: HttpRequest): Promise<HttpResponse> {
    const { signal, body } = request;
    this.#reserved -= 1;
    if (signal?.aborted === true) {
      return Promise.reject(new FerroError('REQUEST_CANCELLED', { cause: signal.reason }));
    }
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(
        {
          ':method': request.method,
          ':path': request.path,
          ...request.headers,
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
        },
        { endStream: body === undefined },
      );
    } catch (error) {
      return Promise.reject(TOO_LATE.has(codeOf(error)) ? new UnprocessedError() : http2Failure(error));
    }
    this.#opened(stream);
    if (body !== undefined) stream.end(body);
    return new Promise((resolve, reject) => {
      let failure: unknown;
      let answered = false;
      const onAbort = (): void => {
        stream.close(NGHTTP2_CANCEL);
        stream.destroy();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      stream.on('error', (error) => {
        failure = error;
      });
      stream.once('response', (headers) => {
        answered = true;
        // Node's own limit is kept only once the server knows of it, and looks like a reset by the server.
        if (sizeOf(headers) > HEADER_BYTES) {
          abandonBody(stream);
          reject(new FerroError('UPSTREAM_PROTOCOL', { detail: 'the header section is too large' }));
          return;
        }
        resolve({ statusCode: Number(headers[':status']), headers: plain(headers), body: stream });
      });
      stream.once('close', () => {
        signal?.removeEventListener('abort', onAbort);
        if (answered) return;
        // GOAWAY tells in a later turn what was not processed.
        setImmediate(() => reject(this.#reason(stream, failure, signal)));
      });
    });
  }

  /** Why a stream ended without a response. */
  #reason(stream: ClientHttp2Stream, failure: unknown, signal: AbortSignal | undefined): Error {
    if (signal?.aborted === true) return new FerroError('REQUEST_CANCELLED', { cause: signal.reason });
    const unsent = stream.id === undefined || TOO_LATE.has(codeOf(failure));
    if (unsent || stream.id > this.#lastProcessed || stream.rstCode === NGHTTP2_REFUSED_STREAM) {
      return new UnprocessedError();
    }
    const error = failure ?? this.#failure ?? new Error('the stream was closed');
    return http2Failure(error, stream.rstCode);
  }

  #opened(stream: ClientHttp2Stream): void {
    this.#streams += 1;
    clearTimeout(this.#idle);
    if (this.#streams === 1) {
      this.#session.ref();
      this.#ping = setInterval(() => this.#sendPing(), this.#times.pingMs).unref();
    }
    stream.once('close', () => {
      this.#streams -= 1;
      if (this.#streams === 0) this.#becomeIdle();
      this.#events.free();
    });
  }

  #becomeIdle(): void {
    this.#stopTimers();
    if (this.#session.destroyed) return;
    if (this.#leaving) {
      this.#session.close();
      return;
    }
    // An idle connection keeps no process alive.
    this.#session.unref();
    this.#idle = setTimeout(() => this.close(), this.#times.idleMs).unref();
  }

  /** A peer that is gone without a word is noticed: calls may wait for their answer for long. */
  #sendPing(): void {
    if (this.#pingTimeout !== undefined || this.#session.destroyed) return;
    this.#pingTimeout = setTimeout(() => {
      this.destroy(new FerroError('UPSTREAM_CRASHED', { detail: 'the connection does not answer (PING)' }));
    }, this.#times.pingTimeoutMs).unref();
    this.#session.ping(() => {
      clearTimeout(this.#pingTimeout);
      this.#pingTimeout = undefined;
    });
  }

  #stopTimers(): void {
    clearInterval(this.#ping);
    clearTimeout(this.#pingTimeout);
    clearTimeout(this.#idle);
    this.#pingTimeout = undefined;
  }

  #leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#events.leaving(this);
  }

  /** Ends it once its streams have. */
  close(): void {
    this.#leave();
    this.#session.close();
  }

  /** Ends it and its streams. */
  destroy(reason: Error): void {
    this.#failure = reason;
    this.#leave();
    this.#session.destroy(reason);
  }
}

function sizeOf(headers: IncomingHttpHeaders): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) bytes += name.length + String(value).length;
  return bytes;
}

function plain(headers: IncomingHttpHeaders): HttpResponse['headers'] {
  const { ':status': _, ...rest } = headers;
  return rest as HttpResponse['headers'];
}
