import type { Envelope } from '../../../core/envelope.ts';
import { idKey } from '../../../core/envelope.ts';
import { FerroError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Limits } from '../../../core/limits.ts';
import type { ServerCapabilities } from '../../../core/mcp.ts';
import type { Principal } from '../../../core/principal.ts';
import { Call, type HeaderView } from '../../call.ts';
import type { Execution, Run } from '../../execution.ts';
import { errorFrame, wireError } from '../../frames.ts';
import { type MethodSpec, methodExists, methodSpec } from '../../methods.ts';
import type { Outlet } from '../../outlet.ts';
import type { ModernCodec } from './codec.ts';
import { assertHeadersAgree } from './headers.ts';
import type { ModernInputs } from './input.ts';
import { readRequestMeta } from './meta.ts';

/** The peer of a modern request: on HTTP each request stands alone, on stdio the connection remembers what runs. */
export interface ModernPeer {
  readonly principal: Principal;
  /** Running requests by id key (stdio, in-memory); undefined on HTTP, where a closed stream is the cancellation. */
  readonly runs: Map<string, Run> | undefined;
  /** Stable for a connection; undefined = every request is a peer of its own. */
  readonly key: string | undefined;
}

export interface ModernEraDeps {
  readonly execution: Execution;
  readonly codec: ModernCodec;
  readonly inputs: ModernInputs;
  readonly limits: Limits;
  readonly capabilities: () => ServerCapabilities;
}

/** Revision 2026-07-28: every request stands alone. */
export class ModernEra {
  readonly #deps: ModernEraDeps;

  constructor(deps: ModernEraDeps) {
    this.#deps = deps;
  }

  /** Answers one request on its outlet. `headers` are given on HTTP, where they must agree with the body. */
  request(
    peer: ModernPeer,
    envelope: Envelope,
    params: JsonObject,
    outlet: Outlet,
    headers?: HeaderView,
  ): void {
    const idRaw = envelope.idRaw ?? 'null';
    let run: { readonly call: Call; readonly spec: MethodSpec };
    try {
      run = this.#admit(peer, envelope, params, idRaw, outlet, headers);
    } catch (error) {
      const wire = wireError(error, this.#deps.execution.deps.logger);
      outlet.end(errorFrame(idRaw, wire, 'omit'), wire.http);
      return;
    }
    this.#start(peer, run.call, run.spec, idRaw, outlet);
  }

  /** `notifications/cancelled` (stdio). Unknown and finished ids are ignored (2026-07-28, cancellation). */
  notification(peer: ModernPeer, envelope: Envelope): void {
    if (envelope.method !== 'notifications/cancelled' || envelope.requestIdRaw === undefined) return;
    peer.runs?.get(idKey(envelope.requestIdRaw))?.cancel();
  }

  #admit(
    peer: ModernPeer,
    envelope: Envelope,
    params: JsonObject,
    idRaw: string,
    outlet: Outlet,
    headers: HeaderView | undefined,
  ): { readonly call: Call; readonly spec: MethodSpec } {
    const method = envelope.method ?? '';
    if (envelope.protocolVersion === undefined) {
      throw new FerroError('META_MISSING', { detail: 'io.modelcontextprotocol/protocolVersion' });
    }
    if (headers !== undefined) assertHeadersAgree(headers, envelope);
    const meta = readRequestMeta(envelope, params, this.#deps.limits);
    const spec = this.#method(method, meta.revision);
    if (peer.runs?.has(idKey(idRaw)) === true) throw new FerroError('REQUEST_DUPLICATE_ID');
    if (peer.runs !== undefined && peer.runs.size >= this.#deps.limits.requestsPerPeer) {
      throw new FerroError('QUOTA_REQUESTS');
    }
    const origin = {
      revision: meta.revision,
      principal: peer.principal,
      peerKey: peer.key,
      clientInfo: meta.clientInfo,
      clientCapabilities: meta.clientCapabilities,
    };
    const init = {
      method,
      params,
      meta: meta.raw,
      idRaw,
      progressTokenRaw: envelope.progressTokenRaw,
      logLevel: meta.logLevel,
      headers,
      session: undefined,
    };
    return { call: new Call(origin, init, outlet, this.#deps.limits), spec };
  }

  #method(method: string, revision: Parameters<typeof methodExists>[1]): MethodSpec {
    const spec = methodSpec(method);
    const exists =
      spec !== undefined &&
      methodExists(spec, revision) &&
      (spec.capability === undefined || this.#deps.capabilities()[spec.capability] !== undefined);
    if (!exists) throw new FerroError('METHOD_NOT_FOUND', { detail: method.slice(0, 100) });
    return spec;
  }

  #start(peer: ModernPeer, call: Call, spec: MethodSpec, idRaw: string, outlet: Outlet): void {
    const { execution, codec, inputs } = this.#deps;
    const { runs } = peer;
    const key = runs === undefined ? '' : idKey(idRaw);
    if (spec.input === true) {
      let round: ReturnType<ModernInputs['open']>;
      try {
        round = inputs.open(call);
      } catch (error) {
        const wire = wireError(error, execution.deps.logger);
        outlet.end(errorFrame(idRaw, wire, 'omit'), wire.http);
        return;
      }
      call.input = round;
      const { repeated } = round;
      const run = execution.prepare(call, spec, codec, runs && (() => runs.delete(key)));
      round.onSuspend = (outcome) => run.settle(outcome);
      runs?.set(key, run);
      outlet.onGone = () => run.cancel();
      if (repeated !== undefined) run.settle(repeated);
      else execution.begin(run);
      return;
    }
    const run = execution.prepare(call, spec, codec, runs && (() => runs.delete(key)));
    runs?.set(key, run);
    outlet.onGone = () => run.cancel();
    execution.begin(run);
  }
}
