/**
 * What the asking side of MCP offers to the rest of the system (gateway, CLI, tests, public API). One client speaks to
 * one server over one transport; which era it speaks is decided at `connect()`.
 */
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { JsonRpcMessage, JsonRpcNotification, RequestId } from '../core/jsonrpc.ts';
import type { Logger } from '../core/log.ts';
import type {
  CallToolResult,
  ClientCapabilities,
  Completion,
  CompletionReference,
  CreateMessageParams,
  CreateMessageResult,
  ElicitParams,
  ElicitResult,
  GetPromptResult,
  Implementation,
  InputRequests,
  InputResponses,
  JsonSchema,
  LoggingLevel,
  LogMessage,
  ProgressUpdate,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplate,
  Root,
  ServerCapabilities,
  SubscriptionFilter,
  Tool,
} from '../core/mcp.ts';
import type { Era, Revision } from '../core/revisions.ts';
import type { RawReply, RawResult } from './raw-result.ts';

/** Where a server-to-client message came from: the stream of one of our calls, or the shared channel. */
export interface MessageOrigin {
  /** Our request whose own stream carried the message (Streamable HTTP); undefined on stdio and GET streams. */
  readonly requestId?: number | string;
}

/** The sending and receiving end of a client; implemented per transport in `transports/`. */
export interface ClientTransport {
  readonly kind: 'stdio' | 'http' | 'sse' | 'memory';
  /** Opens the transport. `closed` is called once, with the reason when it was not asked for. */
  start(events: {
    /** `arrivedAt`: `performance.now()` when its last byte was there, where the transport knows. */
    message(message: JsonRpcMessage, origin: MessageOrigin, arrivedAt?: number): void;
    closed(reason?: Error): void;
    /** A large answer whose result is left as bytes, instead of `message`. */
    reply?(reply: RawReply, origin: MessageOrigin, arrivedAt?: number): void;
    /**
     * True when such an answer may come: for request `requestId`, or for any where the channel names none. Without it
     * every answer is a message.
     */
    takesBytes?(requestId?: RequestId): boolean;
    /** Bytes that were not a message were skipped (stdio noise, bad SSE data). */
    noise?(bytes: number): void;
    /** The stream of one of our requests ended without its answer (Streamable HTTP); no answer will come. */
    failed?(requestId: RequestId, reason: Error): void;
    /** The server no longer knows our session (legacy Streamable HTTP): `initialize` has to run again. */
    sessionLost?(): void;
  }): Promise<void>;
  /** True when `start()` may be called again after `closed` (a child process that can be spawned anew). */
  readonly restartable?: boolean;
  /**
   * Sends one message. For Streamable HTTP the promise settles when the server has accepted it (response headers);
   * a JSON-RPC error body of a 4xx answer is delivered as a message, any other refusal rejects.
   */
  send(message: JsonRpcMessage, options?: TransportSendOptions): Promise<void>;
  /** Told by the client once the era is known, so that HTTP can send the right headers and open the GET stream. */
  negotiated?(revision: Revision, era: Era): void;
  close(): Promise<void>;
}

export interface TransportSendOptions {
  /** Extra HTTP headers (`Mcp-Method`, `Mcp-Name`, `Mcp-Param-*`, version override for probing); ignored elsewhere. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Abort = close the stream of this message (HTTP); ignored elsewhere. */
  readonly signal?: AbortSignal;
}

export interface ServerDescription {
  readonly era: Era;
  readonly revision: Revision;
  readonly capabilities: ServerCapabilities;
  readonly serverInfo?: Implementation;
  readonly instructions?: string;
}

/** A request of the server to us (elicitation, sampling, roots), legacy era. */
export interface ServerRequest {
  readonly method: string;
  readonly params: JsonObject;
  readonly origin: MessageOrigin;
  readonly signal: AbortSignal;
}

export interface ClientOptions {
  readonly info?: Implementation;
  /** Declared capabilities; by default those for which a handler is given (elicitation: form mode only). */
  readonly capabilities?: ClientCapabilities;
  /** `auto` (default): probe modern, fall back to legacy. */
  readonly era?: 'auto' | Era;
  /** Per-request deadline, default 60 s; progress resets it up to `maxTimeoutMs` (default 10 min). */
  readonly timeoutMs?: number;
  readonly maxTimeoutMs?: number;
  /** Deadline of connect(), probing included; default 30 s. */
  readonly connectTimeoutMs?: number;
  /**
   * How long `auto` waits for the answer to the modern probe before it also tries `initialize`; default 5 s. A late
   * answer to the probe still counts.
   */
  readonly probeTimeoutMs?: number;
  /** Requests of ours that may be unanswered at a time, default 1,024; more are refused with `UPSTREAM_BUSY`. */
  readonly maxInFlight?: number;
  /** Requests of the server (elicitation and the like) handled at a time, default 64. */
  readonly maxServerRequests?: number;
  /** Pages a list method follows, default 1,000, and items it collects, default 100,000. */
  readonly maxPages?: number;
  readonly maxItems?: number;
  /** Rounds of input one request may ask for, default 16. */
  readonly inputRounds?: number;
  /** Values of `resultType` beyond the core ones, of extensions declared in `capabilities` (for example `task`). */
  readonly resultTypes?: readonly string[];
  /**
   * Checks `structuredContent` against the tool's `outputSchema`; returns what is wrong, or undefined. Without it
   * nothing is checked.
   */
  readonly validate?: (schema: JsonSchema, value: JsonValue) => string | undefined;
  readonly logger?: Logger;
  readonly onElicit?: (params: ElicitParams, signal: AbortSignal) => Promise<ElicitResult>;
  readonly onSample?: (params: CreateMessageParams, signal: AbortSignal) => Promise<CreateMessageResult>;
  readonly onRoots?: (signal: AbortSignal) => Promise<readonly Root[]>;
  /** Takes every server-to-client request before the handlers above; used by the gateway. */
  readonly onServerRequest?: (request: ServerRequest) => Promise<JsonObject>;
  /** Every notification that no call consumed (list_changed, updated, unattributed log messages). */
  readonly onNotification?: (notification: JsonRpcNotification, origin: MessageOrigin) => void;
  readonly onClose?: (reason?: Error) => void;
  /** Bytes the server sent that were not a message. */
  readonly onNoise?: (bytes: number) => void;
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly maxTimeoutMs?: number;
  readonly onProgress?: (update: ProgressUpdate) => void;
  /** Log messages of this request (modern: needs `logLevel`; legacy: those on this request's stream). */
  readonly onLog?: (message: LogMessage) => void;
  readonly logLevel?: LoggingLevel;
  /** Extra `_meta` keys (trace context and the like). */
  readonly meta?: JsonObject;
  /** Modern: capabilities declared for this request instead of the client's own. */
  readonly capabilities?: ClientCapabilities;
  /** `auto` (default): answer input_required with the handlers and retry; `return`: hand it to the caller. */
  readonly inputRequired?: 'auto' | 'return';
  /** With `inputRequired: 'return'`: the retry's fields. */
  readonly inputResponses?: InputResponses;
  readonly requestState?: string;
  /** Told the JSON-RPC id under which the request went out (to match {@link MessageOrigin}). */
  readonly onSent?: (requestId: number | string) => void;
  /** Told `performance.now()` of the moment the answer (result or error) had arrived, before it was read. */
  readonly onAnswer?: (arrivedAt: number) => void;
}

/** A modern `input_required` answer, seen only with `inputRequired: 'return'`. */
export interface InputRequiredAnswer {
  readonly resultType: 'input_required';
  readonly inputRequests?: InputRequests;
  readonly requestState?: string;
}

export interface SubscriptionEnd {
  /** `closed`: by our `close()`; `completed`: the server ended it in order; `lost`: the stream or connection broke. */
  readonly by: 'closed' | 'completed' | 'lost';
  readonly reason?: Error;
}

export interface Subscription {
  /** What the server agreed to honour. */
  readonly honoured: SubscriptionFilter;
  /** Settles once, when nothing will arrive any more; never rejects. */
  readonly ended: Promise<SubscriptionEnd>;
  close(): Promise<void>;
}

export interface McpClient {
  /** Opens the transport, settles the era, returns what the server said of itself. */
  connect(): Promise<ServerDescription>;
  /** Undefined before `connect()`. */
  readonly server: ServerDescription | undefined;
  /** Sends any request and returns its result as it came (without JSON-RPC framing). */
  request(method: string, params?: JsonObject, options?: RequestOptions): Promise<JsonObject>;
  /**
   * As {@link request}, for whoever hands the result on: a large one may be left as the bytes it came in, strictly
   * checked.
   */
  forward(method: string, params?: JsonObject, options?: RequestOptions): Promise<JsonObject | RawResult>;
  notify(method: string, params?: JsonObject): Promise<void>;
  ping(options?: RequestOptions): Promise<void>;
  /** The list methods follow `nextCursor` to the end (bounded) and return everything. */
  listTools(options?: RequestOptions): Promise<readonly Tool[]>;
  listResources(options?: RequestOptions): Promise<readonly Resource[]>;
  listResourceTemplates(options?: RequestOptions): Promise<readonly ResourceTemplate[]>;
  listPrompts(options?: RequestOptions): Promise<readonly Prompt[]>;
  callTool(name: string, args?: JsonObject, options?: RequestOptions): Promise<CallToolResult>;
  readResource(uri: string, options?: RequestOptions): Promise<ReadResourceResult>;
  getPrompt(
    name: string,
    args?: Readonly<Record<string, string>>,
    options?: RequestOptions,
  ): Promise<GetPromptResult>;
  complete(
    ref: CompletionReference,
    argument: { readonly name: string; readonly value: string },
    context?: Readonly<Record<string, string>>,
    options?: RequestOptions,
  ): Promise<Completion>;
  /** Legacy: `logging/setLevel`. Modern: the level attached to every later request. */
  setLogLevel(level: LoggingLevel): Promise<void>;
  /**
   * Asks for change notifications; they arrive at `onNotification`. Modern: one `subscriptions/listen` stream.
   * Legacy: `resources/subscribe` per URI (list_changed comes unasked).
   */
  subscribe(filter: SubscriptionFilter): Promise<Subscription>;
  /** Legacy: tells the server that the roots changed. Modern: nothing to tell. */
  rootsChanged(): Promise<void>;
  close(): Promise<void>;
}
