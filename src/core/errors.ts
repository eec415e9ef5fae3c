/**
 * The one error table. Every failure that leaves the process (JSON-RPC error, HTTP status, log line, metric label)
 * is a row here; nothing invents codes elsewhere.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface ErrorRow {
  /** JSON-RPC error code. */
  readonly rpc: number;
  /** HTTP status used when the error is the whole answer to an HTTP request. */
  readonly http: number;
  /** True when the same request may succeed later without a change. */
  readonly retryable: boolean;
  readonly level: LogLevel;
  /** Default message; never carries input. */
  readonly message: string;
}

const row = (
  rpc: number,
  http: number,
  message: string,
  level: LogLevel = 'info',
  retryable = false,
): ErrorRow => ({
  rpc,
  http,
  message,
  level,
  retryable,
});

const PARSE = -32700;
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INTERNAL = -32603;

export const ERROR_TABLE = {
  // JSON text (codec)
  PARSE_SYNTAX: row(PARSE, 400, 'The body is not valid JSON'),
  PARSE_UTF8: row(PARSE, 400, 'The body is not valid UTF-8'),
  PARSE_EMPTY: row(PARSE, 400, 'The body is empty'),
  JSON_DEPTH: row(INVALID_REQUEST, 400, 'JSON nesting is deeper than the limit'),
  JSON_NODES: row(INVALID_REQUEST, 400, 'JSON has more values than the limit'),
  JSON_NUMBER: row(INVALID_REQUEST, 400, 'A number literal is longer than the limit'),
  JSON_DUPLICATE_KEY: row(INVALID_REQUEST, 400, 'An object has the same key twice'),
  JSON_SURROGATE: row(INVALID_REQUEST, 400, 'A string has a lone surrogate escape'),
  JSON_CONTROL: row(INVALID_REQUEST, 400, 'A key, method, name or URI has a control character'),
  // JSON-RPC envelope (codec)
  ENVELOPE_TYPE: row(INVALID_REQUEST, 400, 'A JSON-RPC message must be an object'),
  ENVELOPE_VERSION: row(INVALID_REQUEST, 400, 'jsonrpc must be "2.0"'),
  ENVELOPE_ID: row(INVALID_REQUEST, 400, 'id must be a string or an integer within the size limit'),
  ENVELOPE_METHOD: row(INVALID_REQUEST, 400, 'method must be a non-empty string within the size limit'),
  ENVELOPE_PARAMS: row(INVALID_PARAMS, 400, 'params must be an object'),
  ENVELOPE_SHAPE: row(
    INVALID_REQUEST,
    400,
    'The message is neither a request, a notification nor a response',
  ),
  BATCH_EMPTY: row(INVALID_REQUEST, 400, 'A batch must have at least one message'),
  BATCH_SIZE: row(INVALID_REQUEST, 400, 'A batch has more messages than the limit'),
  BATCH_UNSUPPORTED: row(INVALID_REQUEST, 400, 'Batches exist in protocol revision 2025-03-26 only'),
  // protocol
  METHOD_NOT_FOUND: row(METHOD_NOT_FOUND, 404, 'Method not found'),
  INVALID_PARAMS: row(INVALID_PARAMS, 400, 'Invalid params'),
  META_MISSING: row(INVALID_PARAMS, 400, 'A required _meta field is missing or malformed'),
  META_INVALID: row(INVALID_PARAMS, 400, 'A _meta field is malformed'),
  CURSOR_INVALID: row(INVALID_PARAMS, 400, 'The cursor is unknown'),
  STATE_INVALID: row(INVALID_PARAMS, 400, 'requestState is invalid or expired'),
  LOG_LEVEL_INVALID: row(INVALID_PARAMS, 400, 'Unknown log level'),
  TOOL_UNKNOWN: row(INVALID_PARAMS, 400, 'Unknown tool'),
  PROMPT_UNKNOWN: row(INVALID_PARAMS, 400, 'Unknown prompt'),
  PROMPT_ARGUMENT: row(INVALID_PARAMS, 400, 'A prompt argument is missing or invalid'),
  /** Legacy revisions carry this as -32002; the era codec rewrites it. */
  RESOURCE_NOT_FOUND: row(INVALID_PARAMS, 400, 'Resource not found'),
  HEADER_MISMATCH: row(-32020, 400, 'A header is missing or does not match the body'),
  CAPABILITY_MISSING: row(-32021, 400, 'The client has not declared a capability this request needs'),
  VERSION_UNSUPPORTED: row(-32022, 400, 'Unsupported protocol version'),
  NOT_INITIALIZED: row(INVALID_REQUEST, 400, 'The session is not initialized'),
  ALREADY_INITIALIZED: row(INVALID_REQUEST, 400, 'The session is already initialized'),
  REQUEST_DUPLICATE_ID: row(INVALID_REQUEST, 400, 'A request with this id is still running'),
  REQUEST_CANCELLED: row(-32800, 499, 'The request was cancelled', 'debug'),
  REQUEST_TIMEOUT: row(-32001, 504, 'The request took longer than its deadline', 'warn', true),
  CLIENT_INPUT_FAILED: row(INTERNAL, 500, 'The client could not provide the requested input', 'warn'),
  RESULT_INVALID: row(INTERNAL, 500, 'The handler returned a result that cannot be sent', 'error'),
  RESULT_TOO_LARGE: row(INTERNAL, 500, 'The result is larger than the limit', 'error'),
  INTERNAL: row(INTERNAL, 500, 'Internal error', 'error'),
  // schema
  SCHEMA_INVALID: row(INVALID_PARAMS, 400, 'The JSON Schema is invalid', 'warn'),
  SCHEMA_DIALECT: row(INVALID_PARAMS, 400, 'The JSON Schema dialect is not supported', 'warn'),
  SCHEMA_REF: row(INVALID_PARAMS, 400, 'The JSON Schema refers outside itself', 'warn'),
  SCHEMA_BUDGET: row(INVALID_PARAMS, 400, 'The JSON Schema is larger or deeper than the limit', 'warn'),
  SCHEMA_PATTERN: row(INVALID_PARAMS, 400, 'A pattern cannot run in linear time', 'warn'),
  SCHEMA_HEADER: row(INVALID_PARAMS, 400, 'An x-mcp-header annotation is invalid', 'warn'),
  // HTTP front and guard
  HTTP_HEADERS_TOO_MANY: row(INVALID_REQUEST, 431, 'Too many header lines'),
  HTTP_HEADERS_TOO_LARGE: row(INVALID_REQUEST, 431, 'The header section is larger than the limit'),
  HTTP_MALFORMED: row(INVALID_REQUEST, 400, 'The request is not valid HTTP'),
  HTTP_HEADER_DUPLICATE: row(INVALID_REQUEST, 400, 'A header that must be single is repeated'),
  HTTP_TARGET: row(INVALID_REQUEST, 400, 'The request target does not match Host'),
  HTTP_NOT_FOUND: row(INVALID_REQUEST, 404, 'Not found'),
  HTTP_METHOD: row(INVALID_REQUEST, 405, 'Method not allowed'),
  HTTP_ACCEPT: row(INVALID_REQUEST, 406, 'Accept must allow application/json and text/event-stream'),
  HTTP_MEDIA_TYPE: row(INVALID_REQUEST, 415, 'Content-Type must be application/json in UTF-8'),
  HTTP_ENCODING: row(INVALID_REQUEST, 415, 'Content-Encoding is not accepted on requests'),
  HTTP_BODY_TOO_LARGE: row(INVALID_REQUEST, 413, 'The body is larger than the limit'),
  HTTP_TIMEOUT: row(INVALID_REQUEST, 408, 'The request took too long to arrive'),
  HOST_REFUSED: row(INVALID_REQUEST, 403, 'Host is not allowed', 'warn'),
  ORIGIN_REFUSED: row(INVALID_REQUEST, 403, 'Origin is not allowed', 'warn'),
  SESSION_REQUIRED: row(INVALID_REQUEST, 400, 'Mcp-Session-Id is required'),
  SESSION_UNKNOWN: row(-32001, 404, 'Unknown session'),
  QUOTA_SESSIONS: row(-32000, 429, 'Too many sessions', 'warn', true),
  QUOTA_STREAMS: row(-32000, 429, 'Too many open streams', 'warn', true),
  QUOTA_SUBSCRIPTIONS: row(-32000, 429, 'Too many subscriptions', 'warn', true),
  QUOTA_REQUESTS: row(-32000, 429, 'Too many requests in flight', 'warn', true),
  SHUTTING_DOWN: row(-32000, 503, 'The server is shutting down', 'info', true),
  // stdio
  LINE_TOO_LONG: row(INVALID_REQUEST, 413, 'A line is longer than the limit', 'warn'),
  // configuration, CLI, start-up
  CONFIG_INVALID: row(INTERNAL, 500, 'The configuration is invalid', 'error'),
  CONFIG_UNKNOWN_KEY: row(INTERNAL, 500, 'The configuration has an unknown key', 'error'),
  CONFIG_NOT_FOUND: row(INTERNAL, 500, 'The configuration file cannot be read', 'error'),
  CONFIG_VARIABLE: row(INTERNAL, 500, 'The configuration uses an undefined variable', 'error'),
  MODULE_NOT_FOUND: row(INTERNAL, 500, 'The server module cannot be found', 'error'),
  MODULE_FAILED: row(INTERNAL, 500, 'The server module failed to load', 'error'),
  MODULE_EXPORT: row(INTERNAL, 500, 'The server module has no server as its default export', 'error'),
  LISTEN_INSECURE: row(
    INTERNAL,
    500,
    'Refusing to listen on a public address without authentication',
    'error',
  ),
  LISTEN_FAILED: row(INTERNAL, 500, 'Cannot listen on the address', 'error'),
  FRONT_UNAVAILABLE: row(INTERNAL, 500, 'The HTTP front that was asked for cannot be used', 'error'),
  NAME_INVALID: row(INTERNAL, 500, 'A registered name is invalid', 'error'),
  NAME_TAKEN: row(INTERNAL, 500, 'A registered name is already taken', 'error'),
  INSTANCE_REUSED: row(INTERNAL, 500, 'This instance already serves a peer', 'error'),
  NATIVE_MISMATCH: row(INTERNAL, 500, 'The native addon has another version than the package', 'warn'),
  NATIVE_PANIC: row(INTERNAL, 500, 'The native addon failed', 'error'),
  // routing and cached results
  SONA_ARGUMENT: row(INVALID_PARAMS, 400, 'A call of sona has an invalid argument'),
  SONA_CLOSED: row(INTERNAL, 500, 'This sona is closed', 'warn'),
  SONA_OFF: row(INTERNAL, 500, 'The store of cached results failed and is switched off', 'warn'),
  SONA_NOT_SHARED: row(INTERNAL, 500, 'Cached results cannot be shared between processes', 'warn'),
  USAGE: row(INVALID_PARAMS, 400, 'Wrong command-line usage', 'error'),
  // upstream (client and gateway)
  UPSTREAM_UNAVAILABLE: row(-32010, 502, 'The upstream server is not available', 'warn', true),
  UPSTREAM_CRASHED: row(-32011, 502, 'The upstream server ended during the call', 'warn'),
  UPSTREAM_TIMEOUT: row(-32012, 504, 'The upstream server did not answer in time', 'warn'),
  UPSTREAM_PROTOCOL: row(-32013, 502, 'The upstream server broke the protocol', 'warn'),
  UPSTREAM_CIRCUIT_OPEN: row(
    -32014,
    503,
    'The upstream server failed repeatedly and is resting',
    'warn',
    true,
  ),
  UPSTREAM_BUSY: row(-32015, 503, 'The upstream server is at its limit', 'warn', true),
  UPSTREAM_UNAUTHORIZED: row(-32016, 502, 'The upstream server refuses the credentials', 'warn'),
  UPSTREAM_NAME_COLLISION: row(INTERNAL, 500, 'Two upstreams offer the same name', 'warn'),
  UPSTREAM_INPUT_REFUSED: row(
    INTERNAL,
    502,
    'A question of the upstream server cannot be matched to a client',
    'warn',
  ),
  STORED_FILE_UNUSABLE: row(INTERNAL, 500, 'A stored file is damaged and was ignored', 'warn'),
  CONNECTION_CLOSED: row(-32000, 502, 'The connection was closed', 'info'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_TABLE;

const BRAND = Symbol.for('ferromcp.error');

export interface FerroErrorOptions {
  /** What exactly is wrong, without secrets; appended to the table's message. */
  readonly detail?: string;
  /** Machine-readable data for JSON-RPC `error.data`. */
  readonly data?: unknown;
  readonly cause?: unknown;
}

/** An error with a row in {@link ERROR_TABLE}. */
export class FerroError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly data: unknown;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, options: FerroErrorOptions = {}) {
    const text = ERROR_TABLE[code].message;
    super(options.detail === undefined ? text : `${text}: ${options.detail}`, { cause: options.cause });
    this.name = 'FerroError';
    this.code = code;
    this.detail = options.detail;
    this.data = options.data;
  }

  get row(): ErrorRow {
    return ERROR_TABLE[this.code];
  }
}

/** Brand check that survives two copies of the package in one process. */
export function isFerroError(value: unknown): value is FerroError {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true;
}

/**
 * What application code has thrown, when it can be looked at without harm; else an error that says so. A proxy, a
 * getter or a message that is no text must not fail the code that reports the failure.
 */
export function inspectable(thrown: unknown): unknown {
  if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null) return thrown;
  try {
    if (isFerroError(thrown)) return thrown;
    if (!(thrown instanceof Error)) return thrown;
    if (typeof thrown.message === 'string' && typeof thrown.name === 'string') return thrown;
  } catch {
    // Falls through to the replacement.
  }
  return new Error('');
}

/**
 * A JSON-RPC error with an explicit code, as received from a peer (an upstream or a client) or thrown by a handler
 * that needs a code of its own. Travels to the caller unchanged.
 */
export class RpcError extends Error {
  readonly rpcCode: number;
  readonly data: unknown;

  constructor(rpcCode: number, message: string, data?: unknown) {
    super(message);
    this.name = 'RpcError';
    this.rpcCode = rpcCode;
    this.data = data;
  }
}
