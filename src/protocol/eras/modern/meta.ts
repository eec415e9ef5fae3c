import type { Envelope } from '../../../core/envelope.ts';
import { FerroError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import type { Limits } from '../../../core/limits.ts';
import {
  type ClientCapabilities,
  type Implementation,
  LOGGING_LEVELS,
  type LoggingLevel,
} from '../../../core/mcp.ts';
import { isModernRevision, META, type ModernRevision, SUPPORTED_REVISIONS } from '../../../core/revisions.ts';

/** The per-request metadata of the modern era (2026-07-28, RequestMetaObject), checked. */
export interface RequestMeta {
  readonly revision: ModernRevision;
  readonly clientInfo: Implementation | undefined;
  readonly clientCapabilities: ClientCapabilities;
  readonly logLevel: LoggingLevel | undefined;
  readonly raw: JsonObject;
}

/** @throws FerroError META_MISSING, META_INVALID, LOG_LEVEL_INVALID or VERSION_UNSUPPORTED. */
export function readRequestMeta(envelope: Envelope, params: JsonObject, limits: Limits): RequestMeta {
  const meta = params['_meta'];
  if (!isJsonObject(meta)) throw new FerroError('META_MISSING', { detail: '_meta' });
  const { protocolVersion } = envelope;
  if (protocolVersion === undefined) throw new FerroError('META_MISSING', { detail: META.protocolVersion });
  const revision = supportedRevision(protocolVersion);
  const capabilities = meta[META.clientCapabilities];
  if (!isJsonObject(capabilities)) throw new FerroError('META_MISSING', { detail: META.clientCapabilities });
  const info = meta[META.clientInfo];
  if (info !== undefined && !isImplementation(info))
    throw new FerroError('META_INVALID', { detail: META.clientInfo });
  assertProgressToken(envelope, meta, limits);
  return {
    revision,
    clientInfo: info as Implementation | undefined,
    clientCapabilities: capabilities as ClientCapabilities,
    logLevel: readLogLevel(meta[META.logLevel]),
    raw: meta,
  };
}

/** @throws FerroError VERSION_UNSUPPORTED with the supported revisions. */
export function supportedRevision(requested: string): ModernRevision {
  if (isModernRevision(requested)) return requested;
  throw unsupportedRevision(requested);
}

/** The error that names the revisions a client may choose from. */
export function unsupportedRevision(requested: string): FerroError {
  return new FerroError('VERSION_UNSUPPORTED', {
    detail: requested.slice(0, 40),
    data: { supported: SUPPORTED_REVISIONS, requested: requested.slice(0, 200) },
  });
}

/** @throws FerroError META_INVALID when a progress token is present but not a short string or an integer. */
export function assertProgressToken(envelope: Envelope, meta: JsonObject, limits: Limits): void {
  const token = meta['progressToken'];
  if (token === undefined) return;
  const raw = envelope.progressTokenRaw;
  if (raw === undefined || raw.length > limits.progressTokenBytes) {
    throw new FerroError('META_INVALID', { detail: 'progressToken' });
  }
}

function readLogLevel(level: unknown): LoggingLevel | undefined {
  if (level === undefined) return undefined;
  if (typeof level === 'string' && (LOGGING_LEVELS as readonly string[]).includes(level))
    return level as LoggingLevel;
  throw new FerroError('LOG_LEVEL_INVALID', { detail: META.logLevel });
}

function isImplementation(value: unknown): boolean {
  return isJsonObject(value) && typeof value['name'] === 'string' && typeof value['version'] === 'string';
}
