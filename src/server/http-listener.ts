import { FerroError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { FrontCounters, NativeTls } from '../native/front-port.ts';
import { native } from '../native/loader.ts';
import { accessPolicy, DEFAULT_HOST } from '../transports/http/access.ts';
import type { Front, FrontOptions, PreparedSource } from '../transports/http/front.ts';
import { HttpEndpoint } from '../transports/http/http-endpoint.ts';
import { LegacySseTransport } from '../transports/http/legacy-sse.ts';
import { NativeFront } from '../transports/http/native-front.ts';
import { NodeFront } from '../transports/http/node-front.ts';
import { healthRoutes } from '../transports/http/routes.ts';
import type { Assembly } from './assembly.ts';
import type { ListenOptions } from './options.ts';

const DEFAULT_PORT = 3000;
const DEFAULT_PATH = '/mcp';

export interface HttpListener {
  readonly url: string;
  readonly port: number;
  readonly front: 'native' | 'node';
  counters(): FrontCounters | undefined;
  close(): Promise<void>;
}

/** Opens the MCP endpoint with its health routes. */
export async function listenHttp(
  assembly: Assembly,
  prepared: PreparedSource,
  options: ListenOptions,
  readiness: () => { readonly ready: boolean },
): Promise<HttpListener> {
  const { limits, protocol } = assembly;
  const host = options.host ?? DEFAULT_HOST;
  const path = options.path ?? DEFAULT_PATH;
  const policy = accessPolicy(options, limits);
  const endpoint = new HttpEndpoint(protocol);
  const legacySse = options.legacySse === true ? new LegacySseTransport(protocol) : undefined;
  const routes = [...healthRoutes(() => ({ ...readiness() })), ...(legacySse?.routes() ?? [])];
  const { caching } = assembly;
  const cache = caching === undefined ? {} : { cache: caching.storeHandle() };
  const front = selectFront(
    options,
    { endpoint, codec: protocol.codec, path, routes, policy, limits, prepared, ...cache, ...tlsOf(options) },
    assembly.logger,
  );
  const { port } = await front.listen(options.port ?? DEFAULT_PORT, host);
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
    port,
    front: front.name,
    counters: () => front.counters?.(),
    close: async () => {
      front.stopAccepting();
      await endpoint.close(limits.drainMs);
      legacySse?.close();
      await front.close();
    },
  };
}

/**
 * The front that was asked for, or the best there is: the addon's, when it is loaded and may scan messages.
 * @throws FerroError FRONT_UNAVAILABLE, CONFIG_INVALID
 */
function selectFront(options: ListenOptions, serve: FrontOptions, logger: Logger): Front {
  const wanted = options.front ?? process.env['FERROMCP_FRONT'];
  if (wanted !== undefined && wanted !== 'native' && wanted !== 'node') {
    throw new FerroError('CONFIG_INVALID', { detail: `front: ${wanted.slice(0, 50)}` });
  }
  const obstacle = obstacleToNative(options, serve);
  if (wanted === 'native' && obstacle !== undefined) {
    throw new FerroError('FRONT_UNAVAILABLE', { detail: obstacle });
  }
  const port = native().front;
  if (serve.tls !== undefined && (port === undefined || obstacle !== undefined || wanted === 'node')) {
    throw new FerroError('FRONT_UNAVAILABLE', {
      detail: `TLS needs the addon's front: ${obstacle ?? wanted}`,
    });
  }
  if (port === undefined || obstacle !== undefined || wanted === 'node') return new NodeFront(serve);
  return new NativeFront(port, serve, logger);
}

/** @throws FerroError CONFIG_INVALID */
function tlsOf({ tls }: ListenOptions): { readonly tls?: NativeTls } {
  if (tls === undefined) return {};
  const bytes = (text: string | Uint8Array): Uint8Array => Buffer.from(text);
  const clients = tls.clientCertificates ?? 'off';
  if (clients !== 'off' && tls.ca === undefined) {
    throw new FerroError('CONFIG_INVALID', { detail: 'tls: client certificates need `ca`' });
  }
  const own = { certificates: bytes(tls.cert), key: bytes(tls.key), clients };
  return { tls: tls.ca === undefined ? own : { ...own, authorities: bytes(tls.ca) } };
}

function obstacleToNative(options: ListenOptions, serve: FrontOptions): string | undefined {
  const { front, status } = native();
  if (front === undefined) return status.reason ?? 'the addon is not loaded';
  if (serve.codec.id !== 'native') return 'messages are scanned by another codec';
  if (options.legacySse === true) return 'the HTTP+SSE transport of 2024-11-05 needs the other front';
  return undefined;
}
