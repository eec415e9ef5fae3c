/** Reading and describing configuration files. */
export type { ConfigDiagnostic } from './diagnostics.ts';
export { describe } from './diagnostics.ts';
export {
  type ConfigOptions,
  type GatewayConfig,
  parseGatewayConfig,
  readGatewayConfig,
} from './gateway-config.ts';
export { configurationReference } from './reference.ts';
export { GATEWAY_SECTION_SCHEMA, SERVER_SECTION_SCHEMA } from './schema.ts';
export type { HttpTarget, ServerEntry, StdioTarget } from './server-entry.ts';
export { defaultStateDirectory } from './state-directory.ts';
export { DEFAULT_UPSTREAM_OPTIONS, type ToolFilter, type UpstreamOptions } from './upstream-options.ts';
