import { setTimeout as delay } from 'node:timers/promises';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ClientTransport } from '../client/contract.ts';
import { FerroError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Implementation, LoggingLevel, ServerCapabilities } from '../core/mcp.ts';
import { Registry } from '../features/registry.ts';
import type { InferArguments, SchemaInput } from '../features/tools/argument-schema/index.ts';
import { mountUpstream, type UpstreamSpec, type Upstreams } from '../gateway/index.ts';
import type { Middleware } from '../protocol/handler.ts';
import type { SchemaCacheStatistics } from '../protocol/schema/index.ts';
import { memoryTransport } from '../transports/memory/memory-pair.ts';
import { type Assembly, assemble } from './assembly.ts';
import { type HttpListener, listenHttp } from './http-listener.ts';
import { gatewayDeps, type MountHost, upstreamStates } from './mount.ts';
import type {
  Completer,
  Listening,
  ListenOptions,
  PromptHandler,
  PromptOptions,
  ResourceHandler,
  ResourceOptions,
  ServerOptions,
  TemplateHandler,
  TemplateOptions,
  ToolHandler,
  ToolOptions,
} from './options.ts';
import { PreparedReplies } from './prepared-replies.ts';
import { completer, promptEntry, resourceEntry, templateEntry, toolEntry } from './registration.ts';
import { serveStdio } from './stdio-listener.ts';

/** How long a new client waits for upstreams that have never been seen. */
const INSTRUCTIONS_WAIT_MS = 2_000;

/** An MCP server: what it offers is registered here, then it is run on stdio, HTTP or in memory, in any combination. */
export class Server {
  readonly registry = new Registry();
  readonly #assembly: Assembly;
  readonly #prepared: PreparedReplies;
  readonly #middleware: Middleware[] = [];
  readonly #listeners = new Set<HttpListener>();
  readonly #own: { readonly serverInfo: Implementation; readonly instructions: string | undefined };
  /** Behind the server; undefined when nothing is mounted. */
  #upstreams: Upstreams | undefined;
  /** Identity with upstreams, and the registry's epoch it was made for. */
  #described: { readonly serverInfo: Implementation; readonly instructions: string | undefined };
  #describedAt = -1;
  #watched: Upstreams | undefined;
  /** A transparent gateway shows its upstream's identity instead of its own. */
  #transparent = false;
  #registering: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    const { name, version, title, description, websiteUrl, icons, instructions } = options;
    if (typeof name !== 'string' || name === '' || typeof version !== 'string') {
      throw new FerroError('CONFIG_INVALID', { detail: 'a server needs a name and a version' });
    }
    const serverInfo = Object.fromEntries(
      Object.entries({ name, version, title, description, websiteUrl, icons }).filter(
        ([, value]) => value !== undefined,
      ),
    ) as unknown as Implementation;
    this.#own = { serverInfo, instructions };
    this.#described = this.#own;
    this.#assembly = assemble(options, this.registry, {
      middleware: this.#middleware,
      mounted: () => this.#upstreams?.describe().capabilities ?? {},
      identity: () => this.#identity(),
      pending: () => this.#identityPending(),
      onRootsChanged: (session) => this.#upstreams?.rootsChanged(session.id),
      onLogLevel: (peerKey, level) => this.#upstreams?.setPeerLogLevel(peerKey, level),
      onPeerGone: (peerKey) => this.#upstreams?.peerGone(peerKey),
    });
    this.#prepared = new PreparedReplies(
      this.#assembly.protocol,
      this.registry,
      () => this.#middleware.length === 0,
      () => this.#assembly.caching?.rules() ?? [],
    );
    this.#assembly.caching?.onRulesChanged(() => this.#prepared.invalidate());
  }

  /** Name, version and the rest of what the server says of itself. */
  get info(): Implementation {
    return this.#identity().serverInfo;
  }

  get capabilities(): ServerCapabilities {
    return this.#assembly.capabilities.current;
  }

  /**
   * Registers a tool. Arguments are validated before the handler runs; what it returns becomes content (see
   * `toToolResult`), what it throws becomes a result with `isError`.
   * @throws FerroError NAME_INVALID, NAME_TAKEN, SCHEMA_*
   */
  tool<I extends SchemaInput = undefined, O extends StandardSchemaV1 | JsonObject | undefined = undefined>(
    name: string,
    options: ToolOptions<I, O>,
    handler: (args: InferArguments<I>, ctx: Parameters<ToolHandler<I>>[1]) => unknown,
  ): this {
    const entry = toolEntry(name, options, handler, this.#assembly.schemas);
    if (this.#registering === undefined && !(entry instanceof Promise)) {
      this.registry.tools.add(entry);
      return this;
    }
    // Registration order is list order: behind an entry that is still being made, the others wait.
    this.#registering = Promise.all([entry, this.#registering]).then(([made]) =>
      this.registry.tools.add(made),
    );
    this.#registering.catch(() => {});
    return this;
  }

  /** Removes a tool; clients are told. */
  removeTool(name: string): boolean {
    return this.registry.tools.delete(name);
  }

  /** Registers a resource with a fixed URI. */
  resource(uri: string, options: ResourceOptions, read: ResourceHandler): this {
    this.registry.resources.add(resourceEntry(uri, options, read));
    return this;
  }

  removeResource(uri: string): boolean {
    return this.registry.resources.delete(uri);
  }

  /** Registers a family of resources by a URI template (RFC 6570). */
  resourceTemplate(uriTemplate: string, options: TemplateOptions, read: TemplateHandler): this {
    this.registry.templates.add(templateEntry(uriTemplate, options, read));
    return this;
  }

  prompt(name: string, options: PromptOptions, get: PromptHandler): this {
    this.registry.prompts.add(promptEntry(name, options, get));
    return this;
  }

  removePrompt(name: string): boolean {
    return this.registry.prompts.delete(name);
  }

  /**
   * Adds completion for one argument of a registered prompt (`ref/prompt`), resource template (`ref/resource`) or tool
   * (`ref/tool`).
   * @throws FerroError INVALID_PARAMS when the reference is unknown
   */
  completion(
    ref:
      | { readonly type: 'ref/prompt' | 'ref/tool'; readonly name: string }
      | { readonly type: 'ref/resource'; readonly uri: string },
    argument: string,
    values: Completer | readonly string[],
  ): this {
    const { prompts, templates, tools } = this.registry;
    const own = completer({ [argument]: values });
    const extend = <T extends { readonly complete?: typeof own }>(entry: T | undefined): T => {
      if (entry === undefined)
        throw new FerroError('INVALID_PARAMS', { detail: `unknown reference ${JSON.stringify(ref)}` });
      const previous = entry.complete;
      const complete: typeof own = (asked, context, ctx) =>
        asked.name === argument || previous === undefined
          ? own(asked, context, ctx)
          : previous(asked, context, ctx);
      return { ...entry, complete };
    };
    if ('uri' in ref) templates.set(extend(templates.get(ref.uri)));
    else if (ref.type === 'ref/tool') tools.set(extend(tools.get(ref.name)));
    else prompts.set(extend(prompts.get(ref.name)));
    return this;
  }

  /** Wraps every request; the first added is the outermost. */
  use(middleware: Middleware): this {
    this.#middleware.push(middleware);
    this.#prepared.invalidate();
    return this;
  }

  /**
   * Puts another MCP server behind this one: a program, a URL, or another server of this process. Its names get the
   * prefix `name`.
   * @throws FerroError CONFIG_INVALID, UPSTREAM_NAME_COLLISION
   */
  mount(name: string, upstream: UpstreamSpec | Server): this {
    const spec = upstream instanceof Server ? () => upstream.transport() : upstream;
    this.#upstreams = mountUpstream(this.registry, name, spec, gatewayDeps(this.mountHost()));
    this.#watchDescription(this.#upstreams);
    return this;
  }

  /** Takes over upstreams that were made elsewhere (the gateway). */
  attach(upstreams: Upstreams, transparent: boolean): this {
    if (this.#upstreams !== undefined)
      throw new FerroError('INSTANCE_REUSED', { detail: 'upstreams are already attached' });
    this.#upstreams = upstreams;
    this.#transparent = transparent;
    upstreams.attach(this.registry);
    this.#watchDescription(upstreams);
    return this;
  }

  /** Tells subscribers that a resource has changed. */
  resourceUpdated(uri: string): void {
    this.registry.subscriptions.updated(uri);
  }

  /** Sends a log message that belongs to no request to every legacy session that wants the level. */
  log(level: LoggingLevel, data: JsonObject | string, logger?: string): void {
    const message = { level, data, ...(logger === undefined ? {} : { logger }) };
    for (const session of this.#assembly.readySessions) session.broadcast(message);
  }

  /** Statistics of the schema cache. */
  get schemaStatistics(): SchemaCacheStatistics {
    return this.#assembly.schemas.stats();
  }

  /** Settles when everything registered so far is in place. Listening waits for it by itself. */
  async ready(): Promise<void> {
    await this.#registering;
  }

  /** Serves Streamable HTTP. @throws FerroError LISTEN_INSECURE, LISTEN_FAILED */
  async listen(options: ListenOptions = {}): Promise<Listening> {
    await this.ready();
    const listener = await listenHttp(this.#assembly, this.#prepared, options, () => this.#readiness());
    this.#listeners.add(listener);
    return {
      url: listener.url,
      port: listener.port,
      front: listener.front,
      counters: () => listener.counters(),
      close: async () => {
        this.#listeners.delete(listener);
        await listener.close();
      },
    };
  }

  /** Serves the process's stdin and stdout; settles when the client has closed its end. */
  async serveStdio(): Promise<void> {
    await this.ready();
    await serveStdio(this.#assembly);
  }

  /**
   * Runs the server as a program: on HTTP when `--port` or the environment variable PORT says where, else on stdio.
   * Ends on SIGINT, SIGTERM or the end of stdin.
   */
  async run(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
    const { runServer } = await import('./run.ts');
    await runServer(this, argv);
  }

  /** A client transport that ends here, without any I/O. */
  transport(): ClientTransport {
    return memoryTransport(this.#assembly.protocol);
  }

  /** Stops everything: listeners drain, upstreams end. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** What upstreams need of the server they are mounted in. */
  mountHost(): MountHost {
    const { limits, logger, readySessions } = this.#assembly;
    return { limits, logger, sessions: readySessions };
  }

  /** Upstreams tell when their identity or capabilities are no longer what they were. */
  #watchDescription(upstreams: Upstreams): void {
    const forget = (): void => {
      this.#describedAt = -1;
      this.#assembly.capabilities.invalidate();
      this.#prepared.invalidate();
    };
    forget();
    if (this.#watched === upstreams) return;
    this.#watched = upstreams;
    upstreams.onDescription(forget);
  }

  /**
   * A transparent server waits for its upstream's identity. Any other waits a little for the instructions of upstreams
   * it has never seen, so that one that hangs does not keep clients out.
   */
  #identityPending(): Promise<void> | undefined {
    if (this.#transparent) return this.#upstreams?.identityPending();
    const pending = this.#upstreams?.pending();
    if (pending === undefined) return undefined;
    return Promise.race([pending, delay(INSTRUCTIONS_WAIT_MS, undefined, { ref: false })]);
  }

  #identity(): { readonly serverInfo: Implementation; readonly instructions: string | undefined } {
    if (this.#upstreams === undefined) return this.#own;
    const { epoch } = this.registry;
    if (epoch === this.#describedAt) return this.#described;
    this.#describedAt = epoch;
    const described = this.#upstreams.describe();
    const serverInfo = (this.#transparent ? described.serverInfo : undefined) ?? this.#own.serverInfo;
    this.#described = { serverInfo, instructions: this.#own.instructions ?? described.instructions };
    return this.#described;
  }

  #readiness(): { readonly ready: boolean; readonly upstreams: Readonly<Record<string, unknown>> } {
    return { ready: this.#closed === undefined, upstreams: upstreamStates(this.#upstreams) };
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    await this.#assembly.execution.drain(this.#assembly.limits.drainMs);
    await this.#upstreams?.close();
    this.#assembly.caching?.close();
  }
}

/** Creates a server. See `Server` for what can be registered. */
export function createServer(options: ServerOptions): Server {
  return new Server(options);
}
