/** Every bound of the system with its default. Sizes are bytes, times are milliseconds. */
export interface Limits {
  /** Header section of an HTTP request. */
  readonly headerBytes: number;
  readonly headerLines: number;
  readonly bodyBytes: number;
  readonly jsonDepth: number;
  readonly jsonNodes: number;
  /** Characters of one number literal. */
  readonly jsonNumber: number;
  /** Bytes of a JSON-RPC id, as it stands in the message. */
  readonly idBytes: number;
  /** Bytes of a JSON-RPC method name. */
  readonly methodBytes: number;
  readonly batchMessages: number;
  readonly headersMs: number;
  readonly requestMs: number;
  readonly idleMs: number;
  /** How often Node looks for expired connections. */
  readonly connectionCheckMs: number;
  /** Unsent bytes a connection may hold before it is closed. */
  readonly writeBufferBytes: number;
  /** How long a full write buffer may stay full. */
  readonly writeStallMs: number;
  readonly connections: number;
  readonly requestsPerSocket: number;
  /** One line on stdio. */
  readonly lineBytes: number;
  readonly sessions: number;
  readonly sessionsPerPrincipal: number;
  readonly sessionIdleMs: number;
  /** GET streams of one legacy session, and listen streams of one principal. */
  readonly streamsPerSession: number;
  readonly listenStreams: number;
  readonly subscriptionsPerPeer: number;
  /** Requests one peer (session or stdio connection) may have in flight. */
  readonly requestsPerPeer: number;
  readonly resultBytes: number;
  /** Deadline of one handler run; time spent waiting for the client's input does not count. 0 = none. */
  readonly callMs: number;
  /** How long the server waits for one answer of the client (elicitation, sampling, roots). */
  readonly inputMs: number;
  /** Rounds of input one request may ask for. */
  readonly inputRounds: number;
  readonly requestStateBytes: number;
  readonly requestStateTtlMs: number;
  readonly cursorBytes: number;
  readonly progressTokenBytes: number;
  /** Minimum time between two progress notifications of one request; later ones are coalesced. */
  readonly progressIntervalMs: number;
  readonly pageSize: number;
  readonly keepAliveMs: number;
  /** How long shutdown waits for running requests. */
  readonly drainMs: number;
  readonly schemaDepth: number;
  readonly schemaNodes: number;
  readonly schemaCompileMs: number;
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

export function resolveLimits(overrides: Partial<Limits> = {}): Limits {
  return { ...DEFAULT_LIMITS, ...overrides };
}
