import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Envelope } from '../../core/envelope.ts';
import { type ErrorCode, FerroError } from '../../core/errors.ts';
import { secureId } from '../../core/ids.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { ANONYMOUS, type Principal } from '../../core/principal.ts';
import { isLegacyRevision, isModernRevision } from '../../core/revisions.ts';
import { dispatchBatch, type ProtocolDeps } from '../../protocol/connection.ts';
import { LegacySession } from '../../protocol/eras/legacy/session.ts';
import type { ModernPeer } from '../../protocol/eras/modern/era.ts';
import { unsupportedRevision } from '../../protocol/eras/modern/meta.ts';
import { errorFrame, wireError } from '../../protocol/frames.ts';
import { BatchOutlet } from '../../protocol/outlet.ts';
import { SessionTable } from '../../runtime/sessions/session-table.ts';
import { mediaType } from '../media-type.ts';
import { type Accepted, readAccept } from './accept.ts';
import { readBody } from './body.ts';
import { boundSlowReader, endJson, HttpOutlet, KeepAlive } from './http-outlet.ts';
import { SessionStreams } from './session-streams.ts';

const ALLOW = 'GET, POST, DELETE';

/** Decides who is asking. Without authentication everyone is anonymous. */
export type Authenticate = (request: IncomingMessage) => Principal | undefined;

/**
 * The MCP endpoint on Streamable HTTP, all revisions on one path. Which era a request belongs to is in the request:
 * modern metadata or headers, or else a session.
 */
export class HttpEndpoint {
  readonly sessions: SessionTable<LegacySession>;
  readonly #deps: ProtocolDeps;
  readonly #authenticate: Authenticate;
  readonly #keepAlive: KeepAlive;
  readonly #streams: SessionStreams;
  /** Requests that are being answered. */
  readonly #open = new Set<HttpOutlet>();
  #drained: (() => void) | undefined;
  #closing = false;

  constructor(deps: ProtocolDeps, authenticate: Authenticate = () => ANONYMOUS) {
    this.#deps = deps;
    this.#authenticate = authenticate;
    this.sessions = new SessionTable(deps.limits);
    this.#keepAlive = new KeepAlive(deps.limits);
    this.#streams = new SessionStreams(deps.limits, this.#keepAlive);
  }

  /** Answers a request to the MCP path; the guard has already let it pass. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    switch (request.method) {
      case 'POST':
        this.#post(request, response);
        return;
      case 'GET':
        this.#get(request, response);
        return;
      case 'DELETE':
        this.#delete(request, response);
        return;
      default:
        this.refuse(request, response, 'HTTP_METHOD');
    }
  }

  /** Answers with an error that concerns the HTTP request as a whole. */
  refuse(request: IncomingMessage, response: ServerResponse, code: ErrorCode): void {
    this.#fail(request, response, new FerroError(code), undefined);
  }

  /** Refuses new requests, ends open streams, waits up to `ms` for running requests, then ends all sessions. */
  async close(ms: number): Promise<void> {
    this.#closing = true;
    for (const outlet of [...this.#open]) outlet.onDrain?.();
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

  #post(request: IncomingMessage, response: ServerResponse): void {
    if (this.#closing) {
      this.refuse(request, response, 'SHUTTING_DOWN');
      return;
    }
    const { headers } = request;
    const accepted = readAccept(headers.accept);
    const problem = refuseMedia(headers, accepted);
    if (problem !== undefined) {
      this.refuse(request, response, problem);
      return;
    }
    readBody(request, this.#deps.limits.bodyBytes, (bytes, error) => {
      if (bytes === undefined) this.refuse(request, response, error ?? 'INTERNAL');
      else this.#message(request, response, bytes, accepted);
    });
  }

  #message(request: IncomingMessage, response: ServerResponse, bytes: Buffer, accepted: Accepted): void {
    const scan = this.#deps.codec.scan(bytes, this.#deps.limits);
    if (!scan.ok) {
      this.#fail(request, response, new FerroError(scan.code), scan.idRaw);
      return;
    }
    const { envelope } = scan;
    const principal = this.#authenticate(request) ?? ANONYMOUS;
    const outlet = new HttpOutlet(response, accepted, this.#deps.limits, this.#keepAlive);
    try {
      if (speaksModern(request, envelope))
        this.#modern(request, response, envelope, bytes, principal, outlet);
      else this.#legacy(request, response, envelope, bytes, principal, outlet);
    } catch (error) {
      this.#fail(request, response, error, envelope.idRaw);
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
    request: IncomingMessage,
    response: ServerResponse,
    envelope: Envelope,
    bytes: Buffer,
    principal: Principal,
    outlet: HttpOutlet,
  ): void {
    if (envelope.kind === 'batch') throw new FerroError('BATCH_UNSUPPORTED');
    // Clients send no responses in this era (2026-07-28, Streamable HTTP, Sending Messages).
    if (envelope.kind === 'response')
      throw new FerroError('ENVELOPE_SHAPE', { detail: 'a response is not expected here' });
    const version = request.headers['mcp-protocol-version'];
    if (envelope.protocolVersion === undefined && typeof version === 'string' && !isModernRevision(version)) {
      throw unsupportedRevision(version);
    }
    if (envelope.kind === 'notification') {
      accepted(response);
      return;
    }
    const message = this.#deps.codec.parse(bytes);
    const peer: ModernPeer = { principal, runs: undefined, key: undefined };
    this.#deps.modern.request(peer, envelope, paramsOf(message), outlet, request.headers);
  }

  #legacy(
    request: IncomingMessage,
    response: ServerResponse,
    envelope: Envelope,
    bytes: Buffer,
    principal: Principal,
    outlet: HttpOutlet,
  ): void {
    const version = request.headers['mcp-protocol-version'];
    if (typeof version === 'string' && !isLegacyRevision(version) && envelope.method !== 'initialize') {
      throw unsupportedRevision(version);
    }
    const fresh = envelope.method === 'initialize' && request.headers['mcp-session-id'] === undefined;
    const session = fresh ? this.#newSession(principal) : this.#session(request, principal);
    if (envelope.kind === 'batch') {
      this.#batch(session, envelope, bytes, response, outlet);
      return;
    }
    const message = this.#deps.codec.parse(bytes);
    if (!isJsonObject(message)) throw new FerroError('ENVELOPE_TYPE');
    this.#legacyMessage(session, envelope, message, outlet, fresh, () => accepted(response));
    if (fresh && !session.negotiated) session.close();
  }

  #legacyMessage(
    session: LegacySession,
    envelope: Envelope,
    message: JsonObject,
    outlet: HttpOutlet,
    fresh: boolean,
    accept: () => void,
  ): void {
    switch (envelope.kind) {
      case 'request': {
        if (fresh) outlet.opened = session;
        const release = this.sessions.hold(session.id);
        outlet.onEnd = release;
        this.#deps.legacy.request(session, envelope, paramsOf(message), outlet);
        return;
      }
      case 'notification':
        this.#deps.legacy.notification(session, envelope);
        accept();
        return;
      case 'response':
        session.response(message);
        accept();
        return;
      case 'batch':
        throw new FerroError('ENVELOPE_TYPE');
    }
  }

  #batch(
    session: LegacySession,
    envelope: Envelope,
    bytes: Buffer,
    response: ServerResponse,
    outlet: HttpOutlet,
  ): void {
    if (session.revision !== '2025-03-26') throw new FerroError('BATCH_UNSUPPORTED');
    const release = this.sessions.hold(session.id);
    outlet.onEnd = release;
    outlet.noReply = () => accepted(response);
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

  #get(request: IncomingMessage, response: ServerResponse): void {
    try {
      const session = this.#sessionForStream(request);
      if (!readAccept(request.headers.accept).sse) throw new FerroError('HTTP_ACCEPT');
      this.#streams.open(session, response, this.sessions.hold(session.id));
    } catch (error) {
      this.#fail(request, response, error, undefined);
    }
  }

  #delete(request: IncomingMessage, response: ServerResponse): void {
    try {
      this.#sessionForStream(request).close();
      response.writeHead(204);
      response.end();
    } catch (error) {
      this.#fail(request, response, error, undefined);
    }
  }

  /** GET and DELETE exist in the legacy era only (2026-07-28, Streamable HTTP, Earlier Revisions). */
  #sessionForStream(request: IncomingMessage): LegacySession {
    const version = request.headers['mcp-protocol-version'];
    if (typeof version === 'string') {
      if (isModernRevision(version)) throw new FerroError('HTTP_METHOD');
      if (!isLegacyRevision(version)) throw unsupportedRevision(version);
    }
    return this.#session(request, this.#authenticate(request) ?? ANONYMOUS);
  }

  #session(request: IncomingMessage, principal: Principal): LegacySession {
    const id = request.headers['mcp-session-id'];
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

  #fail(
    request: IncomingMessage,
    response: ServerResponse,
    thrown: unknown,
    idRaw: string | undefined,
  ): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const error = wireError(thrown, this.#deps.logger);
    const version = request.headers['mcp-protocol-version'];
    const modern = typeof version === 'string' && !isLegacyRevision(version);
    if (error.http === 405) response.setHeader('Allow', modern ? 'POST' : ALLOW);
    // An unread body must not be mistaken for the next request.
    if (!request.complete) response.setHeader('Connection', 'close');
    endJson(response, error.http, errorFrame(idRaw, error, modern ? 'omit' : 'null'));
    boundSlowReader(response, this.#deps.limits);
    if (!request.complete) response.once('finish', () => request.destroy());
  }
}

function accepted(response: ServerResponse): void {
  response.writeHead(202);
  response.end();
}

function paramsOf(message: unknown): JsonObject {
  const params = isJsonObject(message) ? message['params'] : undefined;
  return isJsonObject(params) ? params : {};
}

function refuseMedia(headers: IncomingMessage['headers'], accepted: Accepted): ErrorCode | undefined {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return 'HTTP_ENCODING';
  if (mediaType(headers['content-type']) !== 'application/json') return 'HTTP_MEDIA_TYPE';
  return accepted.json || accepted.sse ? undefined : 'HTTP_ACCEPT';
}

/**
 * The body decides; headers only where the body is silent: a modern or unknown version, or a routing header, without
 * a session is a modern request that lacks its metadata.
 */
function speaksModern(request: IncomingMessage, envelope: Envelope): boolean {
  if (envelope.protocolVersion !== undefined) return true;
  const { headers } = request;
  const version = headers['mcp-protocol-version'];
  if (typeof version === 'string') {
    if (isModernRevision(version)) return true;
    if (isLegacyRevision(version)) return false;
    return headers['mcp-session-id'] === undefined && envelope.method !== 'initialize';
  }
  return headers['mcp-method'] !== undefined && headers['mcp-session-id'] === undefined;
}
