import type { ServerCapabilities } from '../core/mcp.ts';
import type { Registry } from '../features/registry.ts';
import type { ServerOptions } from './options.ts';

/** The capabilities of a server, computed again only when something has changed: they are asked at every request. */
export class CapabilityView {
  readonly #registry: Registry;
  readonly #options: Pick<ServerOptions, 'capabilities' | 'extensions' | 'experimental'>;
  readonly #mounted: () => ServerCapabilities;
  #epoch = -1;
  #view: ServerCapabilities = {};

  /** @param mounted capabilities that upstreams add; they change with their entries */
  constructor(
    registry: Registry,
    options: Pick<ServerOptions, 'capabilities' | 'extensions' | 'experimental'>,
    mounted: () => ServerCapabilities,
  ) {
    this.#registry = registry;
    this.#options = options;
    this.#mounted = mounted;
  }

  /** Features a server has are those it has entries for, has mounted, or was told to declare. */
  get current(): ServerCapabilities {
    const { epoch } = this.#registry;
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#view = build(
        this.#registry,
        { ...this.#mounted(), ...this.#options.capabilities },
        this.#options,
      );
    }
    return this.#view;
  }

  /** Upstreams were added or removed. */
  invalidate(): void {
    this.#epoch = -1;
  }
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
