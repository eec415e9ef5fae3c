/** Upstream MCP servers as features of one server. */
export { DELAY_BOUNDS_MS, type DelaySummary, type UpstreamStats } from './delays.ts';
export { mountUpstream, toTarget, type UpstreamSpec } from './mount.ts';
export { offeredName, SEPARATOR, upstreamPrefix } from './namespace.ts';
export type {
  ConnectOptions,
  ConnectUpstream,
  GatewayDeps,
  LogAudience,
  TransportTarget,
  UpstreamTarget,
} from './target.ts';
export type { UpstreamState } from './upstream.ts';
export {
  createUpstreams,
  type GatewayDescription,
  type UpstreamStatus,
  type Upstreams,
  type UpstreamsConfig,
} from './upstreams.ts';
