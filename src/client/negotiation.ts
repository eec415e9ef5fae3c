/**
 * Settling the era at connect (2026-07-28, basic/versioning): probe with `server/discover`; whatever is not a modern
 * answer means a legacy server and leads to `initialize`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { FerroError, RpcError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import type { Logger } from '../core/log.ts';
import type { ClientCapabilities, Implementation, ServerCapabilities } from '../core/mcp.ts';
import {
  type Era,
  isLegacyRevision,
  isModernRevision,
  LATEST_LEGACY,
  LATEST_MODERN,
  type LegacyRevision,
  META,
  type ModernRevision,
} from '../core/revisions.ts';
import type { Connection } from './connection.ts';
import type { ServerDescription } from './contract.ts';
import { modernMeta, standardHeaders } from './request-metadata.ts';

export interface NegotiationOptions {
  readonly era: 'auto' | Era;
  readonly info: Implementation;
  readonly capabilities: ClientCapabilities;
  readonly probeTimeoutMs: number;
  readonly logger: Logger;
  /** Aborts when the time for connecting is over. */
  readonly signal: AbortSignal;
}

/** Error codes only a modern server sends: HeaderMismatch, MissingRequiredClientCapability, UnsupportedProtocolVersion. */
const MODERN_CODES = new Set([-32020, -32021, -32022]);
const VERSION_UNSUPPORTED = -32022;

type Probe =
  | { readonly era: 'modern'; readonly server: ServerDescription }
  | { readonly era: 'legacy'; readonly reason: unknown };

function strings(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function implementation(value: JsonValue | undefined): Implementation | undefined {
  return isJsonObject(value) && typeof value['name'] === 'string'
    ? (value as unknown as Implementation)
    : undefined;
}

function describe(
  era: Era,
  revision: LegacyRevision | ModernRevision,
  result: JsonObject,
  serverInfo: Implementation | undefined,
): ServerDescription {
  const { capabilities, instructions } = result;
  return {
    era,
    revision,
    capabilities: isJsonObject(capabilities) ? (capabilities as ServerCapabilities) : {},
    ...(serverInfo === undefined ? {} : { serverInfo }),
    ...(typeof instructions === 'string' ? { instructions } : {}),
  };
}

async function discover(
  connection: Connection,
  options: NegotiationOptions,
  revision: ModernRevision,
): Promise<JsonObject> {
  const method = 'server/discover';
  return await connection.call(method, undefined, {
    timeoutMs: 0,
    maxTimeoutMs: 0,
    signal: options.signal,
    // A legacy server must not see a modern-era cancellation before its `initialize`.
    cancel: connection.transport.kind === 'http' ? 'stream' : 'none',
    meta: modernMeta({ revision, info: options.info, capabilities: options.capabilities }, {}),
    headers: standardHeaders(revision, method, undefined),
  });
}

/** The newest revision both sides know, or undefined. */
function commonModern(supported: readonly string[]): ModernRevision | undefined {
  return supported.filter(isModernRevision).sort().at(-1);
}

function noCommonRevision(supported: readonly string[], cause?: unknown): FerroError {
  const named = supported.slice(0, 8).map((version) => version.slice(0, 32));
  return new FerroError('UPSTREAM_PROTOCOL', {
    detail: `no common protocol revision; the server supports ${named.join(', ') || 'none it names'}`,
    cause,
  });
}

/** Asks `server/discover`. Rejects when the server is modern but cannot be talked to. */
async function probe(connection: Connection, options: NegotiationOptions): Promise<Probe> {
  let revision: ModernRevision = LATEST_MODERN;
  for (let attempt = 0; ; attempt += 1) {
    let result: JsonObject;
    try {
      result = await discover(connection, options, revision);
    } catch (error) {
      if (!(error instanceof RpcError) || !MODERN_CODES.has(error.rpcCode)) {
        return { era: 'legacy', reason: error };
      }
      if (error.rpcCode !== VERSION_UNSUPPORTED) {
        throw error;
      }
      const supported = strings(isJsonObject(error.data) ? error.data['supported'] : undefined);
      const chosen = commonModern(supported);
      if (chosen !== undefined && attempt === 0) {
        revision = chosen;
        continue;
      }
      if (chosen === undefined && supported.some(isLegacyRevision)) {
        return { era: 'legacy', reason: error };
      }
      throw noCommonRevision(supported, error);
    }
    const supported = strings(result['supportedVersions']);
    const chosen = commonModern(supported);
    if (chosen !== undefined) {
      const meta = isJsonObject(result['_meta']) ? result['_meta'] : {};
      const info = implementation(meta[META.serverInfo]) ?? implementation(result['serverInfo']);
      return { era: 'modern', server: describe('modern', chosen, result, info) };
    }
    // Without the list this was no discovery result: a server that answers anything with an empty object.
    if (supported.length === 0 || supported.some(isLegacyRevision)) {
      return { era: 'legacy', reason: noCommonRevision(supported) };
    }
    throw noCommonRevision(supported);
  }
}

async function initializeOnce(
  connection: Connection,
  options: NegotiationOptions,
  revision: LegacyRevision,
): Promise<ServerDescription> {
  const result = await connection.call(
    'initialize',
    {
      protocolVersion: revision,
      capabilities: options.capabilities as JsonObject,
      clientInfo: options.info as unknown as JsonObject,
    },
    { timeoutMs: 0, maxTimeoutMs: 0, signal: options.signal, cancel: 'none' },
  );
  const answered = result['protocolVersion'];
  if (typeof answered !== 'string' || !isLegacyRevision(answered)) {
    throw noCommonRevision(typeof answered === 'string' ? [answered] : []);
  }
  return describe('legacy', answered, result, implementation(result['serverInfo']));
}

/** `initialize`, newest revision first, any legacy one accepted; nothing is confirmed to the server yet. */
async function openLegacy(connection: Connection, options: NegotiationOptions): Promise<ServerDescription> {
  try {
    return await initializeOnce(connection, options, LATEST_LEGACY);
  } catch (error) {
    // Some servers refuse an unknown version instead of naming their own in the result.
    const data = error instanceof RpcError && isJsonObject(error.data) ? error.data : {};
    const named = strings(data['supported'] ?? data['supportedVersions'])
      .filter(isLegacyRevision)
      .sort()
      .at(-1);
    if (named === undefined || named === LATEST_LEGACY) {
      throw error;
    }
    return await initializeOnce(connection, options, named);
  }
}

/** Tells the transport, and a legacy server, what was settled. */
async function confirm(connection: Connection, server: ServerDescription): Promise<ServerDescription> {
  connection.transport.negotiated?.(server.revision, server.era);
  if (server.era === 'legacy') {
    await connection.notify('notifications/initialized');
  }
  return server;
}

async function settleModern(connection: Connection, options: NegotiationOptions): Promise<ServerDescription> {
  const found = await probe(connection, options);
  if (found.era === 'modern') {
    return found.server;
  }
  if (found.reason instanceof RpcError) {
    throw new FerroError('UPSTREAM_PROTOCOL', {
      detail: 'the server does not speak a modern protocol revision',
      cause: found.reason,
    });
  }
  throw found.reason;
}

async function settleAuto(connection: Connection, options: NegotiationOptions): Promise<ServerDescription> {
  const abandon = new AbortController();
  const onAbort = (): void => abandon.abort(options.signal.reason);
  options.signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await raceEras(connection, options, probe(connection, { ...options, signal: abandon.signal }));
  } finally {
    options.signal.removeEventListener('abort', onAbort);
    // Where the probe is still open it holds a stream nobody needs any more.
    abandon.abort();
  }
}

async function raceEras(
  connection: Connection,
  options: NegotiationOptions,
  probing: Promise<Probe>,
): Promise<ServerDescription> {
  const timer = new AbortController();
  const first = await Promise.race([
    probing,
    delay(options.probeTimeoutMs, undefined, { signal: timer.signal }).catch(() => undefined),
  ]).finally(() => timer.abort());
  if (first?.era === 'modern') {
    return first.server;
  }
  if (options.signal.aborted) {
    throw new FerroError('UPSTREAM_TIMEOUT', { detail: 'server/discover' });
  }
  options.logger.log('debug', 'no modern answer to server/discover; trying initialize', {
    reason: first === undefined ? 'timeout' : String(first.reason),
  });
  if (first !== undefined) {
    if (!connection.open) {
      // Some legacy servers end when the opening message is not `initialize`.
      if (connection.transport.restartable !== true) {
        throw first.reason;
      }
      await connection.start();
    }
    return await openLegacy(connection, options);
  }
  // No answer yet: the server may be legacy and silent, or modern and slow to start. Whichever good answer comes
  // first tells; a late refusal of the probe says nothing.
  const late = probing.then((found) => {
    if (found.era === 'legacy') {
      throw found.reason;
    }
    return found.server;
  });
  try {
    return await Promise.any([openLegacy(connection, options), late]);
  } catch (failure) {
    throw failure instanceof AggregateError ? failure.errors[0] : failure;
  }
}

/** Settles the era on an open connection, tells the transport and, where it is due, the server. */
export async function negotiate(
  connection: Connection,
  options: NegotiationOptions,
): Promise<ServerDescription> {
  switch (options.era) {
    case 'legacy':
      return await confirm(connection, await openLegacy(connection, options));
    case 'modern':
      return await confirm(connection, await settleModern(connection, options));
    default:
      return await confirm(connection, await settleAuto(connection, options));
  }
}
