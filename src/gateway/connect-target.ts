import type { ClientTransport } from '../client/contract.ts';
import type { UpstreamOptions } from '../runtime/config/upstream-options.ts';
import { upstreamEnvironment } from './environment.ts';
import type { GatewayDeps, UpstreamTarget } from './target.ts';

/** A fresh transport to an upstream. */
export function connectTarget(
  setup: { readonly name: string; readonly target: UpstreamTarget; readonly options: UpstreamOptions },
  deps: GatewayDeps,
): ClientTransport {
  const { name, target, options } = setup;
  if (target.kind === 'transport') return target.createTransport();
  const complete =
    target.kind === 'stdio'
      ? { ...target, env: upstreamEnvironment(target.env, options.inheritEnv) }
      : target;
  return deps.connectUpstream(complete, {
    name,
    shutdownMs: options.shutdownMs,
    http2: options.http2,
    limits: deps.limits,
    logger: deps.logger,
  }).transport;
}
