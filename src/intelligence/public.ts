/** What applications may use by themselves, apart from any server. */
export type { CacheQuery } from './cache-key.ts';
export {
  createSona,
  type RouteEntry,
  type RouteResult,
  type Sona,
  type SonaDeps,
  type SonaStatistics,
} from './sona.ts';
export type { SonaOptions } from './sona-options.ts';
