import type { ServerCapabilities } from '../core/mcp.ts';
import type { Registry } from '../features/registry.ts';
import type { ServerOptions } from './options.ts';

/**
 * The capabilities of a server: features it has entries for, has mounted, or was told to declare. Asked at every
 * request, so computed only when something has changed.
 */
export function capabilityView(
  registry: Registry,
  options: Pick<ServerOptions, 'capabilities' | 'extensions' | 'experimental'>,
  mounted: () => ServerCapabilities,
): () => ServerCapabilities {
  let epoch = -1;
  let upstream: ServerCapabilities | undefined;
  let view: ServerCapabilities = {};
  return () => {
    const { tools, resources, templates, prompts } = registry;
    const now = tools.epoch + resources.epoch + templates.epoch + prompts.epoch;
    const mountedNow = mounted();
    if (now !== epoch || mountedNow !== upstream) {
      epoch = now;
      upstream = mountedNow;
      view = build(registry, { ...mountedNow, ...options.capabilities }, options);
    }
    return view;
  };
}

function build(
  registry: Registry,
  declared: ServerCapabilities,
  options: Pick<ServerOptions, 'extensions' | 'experimental'>,
): ServerCapabilities {
  const { tools, resources, templates, prompts } = registry;
  const completes = [tools, templates, prompts].some((catalogue) =>
    catalogue.list().some((entry) => entry.complete !== undefined),
  );
  return {
    ...declared,
    ...(tools.size > 0 || declared.tools !== undefined ? { tools: { listChanged: true } } : {}),
    ...(resources.size + templates.size > 0 || declared.resources !== undefined
      ? { resources: { listChanged: true, subscribe: true } }
      : {}),
    ...(prompts.size > 0 || declared.prompts !== undefined ? { prompts: { listChanged: true } } : {}),
    ...(completes || declared.completions !== undefined ? { completions: {} } : {}),
    logging: {},
    ...(options.extensions === undefined ? {} : { extensions: options.extensions }),
    ...(options.experimental === undefined ? {} : { experimental: options.experimental }),
  };
}
