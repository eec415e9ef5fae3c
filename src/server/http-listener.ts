import { accessPolicy, DEFAULT_HOST } from '../transports/http/access.ts';
import { FastifyFront } from '../transports/http/fastify-front.ts';
import { HttpEndpoint } from '../transports/http/http-endpoint.ts';
import { LegacySseTransport } from '../transports/http/legacy-sse.ts';
import { healthRoutes } from '../transports/http/routes.ts';
import type { Assembly } from './assembly.ts';
import type { ListenOptions } from './options.ts';

const DEFAULT_PORT = 3000;
const DEFAULT_PATH = '/mcp';

export interface HttpListener {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Opens the MCP endpoint with its health routes. */
export async function listenHttp(
  assembly: Assembly,
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
  const front = new FastifyFront({ endpoint, codec: protocol.codec, path, routes, policy, limits });
  const { port } = await front.listen(options.port ?? DEFAULT_PORT, host);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
    port,
    close: async () => {
      front.stopAccepting();
      await endpoint.close(limits.drainMs);
      legacySse?.close();
      await front.close();
    },
  };
}
