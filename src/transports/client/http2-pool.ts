/** Requests to one origin over HTTP/2: as few connections as the server's limits allow. */
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { FerroError } from '../../core/errors.ts';
import type { HttpRequest, HttpResponse } from './http-exchange.ts';
import { networkFailure } from './http-failure.ts';
import {
  type ConnectionTimes,
  Http2Connection,
  http2Failure,
  OtherVersionError,
  UnprocessedError,
} from './http2-connection.ts';

/** What a TLS connection is made with besides the address. */
export interface TlsOptions {
  /** Certificates of authorities to trust instead of Node's. */
  readonly ca?: string | Buffer;
  /** Our own certificate and its key. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface Http2PoolOptions extends Partial<ConnectionTimes> {
  readonly tls?: TlsOptions | undefined;
  /** Milliseconds until a connection must be usable. */
  readonly connectTimeoutMs: number;
  /** Connections at a time, default 4; one more is made only when those there are take no more streams. */
  readonly connections?: number;
  /** Requests that may wait for a stream, default 1,024; more are refused with `UPSTREAM_BUSY`. */
  readonly waiting?: number;
}

/** Before anything was sent a connection that breaks is one that cannot be made. */
function unsent(error: Error): Error {
  return error instanceof FerroError && error.code === 'UPSTREAM_CRASHED'
    ? new FerroError('UPSTREAM_UNAVAILABLE', { detail: error.detail ?? 'HTTP/2', cause: error })
    : error;
}

interface Waiting {
  take(connection: Http2Connection): void;
  refuse(error: Error): void;
}

const TIMES: ConnectionTimes = { pingMs: 30_000, pingTimeoutMs: 10_000, idleMs: 60_000 };
/** Attempts for a request that the server says it has not processed. */
const ATTEMPTS = 3;
/** So many bytes of one answer, and of all together, may be on the way to us. */
const STREAM_WINDOW = 1024 * 1024;
const CONNECTION_WINDOW = 16 * 1024 * 1024;
const SESSION_MEGABYTES = 64;

export class Http2Pool {
  readonly #origin: URL;
  readonly #options: Http2PoolOptions;
  readonly #times: ConnectionTimes;
  /** Those that take streams. */
  readonly #connections = new Set<Http2Connection>();
  readonly #all = new Set<Http2Connection>();
  readonly #queue = new Set<Waiting>();
  readonly #sockets = new Set<Socket>();
  #connecting = 0;
  /** Why nothing more is taken. */
  #closed: Error | undefined;

  constructor(origin: URL, options: Http2PoolOptions) {
    this.#origin = origin;
    this.#options = options;
    const { pingMs, pingTimeoutMs, idleMs } = { ...TIMES, ...options };
    this.#times = { pingMs, pingTimeoutMs, idleMs };
  }

  /** Connections there are, those that take no more requests included. */
  get connections(): number {
    return this.#all.size;
  }

  /**
   * One exchange. Rejects with a coded error, or with {@link OtherVersionError} when the server does not speak HTTP/2.
   * A request is sent again only when the server has said that it was not processed.
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    for (let attempt = 1; ; attempt += 1) {
      const connection = await this.#connection(request.signal);
      try {
        return await connection.request(request);
      } catch (error) {
        if (!(error instanceof UnprocessedError)) throw error;
        if (attempt === ATTEMPTS) {
          throw new FerroError('UPSTREAM_BUSY', {
            detail: 'the server refuses streams (HTTP/2)',
            cause: error,
          });
        }
      }
    }
  }

  /** A connection that takes a stream now. */
  #connection(signal: AbortSignal | undefined): Promise<Http2Connection> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (signal?.aborted === true) {
      return Promise.reject(new FerroError('REQUEST_CANCELLED', { cause: signal.reason }));
    }
    if (this.#queue.size === 0) {
      const free = this.#free();
      if (free !== undefined) {
        free.reserve();
        return Promise.resolve(free);
      }
    }
    if (this.#queue.size >= (this.#options.waiting ?? 1_024)) {
      return Promise.reject(
        new FerroError('UPSTREAM_BUSY', { detail: 'too many requests wait for a stream' }),
      );
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#queue.delete(waiting);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void =>
        waiting.refuse(new FerroError('REQUEST_CANCELLED', { cause: signal?.reason }));
      const waiting: Waiting = {
        take: (connection) => {
          leave();
          connection.reserve();
          resolve(connection);
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.add(waiting);
      this.#grow();
    });
  }

  #free(): Http2Connection | undefined {
    for (const connection of this.#connections) if (connection.free > 0) return connection;
    return undefined;
  }

  /** Gives those who wait what there is, first come first served. */
  #serve(): void {
    for (const waiting of [...this.#queue]) {
      const free = this.#free();
      if (free === undefined) break;
      waiting.take(free);
    }
    this.#grow();
  }

  /** One more connection when those there are (or come) do not do. */
  #grow(): void {
    const most = this.#options.connections ?? 4;
    if (
      this.#queue.size === 0 ||
      this.#closed !== undefined ||
      this.#connecting > 0 ||
      this.#connections.size >= most
    )
      return;
    this.#connecting += 1;
    this.#open().then(
      (connection) => {
        this.#connecting -= 1;
        if (this.#closed !== undefined) connection.destroy(this.#closed);
        else this.#serve();
      },
      (error: Error) => {
        this.#connecting -= 1;
        // Others go on where there still is a connection.
        if (this.#connections.size > 0) return;
        for (const waiting of [...this.#queue]) waiting.refuse(error);
      },
    );
  }

  async #open(): Promise<Http2Connection> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#options.connectTimeoutMs);
    try {
      const socket = await this.#socket(late.signal);
      return await this.#establish(socket, late.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #socket(late: AbortSignal): Promise<Socket> {
    const { protocol, hostname, port } = this.#origin;
    const host = hostname.replace(/^\[|\]$/g, '');
    const secure = protocol === 'https:';
    const address = { host, port: Number(port === '' ? (secure ? 443 : 80) : port) };
    return new Promise((resolve, reject) => {
      const socket = secure
        ? connectTls({
            ...address,
            ...(isIP(host) === 0 ? { servername: host } : {}),
            ...this.#options.tls,
            ALPNProtocols: ['h2', 'http/1.1'],
          })
        : connectTcp(address);
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.setNoDelay(true);
      const onLate = (): void => {
        socket.destroy();
        reject(new FerroError('UPSTREAM_UNAVAILABLE', { detail: 'connecting took too long' }));
      };
      late.addEventListener('abort', onLate, { once: true });
      socket.once('error', (error) => reject(unsent(networkFailure(error))));
      socket.once('close', () =>
        reject(new FerroError('UPSTREAM_UNAVAILABLE', { detail: 'connection closed' })),
      );
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        late.removeEventListener('abort', onLate);
        if ('alpnProtocol' in socket && socket.alpnProtocol !== 'h2') {
          reject(new OtherVersionError());
          socket.destroy();
          return;
        }
        resolve(socket);
      });
    });
  }

  /** HTTP/2 on a connected socket; settles once the server's settings are there, so that its limits are known. */
  #establish(socket: Socket, late: AbortSignal): Promise<Http2Connection> {
    return new Promise((resolve, reject) => {
      const session = connectHttp2(this.#origin, {
        createConnection: () => socket,
        maxSessionMemory: SESSION_MEGABYTES,
        settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
      });
      const fail = (error: Error): void => {
        late.removeEventListener('abort', onLate);
        session.destroy();
        reject(error);
      };
      const onLate = (): void =>
        fail(new FerroError('UPSTREAM_PROTOCOL', { detail: 'the server does not begin to speak HTTP/2' }));
      const onError = (error: unknown): void => {
        fail(unsent(http2Failure(error)));
      };
      const onClose = (): void =>
        fail(new FerroError('UPSTREAM_UNAVAILABLE', { detail: 'connection closed' }));
      late.addEventListener('abort', onLate, { once: true });
      session.on('error', onError);
      session.once('close', onClose);
      session.once('remoteSettings', () => {
        late.removeEventListener('abort', onLate);
        session.off('close', onClose);
        session.setLocalWindowSize(CONNECTION_WINDOW);
        const connection = new Http2Connection(session, this.#times, {
          free: () => this.#serve(),
          leaving: (left) => {
            this.#connections.delete(left);
            this.#grow();
          },
        });
        this.#all.add(connection);
        this.#connections.add(connection);
        session.off('error', onError);
        session.once('close', () => this.#all.delete(connection));
        resolve(connection);
      });
    });
  }

  /** Takes nothing more: who waits is told to use another version of HTTP, what runs may end. */
  retire(): void {
    this.#closed ??= new OtherVersionError();
    for (const waiting of [...this.#queue]) waiting.refuse(this.#closed);
    for (const connection of [...this.#all]) connection.close();
  }

  /** Ends every connection and refuses who waits. */
  close(): void {
    const reason = new FerroError('CONNECTION_CLOSED');
    this.#closed ??= reason;
    for (const waiting of [...this.#queue]) waiting.refuse(reason);
    for (const connection of [...this.#all]) connection.destroy(reason);
    for (const socket of this.#sockets) socket.destroy();
  }
}
