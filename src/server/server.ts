import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ClientTransport } from '../client/contract.ts';
import { FerroError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Implementation, LoggingLevel, ServerCapabilities } from '../core/mcp.ts';
import { Registry } from '../features/registry.ts';
import type { InferArguments, SchemaInput } from '../features/tools/argument-schema/index.ts';
import type { Middleware } from '../protocol/handler.ts';
import type { SchemaCacheStatistics } from '../protocol/schema/index.ts';
import { memoryTransport } from '../transports/memory/memory-pair.ts';
import { type Assembly, assemble } from './assembly.ts';
import { type HttpListener, listenHttp } from './http-listener.ts';
import { type MountedUpstream, type MountHost, mount, type Upstream } from './mount.ts';
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
import { completer, promptEntry, resourceEntry, templateEntry, toolEntry } from './registration.ts';
import { serveStdio } from './stdio-listener.ts';

/** An MCP server: what it offers is registered here, then it is run on stdio, HTTP or in memory, in any combination. */
export class Server {
  readonly registry = new Registry();
  readonly #assembly: Assembly;
  readonly #middleware: Middleware[] = [];
  readonly #listeners = new Set<HttpListener>();
  readonly #mounts: MountedUpstream[] = [];
  readonly #own: { readonly serverInfo: Implementation; readonly instructions: string | undefined };
  #identity: { readonly serverInfo: Implementation; readonly instructions: string | undefined };
  #mounted: ServerCapabilities = {};
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
    this.#identity = this.#own;
    this.#assembly = assemble(options, this.registry, {
      middleware: this.#middleware,
      mounted: () => this.#mounted,
      identity: () => this.#identity,
      onRootsChanged: (session) => {
        for (const upstream of this.#mounts) upstream.rootsChanged(session.id);
      },
      onLogLevel: (peerKey, level) => {
        for (const upstream of this.#mounts) upstream.logLevel(peerKey, level);
      },
    });
  }

  /** Name, version and the rest of what the server says of itself. */
  get info(): Implementation {
    return this.#identity.serverInfo;
  }

  get capabilities(): ServerCapabilities {
    return this.#assembly.capabilities();
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
    return this;
  }

  /** Puts another MCP server behind this one; its names get the prefix `name`. */
  mount(name: string, upstream: Upstream): this {
    const mounted = mount(name, upstream, this.mountHost());
    this.#mounts.push(mounted);
    return this;
  }

  /** Tells subscribers that a resource has changed. */
  resourceUpdated(uri: string): void {
    this.registry.subscriptions.updated(uri);
  }

  /** Sends a log message that belongs to no request to every legacy session that wants the level. */
  log(level: LoggingLevel, data: JsonObject | string, logger?: string): void {
    this.mountHost().broadcastLog({ level, data, ...(logger === undefined ? {} : { logger }) });
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
    const listener = await listenHttp(this.#assembly, options, () => this.#readiness());
    this.#listeners.add(listener);
    return {
      url: listener.url,
      port: listener.port,
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

  /** What mounting needs of its host; used by the gateway. */
  mountHost(): MountHost {
    const assembly = this.#assembly;
    return {
      registry: this.registry,
      limits: assembly.limits,
      logger: assembly.logger,
      broadcastLog: (message) => {
        for (const session of assembly.readySessions) session.broadcast(message);
      },
      setMounted: (capabilities) => {
        this.#mounted = capabilities;
      },
      setIdentity: (serverInfo, instructions) => {
        this.#identity = { serverInfo, instructions };
      },
      track: (upstream) => this.#mounts.push(upstream),
    };
  }

  #readiness(): { readonly ready: boolean; readonly upstreams: Readonly<Record<string, unknown>> } {
    const upstreams = Object.assign({}, ...this.#mounts.map((each) => each.states())) as Record<
      string,
      unknown
    >;
    return { ready: this.#closed === undefined, upstreams };
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    await this.#assembly.execution.drain(this.#assembly.limits.drainMs);
    await Promise.all(this.#mounts.map((each) => each.close()));
  }
}

/** Creates a server. See `Server` for what can be registered. */
export function createServer(options: ServerOptions): Server {
  return new Server(options);
}
