/** A gateway in this process, in front of whatever upstreams a test needs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import type { ClientOptions, McpClient } from '../../../src/client/contract.ts';
import type { Limits } from '../../../src/core/limits.ts';
import type { Logger } from '../../../src/core/log.ts';
import type { LogMessage } from '../../../src/core/mcp.ts';
import { LOCAL_USER } from '../../../src/core/principal.ts';
import {
  createUpstreams,
  type GatewayDeps,
  type LogAudience,
  type Upstreams,
  type UpstreamTarget,
} from '../../../src/gateway/index.ts';
import type { RequestContext } from '../../../src/protocol/context.ts';
import { DEFAULT_UPSTREAM_OPTIONS, type UpstreamOptions } from '../../../src/runtime/config/index.ts';
import { connectInMemory, createServer, type Server } from '../../../src/server/index.ts';
import { gatewayDeps } from '../../../src/server/mount.ts';
import type { StdioTransport } from '../../../src/transports/client/stdio.ts';

const require = createRequire(import.meta.url);
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

const cleanups: (() => Promise<void> | void)[] = [];

/** Runs after the test, also when it fails; last in, first out. */
export function cleanup(work: () => Promise<void> | void): void {
  cleanups.push(work);
}

afterEach(async () => {
  for (const work of cleanups.splice(0).reverse()) await work();
});

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ferromcp-gateway-'));
  cleanup(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface TestGateway {
  readonly server: Server;
  readonly upstreams: Upstreams;
  /** Every stdio transport that was made, in order; `pid` tells whether it runs. */
  readonly processes: StdioTransport[];
  readonly logs: LogLine[];
  readonly broadcasts: { upstream: string; message: LogMessage; audience: LogAudience }[];
  connect(options?: ClientOptions): Promise<McpClient>;
  close(): Promise<void>;
}

export interface TestUpstream {
  readonly target: UpstreamTarget;
  readonly options?: Partial<UpstreamOptions>;
}

export function startGateway(
  servers: Readonly<Record<string, TestUpstream>>,
  deps: Partial<GatewayDeps> = {},
  limits?: Partial<Limits>,
): TestGateway {
  const processes: StdioTransport[] = [];
  const logs: LogLine[] = [];
  const broadcasts: TestGateway['broadcasts'] = [];
  const logger: Logger = {
    log: (level, message, fields = {}) => logs.push({ level, message, fields }),
  };
  const server = createServer({
    name: 'gateway-under-test',
    version: '0.0.1',
    logger,
    ...(limits === undefined ? {} : { limits }),
  });
  const wired = gatewayDeps(server.mountHost());
  const upstreams = createUpstreams(
    {
      servers: Object.entries(servers).map(([name, { target, options }]) => ({
        name,
        target: target as never,
        options: { ...DEFAULT_UPSTREAM_OPTIONS, shutdownMs: 1_000, ...options },
      })),
    },
    {
      ...wired,
      connectUpstream: (target, options) => {
        const made = wired.connectUpstream(target, options);
        if (target.kind === 'stdio') processes.push(made.transport as StdioTransport);
        return made;
      },
      broadcastLog: (upstream, message, audience) => {
        broadcasts.push({ upstream, message, audience });
        wired.broadcastLog?.(upstream, message, audience);
      },
      ...deps,
    },
  );
  server.attach(upstreams, deps.transparent === true);
  const clients: McpClient[] = [];
  let closed: Promise<void> | undefined;
  const gateway: TestGateway = {
    server,
    upstreams,
    processes,
    logs,
    broadcasts,
    connect: async (options = {}) => {
      const client = await connectInMemory(server, options);
      clients.push(client);
      return client;
    },
    close: () => {
      closed ??= (async () => {
        await Promise.all(clients.map((client) => client.close()));
        await upstreams.close();
        await server.close();
      })();
      return closed;
    },
  };
  cleanup(() => gateway.close());
  return gateway;
}

const stdio = (...args: string[]): UpstreamTarget => ({
  kind: 'stdio',
  command: process.execPath,
  args,
  env: {},
});

/** Official servers, as they are installed. */
export const official = {
  everything: (): UpstreamTarget =>
    stdio(require.resolve('@modelcontextprotocol/server-everything/dist/index.js'), 'stdio'),
  filesystem: (folder: string): UpstreamTarget =>
    stdio(require.resolve('@modelcontextprotocol/server-filesystem/dist/index.js'), folder),
  memory: (file: string): UpstreamTarget => ({
    ...(stdio(require.resolve('@modelcontextprotocol/server-memory/dist/index.js')) as Extract<
      UpstreamTarget,
      { kind: 'stdio' }
    >),
    env: { MEMORY_FILE_PATH: file },
  }),
};

/** The scripted server with one bad habit. */
export const scripted = (habit: string, ...rest: string[]): UpstreamTarget =>
  stdio(fixture('scripted-stdio-server.mjs'), habit, ...rest);

/** A server in this process. */
export const inMemory = (server: Server): UpstreamTarget => ({
  kind: 'transport',
  createTransport: () => server.transport(),
});

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

export interface HandMadeContext extends RequestContext {
  readonly abort: AbortController;
  readonly logged: { level: string; data: unknown }[];
}

/** A request by hand, to play several principals and peers. */
export function context(overrides: Partial<RequestContext> = {}): HandMadeContext {
  const abort = new AbortController();
  const logged: HandMadeContext['logged'] = [];
  const refuse = (): Promise<never> => Promise.reject(new Error('the gateway must not use this'));
  return {
    method: 'tools/call',
    era: 'modern',
    revision: '2026-07-28',
    principal: LOCAL_USER,
    peerKey: 'peer',
    clientInfo: undefined,
    clientCapabilities: { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} },
    meta: {},
    signal: abort.signal,
    logLevel: undefined,
    progress: () => {},
    log: (level, data) => logged.push({ level, data }),
    elicit: refuse,
    sample: refuse,
    roots: refuse,
    step: refuse,
    inputResponses: undefined,
    inputState: undefined,
    notify: () => {},
    ...overrides,
    abort,
    logged,
  };
}
