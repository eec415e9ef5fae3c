import type { Envelope } from '../../core/envelope.ts';
import { type ErrorCode, FerroError } from '../../core/errors.ts';
import { secureId } from '../../core/ids.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { ANONYMOUS, type Principal } from '../../core/principal.ts';
import { isLegacyRevision, isModernRevision } from '../../core/revisions.ts';
import type { HeaderView } from '../../protocol/call.ts';
import { readParams } from '../../protocol/codec/index.ts';
import { dispatchBatch, type ProtocolDeps } from '../../protocol/connection.ts';
import { LegacySession } from '../../protocol/eras/legacy/session.ts';
import type { ModernPeer } from '../../protocol/eras/modern/era.ts';
import { unsupportedRevision } from '../../protocol/eras/modern/meta.ts';
import { errorFrame, wireError } from '../../protocol/frames.ts';
import { BatchOutlet } from '../../protocol/outlet.ts';
import { Roster } from '../../protocol/roster.ts';
import { SessionTable } from '../../runtime/sessions/session-table.ts';
import type { HttpExchange } from './exchange.ts';
import { HttpOutlet } from './http-outlet.ts';
import { SessionStreams } from './session-streams.ts';

const ALLOW = 'GET, POST, DELETE';

/** Decides who is asking. Without authentication everyone is anonymous. */
export type Authenticate = (headers: HeaderView) => Principal | undefined;

/**
 * The MCP endpoint on Streamable HTTP, all revisions on one path. Which era a request belongs to is in the request:
 * modern metadata or headers, or else a session.
 */
export class HttpEndpoint {
  readonly sessions: SessionTable<LegacySession>;
  readonly #deps: ProtocolDeps;
  readonly #authenticate: Authenticate;
  readonly #streams: SessionStreams;
  #peer: ModernPeer = { principal: ANONYMOUS, runs: undefined, key: undefined };
  /** Requests that are being answered. */
  readonly #open = new Roster<HttpOutlet>();
  #drained: (() => void) | undefined;
  #closing = false;

  constructor(deps: ProtocolDeps, authenticate: Authenticate = () => ANONYMOUS) {
    this.#deps = deps;
    this.#authenticate = authenticate;
    this.sessions = new SessionTable(deps.limits);
    this.#streams = new SessionStreams(deps.limits);
  }

  /** No new message is taken. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Answers with an error that concerns the HTTP request as a whole. */
  refuse(exchange: HttpExchange, code: ErrorCode): void {
    this.fail(exchange, new FerroError(code), undefined);
  }

  /** Refuses new requests, ends open streams, waits up to `ms` for running requests, then ends all sessions. */
  async close(ms: number): Promise<void> {
    this.#closing = true;
    for (const outlet of this.#open.members()) outlet.onDrain?.();
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.sessions.close();
  }

  /** Answers a POST whose body has been read and scanned; `bytes` are not used after this returns. */
  post(exchange: HttpExchange, envelope: Envelope, bytes: Uint8Array): void {
    if (this.#closing) {
      this.fail(exchange, new FerroError('SHUTTING_DOWN'), undefined);
      return;
    }
    const outlet = new HttpOutlet(exchange);
    try {
      const principal = exchange.principal ?? this.#authenticate(exchange.headers) ?? ANONYMOUS;
      if (speaksModern(exchange.headers, envelope))
        this.#modern(exchange, envelope, bytes, principal, outlet);
      else this.#legacy(exchange, envelope, bytes, principal, outlet);
    } catch (error) {
      this.fail(exchange, error, envelope.idRaw);
      return;
    }
    if (outlet.ended) return;
    this.#open.add(outlet);
    outlet.watch(() => {
      this.#open.delete(outlet);
      if (this.#open.size === 0) this.#drained?.();
    });
  }

  #modern(
    exchange: HttpExchange,
    envelope: Envelope,
    bytes: Uint8Array,
    principal: Principal,
    outlet: HttpOutlet,
  ): void {
    if (envelope.kind === 'batch') throw new FerroError('BATCH_UNSUPPORTED');
    // Clients send no responses in this era (2026-07-28, Streamable HTTP, Sending Messages).
    if (envelope.kind === 'response')
      throw new FerroError('ENVELOPE_SHAPE', { detail: 'a response is not expected here' });
    const version = exchange.headers['mcp-protocol-version'];
    if (envelope.protocolVersion === undefined && typeof version === 'string' && !isModernRevision(version)) {
      throw unsupportedRevision(version);
    }
    if (envelope.kind === 'notification') {
      outlet.accept();
      return;
    }
    const params = readParams(this.#deps.codec, envelope, bytes);
    this.#deps.modern.request(this.#peerOf(principal), envelope, params, outlet, exchange.headers);
  }

  /** Principals are few and the same for many requests. */
  #peerOf(principal: Principal): ModernPeer {
    if (this.#peer.principal !== principal) this.#peer = { principal, runs: undefined, key: undefined };
    return this.#peer;
  }

  #legacy(
    exchange: HttpExchange,
    envelope: Envelope,
    bytes: Uint8Array,
    principal: Principal,
    outlet: HttpOutlet,
  ): void {
    const version = exchange.headers['mcp-protocol-version'];
    if (typeof version === 'string' && !isLegacyRevision(version) && envelope.method !== 'initialize') {
      throw unsupportedRevision(version);
    }
    const fresh = envelope.method === 'initialize' && exchange.headers['mcp-session-id'] === undefined;
    const session = fresh ? this.#newSession(principal) : this.#session(exchange, principal);
    if (envelope.kind === 'batch') {
      this.#batch(session, envelope, bytes, outlet);
      return;
    }
    this.#legacyMessage(session, envelope, bytes, outlet, fresh);
    if (!fresh) return;
    if (session.negotiated) this.sessions.agreed(session);
    else session.close();
  }

  #legacyMessage(
    session: LegacySession,
    envelope: Envelope,
    bytes: Uint8Array,
    outlet: HttpOutlet,
    fresh: boolean,
  ): void {
    switch (envelope.kind) {
      case 'request':
        if (fresh) outlet.opened = session;
        this.#deps.legacy.request(session, envelope, readParams(this.#deps.codec, envelope, bytes), outlet);
        if (!outlet.ended) outlet.onEnd = this.sessions.hold(session.id);
        return;
      case 'notification':
        this.#deps.legacy.notification(session, envelope);
        outlet.accept();
        return;
      case 'response': {
        const message = this.#deps.codec.parse(bytes);
        if (!isJsonObject(message)) throw new FerroError('ENVELOPE_TYPE');
        session.response(message);
        outlet.accept();
        return;
      }
      case 'batch':
        throw new FerroError('ENVELOPE_TYPE');
    }
  }

  #batch(session: LegacySession, envelope: Envelope, bytes: Uint8Array, outlet: HttpOutlet): void {
    if (session.revision !== '2025-03-26') throw new FerroError('BATCH_UNSUPPORTED');
    const release = this.sessions.hold(session.id);
    outlet.onEnd = release;
    outlet.noReply = 202;
    const batch = new BatchOutlet(outlet);
    dispatchBatch(this.#deps, bytes, envelope.elements ?? [], batch, (element, message, member) => {
      if (element.kind === 'request') {
        this.#deps.legacy.request(session, element, paramsOf(message), member);
        return;
      }
      if (element.kind === 'notification') this.#deps.legacy.notification(session, element);
      else session.response(message);
      member.abandon();
    });
  }

  /** Opens the stream of a legacy session. */
  get(exchange: HttpExchange): void {
    try {
      const session = this.#sessionForStream(exchange);
      if (!exchange.accepted.sse) throw new FerroError('HTTP_ACCEPT');
      this.#streams.open(session, exchange, this.sessions.hold(session.id));
    } catch (error) {
      this.fail(exchange, error, undefined);
    }
  }

  /** Ends a legacy session. */
  delete(exchange: HttpExchange): void {
    try {
      this.#sessionForStream(exchange).close();
      exchange.reply(204, [], '');
    } catch (error) {
      this.fail(exchange, error, undefined);
    }
  }

  /** GET and DELETE exist in the legacy era only (2026-07-28, Streamable HTTP, Earlier Revisions). */
  #sessionForStream(exchange: HttpExchange): LegacySession {
    const version = exchange.headers['mcp-protocol-version'];
    if (typeof version === 'string') {
      if (isModernRevision(version)) throw new FerroError('HTTP_METHOD');
      if (!isLegacyRevision(version)) throw unsupportedRevision(version);
    }
    return this.#session(exchange, exchange.principal ?? this.#authenticate(exchange.headers) ?? ANONYMOUS);
  }

  #session(exchange: HttpExchange, principal: Principal): LegacySession {
    const id = exchange.headers['mcp-session-id'];
    if (id === undefined) throw new FerroError('SESSION_REQUIRED');
    const session = typeof id === 'string' ? this.sessions.find(id, principal) : undefined;
    if (session === undefined) throw new FerroError('SESSION_UNKNOWN');
    return session;
  }

  #newSession(principal: Principal): LegacySession {
    const session = new LegacySession(secureId(), principal, this.#deps.limits);
    this.sessions.add(session);
    this.#deps.onPeer(session);
    return session;
  }

  /** Answers with an error; once the answer has begun only the connection can be ended. */
  fail(exchange: HttpExchange, thrown: unknown, idRaw: string | undefined): void {
    if (exchange.begun) {
      exchange.destroy();
      return;
    }
    const error = wireError(thrown, this.#deps.logger);
    const version = exchange.headers['mcp-protocol-version'];
    const modern = typeof version === 'string' && !isLegacyRevision(version);
    const fields = error.http === 405 ? ['Allow', modern ? 'POST' : ALLOW] : [];
    exchange.reply(error.http, fields, errorFrame(idRaw, error, modern ? 'omit' : 'null'));
  }
}

function paramsOf(message: unknown): JsonObject {
  const params = isJsonObject(message) ? message['params'] : undefined;
  return isJsonObject(params) ? params : {};
}

/**
 * The body decides; headers only where the body is silent: a modern or unknown version, or a routing header, without
 * a session is a modern request that lacks its metadata.
 */
function speaksModern(headers: HeaderView, envelope: Envelope): boolean {
  if (envelope.protocolVersion !== undefined) return true;
  const version = headers['mcp-protocol-version'];
  if (typeof version === 'string') {
    if (isModernRevision(version)) return true;
    if (isLegacyRevision(version)) return false;
    return headers['mcp-session-id'] === undefined && envelope.method !== 'initialize';
  }
  return headers['mcp-method'] !== undefined && headers['mcp-session-id'] === undefined;
}
