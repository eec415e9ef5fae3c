import type { McpClient } from '../client/contract.ts';
import { isFerroError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { packageVersion } from '../native/package-version.ts';
import type { ServerEntry } from '../runtime/config/server-entry.ts';
import type { HealthCheck } from './health-check.ts';
import { createTail } from './output-tail.ts';
import { connectEntry } from './wiring.ts';

/** Servers started at a time. */
const CONCURRENCY = 4;

async function probe(entry: ServerEntry, timeoutMs: number, logger: Logger): Promise<HealthCheck> {
  const base = { id: `upstream:${entry.name}`, title: `server ${entry.name}` };
  const complaints = createTail();
  const startedAt = performance.now();
  let client: McpClient | undefined;
  try {
    client = await connectEntry(
      entry,
      {
        info: { name: 'ferromcp-doctor', version: packageVersion() },
        connectTimeoutMs: timeoutMs,
        timeoutMs,
        logger,
      },
      (chunk) => complaints.push(chunk),
    );
    const connectMs = Math.round(performance.now() - startedAt);
    const { server } = client;
    const tools = server?.capabilities.tools === undefined ? 0 : (await client.listTools()).length;
    const name =
      server?.serverInfo === undefined ? 'unnamed' : `${server.serverInfo.name} ${server.serverInfo.version}`;
    return {
      ...base,
      status: 'ok',
      detail: `${name}, ${server?.era ?? 'unknown'} era, revision ${server?.revision ?? 'unknown'}, ${tools} tool${tools === 1 ? '' : 's'}, started in ${connectMs} ms`,
      data: {
        era: server?.era,
        revision: server?.revision,
        serverInfo: server?.serverInfo,
        tools,
        connectMs,
      },
    };
  } catch (error) {
    const code = isFerroError(error) ? error.code : 'UPSTREAM_UNAVAILABLE';
    const reason = error instanceof Error ? error.message : String(error);
    const lines = [`${code}: ${reason}`, ...complaints.lines().map((line) => `stderr: ${line}`)];
    return { ...base, status: 'problem', detail: lines.join('\n'), data: { code } };
  } finally {
    await client?.close().catch(() => {});
  }
}

/** Starts every server once, a few at a time, and says what came of it in the order of the file. */
export async function* probeUpstreams(
  servers: readonly ServerEntry[],
  timeoutMs: number,
  logger: Logger,
): AsyncGenerator<HealthCheck> {
  const running: Promise<HealthCheck>[] = [];
  let next = 0;
  const startNext = (): void => {
    const entry = servers[next];
    if (entry === undefined) return;
    next += 1;
    running.push(probe(entry, timeoutMs, logger));
  };
  for (let index = 0; index < CONCURRENCY; index += 1) startNext();
  for (let first = running.shift(); first !== undefined; first = running.shift()) {
    const check = await first;
    startNext();
    yield check;
  }
}
