import { FerroError } from './errors.ts';

/** Every bound of the system with its default. Sizes are bytes, times are milliseconds. */
export interface Limits {
  /** Header section of an HTTP request. */
  readonly headerBytes: number;
  /** Header lines of an HTTP request (HTTP_HEADERS_TOO_MANY). */
  readonly headerLines: number;
  /** Body of an HTTP request (HTTP_BODY_TOO_LARGE). */
  readonly bodyBytes: number;
  /** Nesting of a message (JSON_DEPTH). */
  readonly jsonDepth: number;
  /** Values in a message (JSON_NODES). */
  readonly jsonNodes: number;
  /** Characters of one number literal (JSON_NUMBER). */
  readonly jsonNumber: number;
  /** Bytes of a JSON-RPC id, as it stands in the message (ENVELOPE_ID). */
  readonly idBytes: number;
  /** Bytes of a JSON-RPC method name (ENVELOPE_METHOD). */
  readonly methodBytes: number;
  /** Messages in one batch of revision 2025-03-26 (BATCH_SIZE). */
  readonly batchMessages: number;
  /** How long the headers of a request may take to arrive. */
  readonly headersMs: number;
  /** How long a whole request may take to arrive (HTTP_TIMEOUT). */
  readonly requestMs: number;
  /** How long a connection without a request stays open. */
  readonly idleMs: number;
  /** How often Node looks for expired connections. */
  readonly connectionCheckMs: number;
  /** Unsent bytes a connection may hold before it is closed. */
  readonly writeBufferBytes: number;
  /** How long a full write buffer may stay full. */
  readonly writeStallMs: number;
  /** Connections open at a time. */
  readonly connections: number;
  /** Requests on one connection before it is closed. */
  readonly requestsPerSocket: number;
  /** One line on stdio (LINE_TOO_LONG). */
  readonly lineBytes: number;
  /** Sessions of the legacy era, over all clients (QUOTA_SESSIONS). */
  readonly sessions: number;
  /** Sessions of one authenticated principal (QUOTA_SESSIONS). */
  readonly sessionsPerPrincipal: number;
  /** How long a session lives without a request. */
  readonly sessionIdleMs: number;
  /** GET streams of one legacy session (QUOTA_STREAMS). */
  readonly streamsPerSession: number;
  /** `subscriptions/listen` streams open at a time (QUOTA_STREAMS). */
  readonly listenStreams: number;
  /** Resources one session or listen stream may be subscribed to (QUOTA_SUBSCRIPTIONS). */
  readonly subscriptionsPerPeer: number;
  /** Requests one peer (session or stdio connection) may have in flight (QUOTA_REQUESTS). */
  readonly requestsPerPeer: number;
  /** Encoded result of one request (RESULT_TOO_LARGE). */
  readonly resultBytes: number;
  /** Deadline of one handler run; time spent waiting for the client's input does not count. 0 = none. */
  readonly callMs: number;
  /** How long the server waits for one answer of the client (elicitation, sampling, roots). */
  readonly inputMs: number;
  /** Rounds of input one request may ask for. */
  readonly inputRounds: number;
  /** Sealed `requestState` (STATE_INVALID when a client sends more). */
  readonly requestStateBytes: number;
  /** How long a `requestState` can be used (STATE_INVALID). */
  readonly requestStateTtlMs: number;
  /** Cursor of a list request (CURSOR_INVALID). */
  readonly cursorBytes: number;
  /** Progress token of a request (META_INVALID). */
  readonly progressTokenBytes: number;
  /** Minimum time between two progress notifications of one request; later ones are coalesced. */
  readonly progressIntervalMs: number;
  /** Items on one page of a list. */
  readonly pageSize: number;
  /** Time between comments on a silent event stream. */
  readonly keepAliveMs: number;
  /** How long shutdown waits for running requests. */
  readonly drainMs: number;
  /** Nesting of subschemas (SCHEMA_BUDGET). */
  readonly schemaDepth: number;
  /** Subschemas of one schema (SCHEMA_BUDGET). */
  readonly schemaNodes: number;
  /** Time one schema may take to compile (SCHEMA_BUDGET). */
  readonly schemaCompileMs: number;
  /** Compiled schemas kept; the least recently used goes first. */
  readonly schemaCacheEntries: number;
  /** Subschema applications one validation may take, counted for recursive and very large schemas. */
  readonly schemaSteps: number;
}

export const DEFAULT_LIMITS: Limits = {
  headerBytes: 16 * 1024,
  headerLines: 100,
  bodyBytes: 4 * 1024 * 1024,
  jsonDepth: 64,
  jsonNodes: 50_000,
  jsonNumber: 64,
  idBytes: 256,
  methodBytes: 256,
  batchMessages: 100,
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 65_000,
  connectionCheckMs: 1_000,
  writeBufferBytes: 1024 * 1024,
  writeStallMs: 30_000,
  connections: 1_024,
  requestsPerSocket: 1_000,
  lineBytes: 10 * 1024 * 1024,
  sessions: 10_000,
  sessionsPerPrincipal: 100,
  sessionIdleMs: 30 * 60_000,
  streamsPerSession: 4,
  listenStreams: 1_000,
  subscriptionsPerPeer: 1_000,
  requestsPerPeer: 256,
  resultBytes: 16 * 1024 * 1024,
  callMs: 60_000,
  inputMs: 5 * 60_000,
  inputRounds: 16,
  requestStateBytes: 64 * 1024,
  requestStateTtlMs: 15 * 60_000,
  cursorBytes: 2_048,
  progressTokenBytes: 256,
  progressIntervalMs: 0,
  pageSize: 1_000,
  keepAliveMs: 15_000,
  drainMs: 10_000,
  schemaDepth: 32,
  schemaNodes: 1_000,
  schemaCompileMs: 50,
  schemaCacheEntries: 2_000,
  schemaSteps: 200_000,
};

/**
 * The defaults with some of them changed.
 * @throws FerroError CONFIG_UNKNOWN_KEY, or CONFIG_INVALID for anything but a finite number that is not negative
 */
export function resolveLimits(overrides: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw new FerroError('CONFIG_UNKNOWN_KEY', { detail: `limits.${name.slice(0, 64)}` });
    }
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
      throw new FerroError('CONFIG_INVALID', { detail: `limits.${name} must be a number of 0 or more` });
    }
  }
  return { ...DEFAULT_LIMITS, ...overrides };
}
