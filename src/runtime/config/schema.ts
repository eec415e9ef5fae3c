/**
 * The one description of our own configuration keys: validation, reference page and editor completion come from it.
 * It is JSON Schema 2020-12 with one extra keyword, `x-unit`.
 */
import { CACHE_SIZE_RANGE, SHARED_NAME, SONA_DEFAULTS, TIMEOUT_RANGE } from '../../core/sona-defaults.ts';
import { DEFAULT_UPSTREAM_OPTIONS as DEFAULTS } from './upstream-options.ts';

export interface OptionSchema {
  readonly type: 'integer' | 'string' | 'boolean' | 'array' | 'object';
  readonly description: string;
  readonly default?: unknown;
  readonly 'x-unit'?: 'ms';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly items?: { readonly type: 'string'; readonly minLength?: number; readonly maxLength?: number };
  readonly maxItems?: number;
  readonly additionalProperties?: false;
  readonly properties?: Readonly<Record<string, OptionSchema>>;
}

const DAY = 86_400_000;

const ms = (description: string, value: number, minimum = 1, maximum = DAY): OptionSchema => ({
  type: 'integer',
  description,
  default: value,
  'x-unit': 'ms',
  minimum,
  maximum,
});

const count = (description: string, value: number, minimum: number, maximum: number): OptionSchema => ({
  type: 'integer',
  description,
  default: value,
  minimum,
  maximum,
});

const globs = (description: string): OptionSchema => ({
  type: 'array',
  description,
  items: { type: 'string', minLength: 1, maxLength: 200 },
  maxItems: 1_000,
});

/** Keys allowed both in the top-level `ferromcp` section (for all servers) and in that of one server. */
export const UPSTREAM_OPTION_SCHEMA: Readonly<Record<string, OptionSchema>> = {
  timeoutMs: ms(
    'Deadline of one call to the server. Progress from the server starts it anew.',
    DEFAULTS.timeoutMs,
  ),
  maxTimeoutMs: ms('Deadline of one call however much progress is reported.', DEFAULTS.maxTimeoutMs),
  startMs: ms(
    'Deadline for starting the server and learning its lists. A first list request waits at most this long for a server that is not known yet.',
    DEFAULTS.startMs,
  ),
  shutdownMs: ms(
    'How long the server may take to end by itself before its process group is killed.',
    DEFAULTS.shutdownMs,
  ),
  idleStopMs: ms(
    'Stops the server after this time without a call; 0 keeps it running.',
    DEFAULTS.idleStopMs,
    0,
  ),
  maxConcurrency: count(
    'Calls the server may be working on at once; more wait in line.',
    DEFAULTS.maxConcurrency,
    1,
    10_000,
  ),
  maxQueue: count(
    'Calls that may wait in line; more are refused with UPSTREAM_BUSY.',
    DEFAULTS.maxQueue,
    0,
    100_000,
  ),
  lanes: count(
    'Connections (processes) a server may have when it asks users questions and several clients use it at once; each client then gets its own.',
    DEFAULTS.lanes,
    1,
    100,
  ),
  laneIdleMs: ms('Ends an additional connection after this time without a call.', DEFAULTS.laneIdleMs),
  backoffMs: ms(
    'Upper bound of the first random delay before a restart; it doubles with every failure.',
    DEFAULTS.backoffMs,
  ),
  backoffMaxMs: ms('Upper bound of any delay before a restart.', DEFAULTS.backoffMaxMs),
  breakerFailures: count(
    'Failures in a row after which the server rests: calls are refused with UPSTREAM_CIRCUIT_OPEN.',
    DEFAULTS.breakerFailures,
    1,
    1_000,
  ),
  breakerOpenMs: ms(
    'How long the server rests before one start is tried again; doubles up to ten times this.',
    DEFAULTS.breakerOpenMs,
  ),
  cacheReadsMs: ms(
    'Keeps what was read of the server as long as it says itself (`ttlMs` of 2026-07-28), but at most this long, for each principal apart; 0 keeps nothing.',
    DEFAULTS.cacheReadsMs,
    0,
  ),
  era: {
    type: 'string',
    description:
      'Protocol era to speak: `modern` (2026-07-28), `legacy` (up to 2025-11-25), or `auto`: try modern, fall back to legacy.',
    enum: ['auto', 'legacy', 'modern'],
    default: DEFAULTS.era,
  },
  http2: {
    type: 'boolean',
    description:
      'For servers with a `url`. `true`: HTTP/2 only, on http without asking first (prior knowledge). `false`: HTTP/1.1 only. Absent: HTTP/2 where an https server chooses it, else HTTP/1.1.',
  },
  inheritEnv: {
    type: 'array',
    description:
      'Environment variables of the gateway to hand on to the server, besides the basic ones (PATH, HOME, locale, temporary folder, proxies, certificates) and its own `env`. `["*"]` hands on all.',
    items: { type: 'string', minLength: 1, maxLength: 200 },
    maxItems: 1_000,
    default: DEFAULTS.inheritEnv,
  },
  tools: {
    type: 'object',
    description:
      'Which tools of the server are offered. Globs (`*`, `?`) over the names the server itself uses.',
    additionalProperties: false,
    properties: {
      allow: globs('Only these are offered; all when absent.'),
      deny: globs('These are never offered; wins over `allow`.'),
    },
  },
};

/** The `ferromcp` section of one server. */
export const SERVER_SECTION_SCHEMA: OptionSchema = {
  type: 'object',
  description: 'Our options for one server; they win over the top-level section.',
  additionalProperties: false,
  properties: {
    ...UPSTREAM_OPTION_SCHEMA,
    prefix: {
      type: 'string',
      description:
        "Stands in front of this server's tool and prompt names instead of its name in the file. Letters, digits, `-` and single `_`; must be unique.",
      minLength: 1,
      maxLength: 24,
      pattern: '^[A-Za-z0-9]([A-Za-z0-9-]|_(?=[A-Za-z0-9-]))*$',
    },
  },
};

/** The top-level `ferromcp` section. */
export const GATEWAY_SECTION_SCHEMA: OptionSchema = {
  type: 'object',
  description: 'Our options for the gateway and defaults for all servers.',
  additionalProperties: false,
  properties: {
    ...UPSTREAM_OPTION_SCHEMA,
    stateDir: {
      type: 'string',
      description:
        'Folder for lists and other state that survives a restart. Default: `FERROMCP_STATE_DIR`, else `$XDG_STATE_HOME/ferromcp`, else `~/.local/state/ferromcp`. Relative paths start at the folder of the file.',
      minLength: 1,
      maxLength: 4_096,
    },
    sona: {
      type: 'object',
      description: 'The cache of what was read of servers (`cacheReadsMs`).',
      additionalProperties: false,
      properties: {
        enabled: {
          type: 'boolean',
          description: '`false` keeps nothing, whatever `cacheReadsMs` says.',
          default: SONA_DEFAULTS.enabled,
        },
        cacheSize: count(
          'Most bytes of cached results.',
          SONA_DEFAULTS.cacheSize,
          CACHE_SIZE_RANGE[0],
          CACHE_SIZE_RANGE[1],
        ),
        shared: {
          type: 'string',
          description:
            'Name of memory that the processes of one user on this host share. Absent: that of the process.',
          pattern: SHARED_NAME.source,
        },
        timeoutMs: ms(
          'How long a call of the store may take; eight in a row that take longer switch it off.',
          SONA_DEFAULTS.timeoutMs,
          TIMEOUT_RANGE[0],
          TIMEOUT_RANGE[1],
        ),
      },
    },
    transport: {
      type: 'object',
      description: 'How clients reach the gateway.',
      additionalProperties: false,
      properties: {
        http: {
          type: 'object',
          description: 'The HTTP listener.',
          additionalProperties: false,
          properties: {
            front: {
              type: 'string',
              description:
                "Who takes connections: `native` is the addon on threads of its own, `node` is Node's HTTP server. Default: `native` where the addon is loaded. `--front` wins over it.",
              enum: ['native', 'node'],
            },
          },
        },
      },
    },
  },
};

/** Keys of a server entry that other tools defined and we honour. */
export const SERVER_ENTRY_KEYS: Readonly<Record<string, string>> = {
  command: 'Program to start (stdio). Never run through a shell.',
  args: 'Its arguments.',
  env: 'Environment variables for it; they win over inherited ones.',
  envFile: 'File with more environment variables (`NAME=value` lines); `env` wins over it.',
  cwd: 'Its working folder; relative paths start at the folder of the configuration file. Default: the working folder of the gateway.',
  url: 'Address of a server over HTTP. `serverUrl` and `httpUrl` mean the same.',
  headers: 'HTTP headers sent with every request to `url`.',
  type: '`stdio`, `http` (also `streamable-http`, `streamableHttp`) or `sse`; normally not needed. `transport` means the same.',
  disabled: '`true`: the server is left out.',
  enabled: '`false`: the server is left out.',
  disabledTools: 'Tools that are not offered; `excludeTools` means the same. Adds to `ferromcp.tools.deny`.',
  includeTools:
    'Only these tools are offered; a list under `tools` means the same. Same as `ferromcp.tools.allow`.',
  ferromcp: 'Our own options, see below.',
};

/** Keys other tools keep in a server entry that mean nothing to a gateway. */
export const FOREIGN_ENTRY_KEYS: ReadonlySet<string> = new Set([
  'alwaysAllow',
  'auth',
  'authProviderType',
  'autoApprove',
  'autoStart',
  'bundled',
  'description',
  'dev',
  'displayName',
  'extensionName',
  'gallery',
  'icon',
  'iconUrl',
  'id',
  'instructions',
  'name',
  'networkTimeout',
  'note',
  'oauth',
  'registryUrl',
  'sandbox',
  'sandboxEnabled',
  'source',
  'tags',
  'timeout',
  'title',
  'trust',
  'version',
  'watchPaths',
]);
