/**
 * The places where the command line meets the rest of the package; each is imported when it is needed, so that help
 * and errors stay quick.
 */
import type { ClientOptions, McpClient } from '../client/contract.ts';
import type { Logger } from '../core/log.ts';
import type { LogThreshold } from '../observability/logger.ts';
import type { ServerEntry } from '../runtime/config/server-entry.ts';
import type { Gateway, GatewayOptions } from '../server/gateway.ts';
import type { Terminal } from './terminal.ts';

export type ClientTarget =
  | { readonly url: string; readonly headers?: Readonly<Record<string, string>> }
  | {
      readonly command: string;
      readonly args: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly cwd?: string;
    };

/** A connected client. `onStderr` sees what a started command writes to stderr. */
export async function connectClient(
  target: ClientTarget,
  options: ClientOptions,
  onStderr: (chunk: Uint8Array) => void = () => {},
): Promise<McpClient> {
  const [{ createClient }, { targetTransport }] = await Promise.all([
    import('../client/client.ts'),
    import('../transports/client/target.ts'),
  ]);
  const client = createClient(
    targetTransport('command' in target ? { ...target, onStderr } : target),
    options,
  );
  await client.connect();
  return client;
}

/** A connected client of a server of a configuration file, as the gateway would make it. */
export async function connectEntry(
  entry: ServerEntry,
  options: ClientOptions,
  onStderr: (chunk: Uint8Array) => void,
): Promise<McpClient> {
  const { target, options: settings } = entry;
  const all: ClientOptions = { ...options, era: settings.era };
  if (target.kind === 'stdio') {
    const { upstreamEnvironment } = await import('../gateway/environment.ts');
    const { command, args, cwd } = target;
    const env = upstreamEnvironment(target.env, settings.inheritEnv);
    return connectClient({ command, args, env, ...(cwd === undefined ? {} : { cwd }) }, all, onStderr);
  }
  const { url, headers } = target;
  if (target.transport !== 'sse') return connectClient({ url, headers }, all);
  const [{ createClient }, { legacySseTransport }] = await Promise.all([
    import('../client/client.ts'),
    import('../transports/client/legacy-sse.ts'),
  ]);
  const client = createClient(legacySseTransport({ url, headers }), all);
  await client.connect();
  return client;
}

/** The logger of a command: lines for people on a terminal, JSON lines elsewhere; loaded at the first line. */
export async function createCommandLogger(level: LogThreshold, terminal: Terminal): Promise<Logger> {
  const { createLogger } = await import('../observability/logger.ts');
  return createLogger({ level, format: terminal.live ? 'pretty' : 'json', color: terminal.live });
}

/** A gateway, not yet listening. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { createGateway } = await import('../server/gateway.ts');
  return createGateway(options);
}
