import type { ClientTransport } from '../client/contract.ts';
import { FerroError } from '../core/errors.ts';
import type { Registry } from '../features/registry.ts';
import type { UpstreamOptions } from '../runtime/config/upstream-options.ts';
import type { GatewayDeps, UpstreamTarget } from './target.ts';
import { createUpstreams, type Upstreams } from './upstreams.ts';

/** What can be mounted: a program to start, a URL, or a maker of transports (a server in the same process). */
export type UpstreamSpec =
  | {
      readonly command: string;
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly cwd?: string;
    }
  | {
      readonly url: string | URL;
      readonly headers?: Readonly<Record<string, string>>;
      readonly transport?: 'auto' | 'streamable-http' | 'sse';
    }
  | { readonly createTransport: () => ClientTransport }
  | (() => ClientTransport);

const mounted = new WeakMap<Registry, Upstreams>();

/** @throws FerroError CONFIG_INVALID */
export function toTarget(spec: UpstreamSpec): UpstreamTarget {
  if (typeof spec === 'function') return { kind: 'transport', createTransport: spec };
  if ('createTransport' in spec) {
    return { kind: 'transport', createTransport: () => spec.createTransport() };
  }
  if ('command' in spec) {
    if (typeof spec.command !== 'string' || spec.command === '') {
      throw new FerroError('CONFIG_INVALID', { detail: 'command must be a non-empty string' });
    }
    return {
      kind: 'stdio',
      command: spec.command,
      args: spec.args ?? [],
      env: spec.env ?? {},
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    };
  }
  const url = String(spec.url);
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new FerroError('CONFIG_INVALID', { detail: 'url must be an http: or https: URL' });
  }
  return { kind: 'http', url, headers: spec.headers ?? {}, transport: spec.transport ?? 'auto' };
}

/**
 * Adds an upstream to a registry under `name`. All upstreams of a registry share one {@link Upstreams}, which is
 * returned: it must be closed with the server.
 */
export function mountUpstream(
  registry: Registry,
  name: string,
  spec: UpstreamSpec,
  deps: GatewayDeps,
  options: Partial<UpstreamOptions> = {},
): Upstreams {
  let upstreams = mounted.get(registry);
  if (upstreams === undefined) {
    upstreams = createUpstreams({ servers: [] }, deps);
    upstreams.attach(registry);
    mounted.set(registry, upstreams);
  }
  upstreams.mount(name, toTarget(spec), options);
  return upstreams;
}
