/** How the gateway treats one upstream server; every field is documented in `schema.ts`. Times are milliseconds. */
export interface UpstreamOptions {
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly startMs: number;
  readonly shutdownMs: number;
  readonly idleStopMs: number;
  readonly maxConcurrency: number;
  readonly maxQueue: number;
  readonly lanes: number;
  readonly laneIdleMs: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  readonly breakerFailures: number;
  readonly breakerOpenMs: number;
  readonly cacheReadsMs: number;
  readonly era: 'auto' | 'legacy' | 'modern';
  /** HTTP only; absent: HTTP/2 where an https server chooses it. */
  readonly http2?: boolean;
  readonly inheritEnv: readonly string[];
  /** Replaces the server's name in front of tool and prompt names. */
  readonly prefix?: string;
  readonly tools: ToolFilter;
}

/** Globs (`*`, `?`) over the upstream's own tool names. `deny` wins; an absent `allow` allows all. */
export interface ToolFilter {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

export const DEFAULT_UPSTREAM_OPTIONS: UpstreamOptions = {
  timeoutMs: 60_000,
  maxTimeoutMs: 600_000,
  startMs: 15_000,
  shutdownMs: 5_000,
  idleStopMs: 0,
  maxConcurrency: 64,
  maxQueue: 256,
  lanes: 4,
  laneIdleMs: 60_000,
  backoffMs: 200,
  backoffMaxMs: 30_000,
  breakerFailures: 5,
  breakerOpenMs: 30_000,
  cacheReadsMs: 0,
  era: 'auto',
  inheritEnv: [],
  tools: {},
};
