import type { JsonObject } from '../core/json.ts';
import type { Implementation, ServerCapabilities } from '../core/mcp.ts';
import { SUPPORTED_REVISIONS } from '../core/revisions.ts';
import type { MethodHandler } from './handler.ts';

/** What a server says of itself, in `initialize` and in `server/discover`. */
export interface ServerIdentity {
  readonly serverInfo: Implementation;
  readonly instructions: string | undefined;
  /** Computed on demand: a server may gain features while it runs. */
  capabilities(): ServerCapabilities;
  /** Settles when all of this is known (a gateway learns it from its upstreams); undefined when it is. */
  pending(): Promise<void> | undefined;
}

/** `server/discover` (2026-07-28). */
export function discoverHandler(identity: ServerIdentity): MethodHandler {
  const describe = (): JsonObject => ({
    supportedVersions: SUPPORTED_REVISIONS,
    capabilities: identity.capabilities() as unknown as JsonObject,
    ...(identity.instructions === undefined ? {} : { instructions: identity.instructions }),
  });
  return {
    handle: () => identity.pending()?.then(describe) ?? describe(),
  };
}
