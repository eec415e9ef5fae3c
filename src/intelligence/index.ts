/** Exact routing and cached results. See README.md for what is where. */
export type { CacheQuery } from './cache-key.ts';
export { principalKey } from './cache-key.ts';
export { SonaResultCache } from './result-cache.ts';
export {
  createSona,
  type RouteEntry,
  type RouteResult,
  Sona,
  type SonaDeps,
  type SonaStatistics,
} from './sona.ts';
export { resolveSonaOptions, type SonaOptions } from './sona-options.ts';
