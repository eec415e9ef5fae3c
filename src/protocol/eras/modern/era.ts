import type { Envelope } from '../../../core/envelope.ts';
import { FerroError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Limits } from '../../../core/limits.ts';
import type { ServerCapabilities } from '../../../core/mcp.ts';
import { META } from '../../../core/revisions.ts';
import { Call, type HeaderView } from '../../call.ts';
import { assertRoom, type Execution } from '../../execution.ts';
import { errorFrame, wireError } from '../../frames.ts';
import type { InputRequired } from '../../input-required.ts';
import { type MethodSpec, methodExists, methodSpec } from '../../methods.ts';
import type { Outlet } from '../../outlet.ts';
import type { Runs } from '../../runs.ts';
import type { ModernCodec } from './codec.ts';
import { assertHeadersAgree } from './headers.ts';
import type { ModernInputs } from './input.ts';
import { type ModernOrigin, type PeerIdentity, readOrigin } from './meta.ts';

/** The peer of a modern request: on HTTP each request stands alone, on stdio the connection remembers what runs. */
export interface ModernPeer extends PeerIdentity {
  /** Running requests (stdio, in-memory); undefined on HTTP, where a closed stream is the cancellation. */
  readonly runs: Runs | undefined;
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
    const { execution, codec, inputs } = this.#deps;
    let spec: MethodSpec;
    let call: Call;
    let repeated: InputRequired | undefined;
    try {
      const origin = this.#origin(peer, envelope, params, headers);
      spec = this.#method(envelope.method ?? '', origin.revision);
      if (peer.runs !== undefined) assertRoom(peer.runs, envelope.idRaw ?? 'null', this.#deps.limits);
      call = new Call(origin, envelope, params, origin.meta, headers, outlet, this.#deps.limits);
      if (spec.input === true) repeated = inputs.open(call);
    } catch (error) {
      const wire = wireError(error, execution.deps.logger);
      outlet.end(errorFrame(envelope.idRaw ?? 'null', wire, 'omit'), wire.http);
      return;
    }
    execution.start(call, spec, codec, peer.runs, repeated);
  }

  /** `notifications/cancelled` (stdio). Unknown and finished ids are ignored (2026-07-28, cancellation). */
  notification(peer: ModernPeer, envelope: Envelope): void {
    if (envelope.method !== 'notifications/cancelled' || envelope.requestIdRaw === undefined) return;
    peer.runs?.get(envelope.requestIdRaw)?.cancel();
  }

  #origin(
    peer: ModernPeer,
    envelope: Envelope,
    params: JsonObject,
    headers: HeaderView | undefined,
  ): ModernOrigin {
    if (envelope.protocolVersion === undefined) {
      throw new FerroError('META_MISSING', { detail: META.protocolVersion });
    }
    if (headers !== undefined) assertHeadersAgree(headers, envelope);
    return readOrigin(peer, envelope, params, this.#deps.limits);
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
}
