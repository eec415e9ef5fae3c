import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { JsonCodec } from '../core/envelope.ts';
import type { JsonObject } from '../core/json.ts';
import type { Limits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import type {
  Annotations,
  Completion,
  GetPromptResult,
  Icon,
  Implementation,
  PromptArgument,
  PromptMessage,
  ServerCapabilities,
  ToolAnnotations,
} from '../core/mcp.ts';
import type { InferArguments, SchemaInput } from '../features/tools/argument-schema/index.ts';
import type { SonaOptions } from '../intelligence/index.ts';
import type { FrontCounters } from '../native/front-port.ts';
import type { RequestContext } from '../protocol/context.ts';
import type { InputRequired } from '../protocol/input-required.ts';
import type { ListenAccess } from '../transports/http/access.ts';

export interface ServerOptions extends Implementation {
  /** Guidance for the model on how to use the server. */
  readonly instructions?: string;
  readonly limits?: Partial<Limits>;
  readonly logger?: Logger;
  /** `native` (default; TypeScript where the addon cannot load), `js`, or an own codec. */
  readonly jsonCodec?: 'native' | 'js' | JsonCodec;
  /**
   * At least 32 bytes; seals `requestState` and cursors. Servers behind one address must share it. Default: random, so
   * that sealed values end with the process.
   */
  readonly stateSecret?: Uint8Array;
  /** How long clients may keep lists and resources, in milliseconds (default 0), and for whom (default `private`). */
  readonly cacheHints?: { readonly ttlMs?: number; readonly cacheScope?: 'public' | 'private' };
  /**
   * Cache of results of tools and resources that declare `cache`: its size, whether processes share it. See
   * `SonaOptions`.
   */
  readonly sona?: SonaOptions;
  /** Extensions to declare (2026-07-28, Extension Negotiation). */
  readonly extensions?: Readonly<Record<string, JsonObject>>;
  readonly experimental?: Readonly<Record<string, JsonObject>>;
  /** Capabilities to declare besides those that follow from what is registered. */
  readonly capabilities?: ServerCapabilities;
}

/**
 * Lets equal requests be answered without running the handler again. What a result may depend on: the arguments (or the
 * URI), the protocol revision and, unless `public`, who asks with which scopes. A result for which the handler looked at
 * the client, the session or the metadata, or asked the client something, is not kept; nor are failures. A cached answer
 * sends no log messages; requests that want progress or messages always run the handler. Clients are told `cacheHints`,
 * not how long the server keeps a result.
 */
export interface CacheOptions {
  /** How long a result may be given again, in milliseconds from when it was made: above 0, at most a day. */
  readonly ttlMs: number;
  /**
   * `private` (default): only to the same principal with the same scopes. `public`: to everyone; a handler that looks at
   * `ctx.principal` makes its results private nevertheless.
   */
  readonly scope?: 'private' | 'public';
  /**
   * Names the code behind the results, and must change with it. Without one, results are never shared with other
   * processes (`sona.shared`).
   */
  readonly version?: string;
}

export interface ToolOptions<I extends SchemaInput, O extends StandardSchemaV1 | JsonObject | undefined> {
  readonly title?: string;
  readonly description?: string;
  /** Arguments: a Standard Schema (Zod, Valibot, ArkType), a JSON Schema, or nothing. */
  readonly input?: I;
  /** Structured result, likewise. */
  readonly output?: O;
  readonly annotations?: ToolAnnotations;
  readonly icons?: readonly Icon[];
  /** Deadline of one run in milliseconds; 0 = none; default `limits.callMs`. */
  readonly timeoutMs?: number;
  /** Keeps results; default: every call runs. Refused for tools annotated as destructive or `readOnlyHint: false`. */
  readonly cache?: CacheOptions;
  readonly complete?: Completers;
  readonly meta?: JsonObject;
}

export type ToolHandler<I extends SchemaInput> = (args: InferArguments<I>, ctx: RequestContext) => unknown;

export interface ResourceOptions {
  /** Default: the last part of the URI. */
  readonly name?: string;
  readonly title?: string;
  readonly description?: string;
  readonly mimeType?: string;
  readonly size?: number;
  readonly annotations?: Annotations;
  readonly icons?: readonly Icon[];
  /** Keeps what was read until it expires or `resourceUpdated` says that it has changed; default: every read runs. */
  readonly cache?: CacheOptions;
  readonly meta?: JsonObject;
}

export type ResourceHandler = (uri: string, ctx: RequestContext) => unknown;

export interface TemplateOptions extends Omit<ResourceOptions, 'size'> {
  /** Completion of template variables, by name. */
  readonly complete?: Completers;
}

export type TemplateHandler = (
  variables: Readonly<Record<string, string>>,
  ctx: RequestContext,
  uri: string,
) => unknown;

/** Proposes values for what has been typed so far; `context` holds the arguments already chosen. */
export type Completer = (
  value: string,
  context: Readonly<Record<string, string>>,
  ctx: RequestContext,
) => readonly string[] | Completion | Promise<readonly string[] | Completion>;

/** Completers by argument name; a list stands for the values that begin with what was typed. */
export type Completers = Readonly<Record<string, Completer | readonly string[]>>;

export interface PromptOptions {
  readonly title?: string;
  readonly description?: string;
  readonly arguments?: readonly PromptArgument[];
  readonly icons?: readonly Icon[];
  readonly complete?: Completers;
  readonly meta?: JsonObject;
}

export type PromptOutput =
  | string
  | PromptMessage
  | readonly PromptMessage[]
  | GetPromptResult
  | InputRequired;
export type PromptHandler = (
  args: Readonly<Record<string, string>>,
  ctx: RequestContext,
) => PromptOutput | Promise<PromptOutput>;

export interface ListenOptions extends ListenAccess {
  /** Default 3000; 0 = any free port. */
  readonly port?: number;
  /** Path of the MCP endpoint; default `/mcp`. */
  readonly path?: string;
  /** Also serve the HTTP+SSE transport of 2024-11-05 at `/sse` and `/messages`. */
  readonly legacySse?: boolean;
  /**
   * Who takes connections: `native` = the addon on threads of its own (default when it can), `node` = Node's HTTP
   * server. The environment variable FERROMCP_FRONT says it for all listeners that do not.
   */
  readonly front?: 'native' | 'node';
  /** Serves HTTPS: HTTP/2 and HTTP/1.1 by ALPN. In clear, HTTP/2 is spoken by clients that know it (h2c). */
  readonly tls?: TlsOptions;
}

/** All texts are PEM. */
export interface TlsOptions {
  /** The server's certificate, then those between it and its root. */
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
  /** Certificates of clients: not asked for (default), asked for, or demanded; `ca` says who issues them. */
  readonly clientCertificates?: 'off' | 'request' | 'require';
  readonly ca?: string | Uint8Array;
}

export interface Listening {
  /** Address of the MCP endpoint. */
  readonly url: string;
  readonly port: number;
  /** Who takes the connections. */
  readonly front: 'native' | 'node';
  /** Of the native front: what it has answered by itself, handed over and refused. */
  counters(): FrontCounters | undefined;
  /** Stops: no new connections, running requests get `limits.drainMs`, then everything is closed. */
  close(): Promise<void>;
}
