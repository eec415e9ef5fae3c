import type { Limits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import { createUpstreams, type Upstreams } from '../gateway/index.ts';
import { packageVersion } from '../native/package-version.ts';
import { type GatewayConfig, readGatewayConfig } from '../runtime/config/index.ts';
import { gatewayDeps } from './mount.ts';
import type { Listening, ListenOptions, ServerOptions } from './options.ts';
import { Server } from './server.ts';

export interface GatewayOptions {
  /** Path of an `mcpServers` file, or its checked content. */
  readonly config: string | GatewayConfig;
  /** With exactly one upstream: names, URIs, instructions and identity are the upstream's own. */
  readonly transparent?: boolean;
  /** Folder for stored lists; default: the configuration's. */
  readonly stateDir?: string;
  readonly limits?: Partial<Limits>;
  readonly logger?: Logger;
  readonly jsonCodec?: ServerOptions['jsonCodec'];
  readonly stateSecret?: Uint8Array;
  /** Cache of what was read of upstreams that have `cacheReadsMs`; default: the configuration's. */
  readonly sona?: ServerOptions['sona'];
}

/** A server whose features are those of its upstreams. */
export interface Gateway {
  readonly server: Server;
  readonly upstreams: Upstreams;
  listen(options?: ListenOptions): Promise<Listening>;
  serveStdio(): Promise<void>;
  /** Ends listeners and upstreams; no process is left when it settles. */
  close(): Promise<void>;
}

const NAME = 'ferromcp-gateway';
const DEFAULT_PORT = 8700;

/**
 * Creates a gateway. Upstreams whose lists are stored start on first use, the others at once in the background.
 * @throws FerroError CONFIG_* for the file, UPSTREAM_NAME_COLLISION
 */
export function createGateway(options: GatewayOptions): Gateway {
  const config = typeof options.config === 'string' ? readGatewayConfig(options.config) : options.config;
  const transparent = options.transparent === true;
  const { limits, logger, jsonCodec, stateSecret } = options;
  const sona = options.sona ?? config.sona;
  const server = new Server({
    name: NAME,
    version: packageVersion(),
    title: 'ferromcp gateway',
    ...(limits === undefined ? {} : { limits }),
    ...(logger === undefined ? {} : { logger }),
    ...(jsonCodec === undefined ? {} : { jsonCodec }),
    ...(stateSecret === undefined ? {} : { stateSecret }),
    ...(sona === undefined ? {} : { sona }),
  });
  for (const { message, ...where } of config.warnings) logger?.log('warn', message, where);
  const deps = gatewayDeps(server.mountHost(), {
    stateDir: options.stateDir ?? config.stateDir,
    transparent,
  });
  const upstreams = createUpstreams(config, deps);
  server.attach(upstreams, transparent);
  return {
    server,
    upstreams,
    listen: (listen = {}) => {
      const front = config.transport?.http?.front;
      return server.listen({ port: DEFAULT_PORT, ...(front === undefined ? {} : { front }), ...listen });
    },
    serveStdio: () => server.serveStdio(),
    close: () => server.close(),
  };
}
