import type { Envelope } from '../../../core/envelope.ts';
import { FerroError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import type { Limits } from '../../../core/limits.ts';
import type { ClientCapabilities, Implementation } from '../../../core/mcp.ts';
import { isLegacyRevision, LATEST_LEGACY } from '../../../core/revisions.ts';
import { Call } from '../../call.ts';
import { assertRoom, type Execution } from '../../execution.ts';
import { errorFrame, replyFrame, wireError } from '../../frames.ts';
import type { ServerIdentity } from '../../identity.ts';
import { type MethodSpec, methodExists, methodSpec } from '../../methods.ts';
import type { Outlet } from '../../outlet.ts';
import { assertProgressToken } from '../modern/meta.ts';
import type { LegacyCodec } from './codec.ts';
import { projectCapabilities } from './projection.ts';
import type { LegacySession } from './session.ts';

export interface LegacyEraDeps {
  readonly execution: Execution;
  readonly codec: LegacyCodec;
  readonly identity: ServerIdentity;
  readonly limits: Limits;
  /** Told when a session becomes ready, so that it can be sent list changes. */
  readonly onReady: (session: LegacySession) => void;
  /** The client says that its roots changed. */
  readonly onRootsChanged: (session: LegacySession) => void;
}

/** Revisions 2024-11-05 to 2025-11-25: a handshake, then requests within a session. */
export class LegacyEra {
  readonly #deps: LegacyEraDeps;

  constructor(deps: LegacyEraDeps) {
    this.#deps = deps;
  }

  /** Answers one request on its outlet. */
  request(session: LegacySession, envelope: Envelope, params: JsonObject, outlet: Outlet): void {
    const idRaw = envelope.idRaw ?? 'null';
    try {
      if (envelope.method === 'initialize') {
        this.#initialize(session, params);
        const reply = (): void => outlet.end(replyFrame(idRaw, this.#initializeResult(session)), 200);
        const pending = this.#deps.identity.pending();
        if (pending === undefined) reply();
        else pending.then(reply);
      } else if (envelope.method === 'ping') {
        outlet.end(replyFrame(idRaw, '{}'), 200);
      } else {
        this.#dispatch(session, envelope, params, idRaw, outlet);
      }
    } catch (error) {
      const wire = this.#deps.codec.encodeError(error, this.#deps.execution.deps.logger);
      outlet.end(errorFrame(idRaw, wire, 'null'), wire.http);
    }
  }

  notification(session: LegacySession, envelope: Envelope): void {
    switch (envelope.method) {
      case 'notifications/initialized':
        if (!session.negotiated || session.initialized) return;
        session.initialized = true;
        this.#deps.onReady(session);
        return;
      case 'notifications/cancelled':
        if (envelope.requestIdRaw !== undefined) session.runs.get(envelope.requestIdRaw)?.cancel();
        return;
      case 'notifications/roots/list_changed':
        if (session.initialized) this.#deps.onRootsChanged(session);
        return;
      default:
      // Unknown notifications get no answer (JSON-RPC 2.0).
    }
  }

  #initialize(session: LegacySession, params: JsonObject): void {
    if (session.negotiated) throw new FerroError('ALREADY_INITIALIZED');
    const { protocolVersion, capabilities, clientInfo } = params;
    if (typeof protocolVersion !== 'string')
      throw new FerroError('INVALID_PARAMS', { detail: 'protocolVersion' });
    if (!isJsonObject(capabilities)) throw new FerroError('INVALID_PARAMS', { detail: 'capabilities' });
    if (!isJsonObject(clientInfo) || typeof clientInfo['name'] !== 'string') {
      throw new FerroError('INVALID_PARAMS', { detail: 'clientInfo' });
    }
    session.negotiated = true;
    // An unknown version is answered with the newest we share (2025-11-25, lifecycle, Version Negotiation).
    session.revision = isLegacyRevision(protocolVersion) ? protocolVersion : LATEST_LEGACY;
    session.clientInfo = clientInfo as unknown as Implementation;
    session.clientCapabilities = capabilities as ClientCapabilities;
  }

  #initializeResult(session: LegacySession): string {
    const { identity, codec } = this.#deps;
    const result = {
      protocolVersion: session.revision,
      capabilities: projectCapabilities(identity.capabilities(), session.revision),
      serverInfo: identity.serverInfo as unknown as JsonObject,
      ...(identity.instructions === undefined ? {} : { instructions: identity.instructions }),
    };
    return codec.encode('initialize', result, session.revision);
  }

  #dispatch(
    session: LegacySession,
    envelope: Envelope,
    params: JsonObject,
    idRaw: string,
    outlet: Outlet,
  ): void {
    if (!session.negotiated) throw new FerroError('NOT_INITIALIZED');
    const { execution, codec, limits } = this.#deps;
    const spec = this.#method(envelope.method ?? '', session);
    assertRoom(session.runs, idRaw, limits);
    const meta = isJsonObject(params['_meta']) ? params['_meta'] : {};
    assertProgressToken(envelope, meta, limits);
    const call = new Call(session, envelope, params, meta, undefined, outlet, limits);
    if (spec.input === true) call.inputs = codec;
    // A disconnect is not a cancellation in this era (2025-11-25, transports): the work goes on.
    execution.start(call, spec, codec, session.runs);
  }

  #method(method: string, session: LegacySession): MethodSpec {
    const spec = methodSpec(method);
    const exists =
      spec !== undefined &&
      methodExists(spec, session.revision) &&
      (spec.capability === undefined || this.#deps.identity.capabilities()[spec.capability] !== undefined);
    if (!exists) throw new FerroError('METHOD_NOT_FOUND', { detail: method.slice(0, 100) });
    return spec;
  }

  /** Wire text of an error that has no session yet (bad JSON, unknown session). */
  failure(idRaw: string | undefined, error: unknown): { readonly text: string; readonly http: number } {
    const wire = wireError(error, this.#deps.execution.deps.logger);
    return { text: errorFrame(idRaw, wire, 'null'), http: wire.http };
  }
}
