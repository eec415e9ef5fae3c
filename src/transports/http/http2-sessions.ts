import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Limits } from '../../core/limits.ts';
import type { FrontOptions } from './front.ts';
import type { BodyBudget } from './http2-body.ts';
import { Http2Intake } from './http2-intake.ts';
import { KeepAlive } from './keep-alive.ts';
import { RateBucket } from './rate-bucket.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM } = constants;

/** Streams of one connection at a time. */
const STREAMS = 100;
const WINDOW = 64 * 1024 - 1;
const MEGABYTES = 10;
/** RFC 9113 counts so much on top of each field (6.5.2). */
const FIELD_OVERHEAD = 32;
/** More than the guard lets pass, so that it is the guard that answers. */
const PSEUDO_FIELDS = 8;
/** A connection that is to end may take so long to do so once no request is left. */
const FAREWELL_MS = 500;
const EXPULSION_MS = 100;

interface Session {
  readonly http2: ServerHttp2Session;
  readonly budget: BodyBudget;
  /** PING and SETTINGS frames, which a peer can send without end. */
  readonly frames: RateBucket;
  /** Streams that the peer has reset. */
  readonly resets: RateBucket;
  /** Requests that are not over, and since when there is none. */
  open: number;
  idleSince: number;
  served: number;
  /** When the peer last answered, and when it was asked since. */
  heardAt: number;
  pingedAt: number | undefined;
  /** It has been told to leave. */
  expelled: boolean;
}

/** The HTTP/2 connections of a front, with the bounds that Node's server does not have. */
export class Http2Sessions {
  readonly #server: Http2Server;
  readonly #limits: Limits;
  readonly #intake: Http2Intake;
  readonly #sessions = new Map<ServerHttp2Session, Session>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FrontOptions) {
    this.#limits = options.limits;
    this.#intake = new Http2Intake(options, new KeepAlive(options.limits));
    const lines = options.limits.headerLines + PSEUDO_FIELDS;
    this.#server = createServer({
      maxSessionMemory: MEGABYTES,
      maxHeaderListPairs: lines,
      maxSessionInvalidFrames: STREAMS,
      maxSessionRejectedStreams: STREAMS,
      settings: {
        enablePush: false,
        initialWindowSize: WINDOW,
        maxConcurrentStreams: STREAMS,
        maxHeaderListSize: options.limits.headerBytes + lines * FIELD_OVERHEAD,
      },
    });
    this.#server.on('session', (session) => this.#add(session));
  }

  /** Serves a connection whose first bytes are those of HTTP/2. */
  take(socket: Socket): void {
    // Sockets of HTTP/1.1 servers may be half open; a session would not notice that its peer has left.
    socket.allowHalfOpen = false;
    this.#server.emit('connection', socket);
  }

  /** Lets running requests finish. */
  stopAccepting(): void {
    for (const { http2 } of this.#sessions.values()) http2.close();
  }

  /** Ends what is still open. */
  close(): void {
    for (const { http2 } of this.#sessions.values()) http2.destroy();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #add(http2: ServerHttp2Session): void {
    const now = performance.now();
    const session: Session = {
      http2,
      budget: { bytes: 0 },
      frames: new RateBucket(1_000, 100),
      resets: new RateBucket(2 * STREAMS, 33),
      open: 0,
      idleSince: now,
      served: 0,
      heardAt: now,
      pingedAt: undefined,
      expelled: false,
    };
    this.#sessions.set(http2, session);
    // What goes wrong with a connection ends it; `close` follows.
    http2.on('error', () => {});
    http2.on('close', () => this.#sessions.delete(http2));
    http2.on('ping', () => this.#spend(session, session.frames));
    http2.on('remoteSettings', () => this.#spend(session, session.frames));
    http2.on(
      'stream',
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: readonly string[]) =>
        this.#stream(session, stream, headers, raw),
    );
    this.#timer ??= setInterval(() => this.#check(), this.#limits.connectionCheckMs).unref();
  }

  #stream(
    session: Session,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
  ): void {
    // What goes wrong with a stream ends it; `close` follows.
    stream.on('error', () => {});
    if (session.expelled) {
      stream.close(NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    }
    stream.on('aborted', () => this.#spend(session, session.resets));
    stream.on('close', () => {
      session.open -= 1;
      session.idleSince = performance.now();
      if (stream.rstCode === 0) session.resets.earn(1);
    });
    session.open += 1;
    session.served += 1;
    session.frames.earn(4);
    this.#intake.take(stream, headers, raw, session.budget);
    if (session.served >= this.#limits.requestsPerSocket) session.http2.close();
  }

  #spend(session: Session, bucket: RateBucket): void {
    const { http2 } = session;
    if (session.expelled || http2.destroyed || bucket.spend()) return;
    session.expelled = true;
    http2.goaway(NGHTTP2_ENHANCE_YOUR_CALM);
    // Ended at once, the connection would be reset, and the peer might not learn why.
    setTimeout(() => http2.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM), EXPULSION_MS).unref();
  }

  #check(): void {
    const now = performance.now();
    for (const session of this.#sessions.values()) this.#checkOne(session, now);
    if (this.#sessions.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #checkOne(session: Session, now: number): void {
    const { http2 } = session;
    const { idleMs, headersMs, keepAliveMs, writeStallMs } = this.#limits;
    const idle = session.open > 0 ? 0 : now - session.idleSince;
    const most = session.served === 0 ? headersMs : idleMs;
    if (idle >= most + FAREWELL_MS || (http2.closed && idle >= FAREWELL_MS)) http2.destroy();
    else if (idle >= most) http2.close();
    else if (session.pingedAt !== undefined && now - session.pingedAt >= writeStallMs) http2.destroy();
    else if (session.pingedAt === undefined && now - session.heardAt >= keepAliveMs) ping(session, now);
  }
}

/** Asks whether the peer is there. */
function ping(session: Session, now: number): void {
  if (session.http2.closed) return;
  session.pingedAt = now;
  session.http2.ping((error) => {
    if (error !== null) return;
    session.pingedAt = undefined;
    session.heardAt = performance.now();
  });
}
