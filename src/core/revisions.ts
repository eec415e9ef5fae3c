/** Protocol revisions and the two eras they form. */
export const LEGACY_REVISIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'] as const;
export const MODERN_REVISIONS = ['2026-07-28'] as const;

export type LegacyRevision = (typeof LEGACY_REVISIONS)[number];
export type ModernRevision = (typeof MODERN_REVISIONS)[number];
export type Revision = LegacyRevision | ModernRevision;
/** `legacy`: initialize handshake and sessions. `modern`: stateless, everything in each request. */
export type Era = 'legacy' | 'modern';

/** Newest first, as `server/discover` and error -32022 list them. */
export const SUPPORTED_REVISIONS: readonly Revision[] = [
  ...MODERN_REVISIONS,
  ...[...LEGACY_REVISIONS].reverse(),
];
export const LATEST_LEGACY: LegacyRevision = '2025-11-25';
export const LATEST_MODERN: ModernRevision = '2026-07-28';
/** What a Streamable HTTP request without `MCP-Protocol-Version` speaks (2025-06-18, transports). */
export const DEFAULT_HTTP_REVISION: LegacyRevision = '2025-03-26';

export function isLegacyRevision(value: string): value is LegacyRevision {
  return (LEGACY_REVISIONS as readonly string[]).includes(value);
}

export function isModernRevision(value: string): value is ModernRevision {
  return value === LATEST_MODERN || (MODERN_REVISIONS as readonly string[]).includes(value);
}

/** Revisions are ISO dates, so string order is time order. */
export function isAtLeast(revision: Revision, minimum: Revision): boolean {
  return revision >= minimum;
}

/** Keys of `_meta` that the modern era reserves (2026-07-28, basic). */
export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;
