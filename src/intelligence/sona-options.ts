import { FerroError } from '../core/errors.ts';
import { CACHE_SIZE_RANGE, SHARED_NAME, SONA_DEFAULTS, TIMEOUT_RANGE } from '../core/sona-defaults.ts';

/** Settings of routing and cached results. */
export interface SonaOptions {
  /** False: nothing is ever cached, whatever tools declare. Default true. */
  readonly enabled?: boolean;
  /** Most bytes of cached results, 1 MiB to 64 GiB. Default 64 MiB. One result may take a sixteenth, at most 1 MiB. */
  readonly cacheSize?: number;
  /**
   * Shares results with other processes of the same user on this host, under this name (`a-z`, `0-9`, `-`, at most 32;
   * true stands for `shared`). Only results whose `cache` has a `version` are shared. Without the addon, or where there is
   * no shared memory, each process keeps its own. Default false.
   */
  readonly shared?: boolean | string;
  /**
   * Milliseconds a call of the store may take, 1 to 60,000. Calls cannot be interrupted; eight in a row that take longer
   * switch the store off. Default 50.
   */
  readonly timeoutMs?: number;
}

export interface ResolvedSonaOptions {
  readonly enabled: boolean;
  readonly cacheSize: number;
  readonly maxEntry: number;
  readonly shared: string | undefined;
  readonly timeoutMs: number;
}

const MAX_ENTRY = 1024 * 1024;
const KEYS = new Set(['enabled', 'cacheSize', 'shared', 'timeoutMs']);

/** @throws FerroError CONFIG_INVALID, CONFIG_UNKNOWN_KEY */
export function resolveSonaOptions(options: SonaOptions = {}): ResolvedSonaOptions {
  for (const key of Object.keys(options)) {
    if (!KEYS.has(key)) throw new FerroError('CONFIG_UNKNOWN_KEY', { detail: `sona.${key.slice(0, 64)}` });
  }
  const { enabled = SONA_DEFAULTS.enabled, shared = false } = options;
  if (typeof enabled !== 'boolean') throw invalid('enabled must be true or false');
  const cacheSize = whole('cacheSize', options.cacheSize ?? SONA_DEFAULTS.cacheSize, CACHE_SIZE_RANGE);
  const timeoutMs = whole('timeoutMs', options.timeoutMs ?? SONA_DEFAULTS.timeoutMs, TIMEOUT_RANGE);
  if (typeof shared !== 'boolean' && (typeof shared !== 'string' || !SHARED_NAME.test(shared))) {
    throw invalid('shared must be true, false or a name of a-z, 0-9 and -');
  }
  return {
    enabled,
    cacheSize,
    maxEntry: Math.min(MAX_ENTRY, Math.floor(cacheSize / 16)),
    shared: shared === true ? 'shared' : shared === false ? undefined : shared,
    timeoutMs,
  };
}

function whole(name: string, value: number, [least, most]: readonly [number, number]): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(`${name} must be a whole number from ${least} to ${most}`);
}

function invalid(what: string): FerroError {
  return new FerroError('CONFIG_INVALID', { detail: `sona.${what}` });
}
