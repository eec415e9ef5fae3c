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
import type { Principal } from '../../../core/principal.ts';
import { isModernRevision, META, type ModernRevision, SUPPORTED_REVISIONS } from '../../../core/revisions.ts';
import type { CallOrigin } from '../../call.ts';

/** What is known of a peer before it says anything. */
export interface PeerIdentity {
  readonly principal: Principal;
  /** Stable for a connection; undefined = every request is a peer of its own. */
  readonly key: string | undefined;
}

/** Who asks by the per-request metadata of the modern era (2026-07-28, RequestMetaObject), checked. */
export class ModernOrigin implements CallOrigin {
  readonly revision: ModernRevision;
  readonly principal: Principal;
  readonly peerKey: string | undefined;
  readonly clientInfo: Implementation | undefined;
  readonly clientCapabilities: ClientCapabilities;
  readonly logLevel: LoggingLevel | undefined;
  readonly session = undefined;
  /** All of `_meta`. */
  readonly meta: JsonObject;

  constructor(
    peer: PeerIdentity,
    revision: ModernRevision,
    meta: JsonObject,
    clientInfo: Implementation | undefined,
    clientCapabilities: ClientCapabilities,
    logLevel: LoggingLevel | undefined,
  ) {
    this.revision = revision;
    this.principal = peer.principal;
    this.peerKey = peer.key;
    this.clientInfo = clientInfo;
    this.clientCapabilities = clientCapabilities;
    this.logLevel = logLevel;
    this.meta = meta;
  }
}

/** @throws FerroError META_MISSING, META_INVALID, LOG_LEVEL_INVALID or VERSION_UNSUPPORTED. */
export function readOrigin(
  peer: PeerIdentity,
  envelope: Envelope,
  params: JsonObject,
  limits: Limits,
): ModernOrigin {
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
  const logLevel = readLogLevel(meta[META.logLevel]);
  return new ModernOrigin(
    peer,
    revision,
    meta,
    info as Implementation | undefined,
    capabilities as ClientCapabilities,
    logLevel,
  );
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
