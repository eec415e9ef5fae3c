/** What every request says of us: `_meta` of the modern era, and its mirror in HTTP headers. */
import type { JsonObject } from '../core/json.ts';
import type { ClientCapabilities, Implementation, LoggingLevel } from '../core/mcp.ts';
import { META, type ModernRevision } from '../core/revisions.ts';
import { encodeHeaderValue } from '../protocol/header-values.ts';

/** The parameter `Mcp-Name` repeats (2026-07-28, streamable-http; `taskId` by the tasks extension). */
const NAME_SOURCES: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

export interface ModernIdentity {
  readonly revision: ModernRevision;
  readonly info: Implementation;
  readonly capabilities: ClientCapabilities;
  readonly logLevel?: LoggingLevel | undefined;
}

function withoutProgressToken(meta: JsonObject): JsonObject {
  const { progressToken: _, ...rest } = meta;
  return rest;
}

/** `_meta` of a modern request. The caller's keys may replace `clientInfo`, nothing else of ours. */
export function modernMeta(identity: ModernIdentity, extra: JsonObject): JsonObject {
  return {
    [META.clientInfo]: identity.info as unknown as JsonObject,
    ...(identity.logLevel === undefined ? {} : { [META.logLevel]: identity.logLevel }),
    ...withoutProgressToken(extra),
    [META.protocolVersion]: identity.revision,
    [META.clientCapabilities]: modernCapabilities(identity.capabilities),
  };
}

/** `_meta` of a legacy request: the caller's keys without those only the modern era knows. Undefined when empty. */
export function legacyMeta(extra: JsonObject): JsonObject | undefined {
  const meta: Record<string, JsonObject[string]> = { ...withoutProgressToken(extra) };
  for (const key of Object.values(META)) {
    delete meta[key];
  }
  return Object.keys(meta).length === 0 ? undefined : meta;
}

/** The modern era has no roots list_changed, so nothing to declare about it. */
function modernCapabilities(capabilities: ClientCapabilities): JsonObject {
  const roots = capabilities.roots === undefined ? {} : { roots: {} };
  return { ...capabilities, ...roots } as JsonObject;
}

/** Headers every modern HTTP request carries. */
export function standardHeaders(
  revision: string,
  method: string,
  params: JsonObject | undefined,
): Record<string, string> {
  const source = NAME_SOURCES[method];
  const name = source === undefined ? undefined : params?.[source];
  return {
    'mcp-protocol-version': revision,
    'mcp-method': encodeHeaderValue(method),
    ...(typeof name === 'string' ? { 'mcp-name': encodeHeaderValue(name) } : {}),
  };
}
