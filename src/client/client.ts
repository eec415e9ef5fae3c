/** The asking side of MCP: one client, one server, either era. */
import { FerroError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { JsonRpcNotification } from '../core/jsonrpc.ts';
import type {
  CallToolResult,
  Completion,
  CompletionReference,
  GetPromptResult,
  LoggingLevel,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplate,
  SubscriptionFilter,
  Tool,
} from '../core/mcp.ts';
import { isModernRevision } from '../core/revisions.ts';
import { Connection } from './connection.ts';
import type {
  ClientOptions,
  ClientTransport,
  McpClient,
  MessageOrigin,
  RequestOptions,
  ServerDescription,
  ServerRequest,
  Subscription,
} from './contract.ts';
import { answerServerRequest } from './input-answers.ts';
import { requestModern } from './modern-requests.ts';
import { negotiate } from './negotiation.ts';
import { listAll } from './pagination.ts';
import { legacyMeta } from './request-metadata.ts';
import { isSessionLost } from './session-loss.ts';
import { type ClientSettings, resolveSettings } from './settings.ts';
import { ListenStreams, ResourceSubscriptions } from './subscriptions.ts';
import { ToolCatalogue } from './tool-catalogue.ts';

/** Methods without effects: they may be repeated in a new session. A tool call never is. */
const REPEATABLE = new Set([
  'ping',
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'logging/setLevel',
]);

type State = 'new' | 'connecting' | 'connected' | 'closed';

class Client implements McpClient {
  readonly #options: ClientOptions;
  readonly #settings: ClientSettings;
  readonly #connection: Connection;
  readonly #catalogue: ToolCatalogue;
  readonly #listenStreams: ListenStreams;
  readonly #resourceSubscriptions: ResourceSubscriptions;
  #state: State = 'new';
  #server: ServerDescription | undefined;
  #logLevel: LoggingLevel | undefined;
  /** Set while a lost session is being replaced; requests wait for it. */
  #renewal: Promise<void> | undefined;
  #sessionLost = false;

  constructor(transport: ClientTransport, options: ClientOptions) {
    this.#options = options;
    this.#settings = resolveSettings(options);
    this.#catalogue = new ToolCatalogue(this.#settings.logger);
    this.#connection = new Connection(
      transport,
      {
        serverRequest: (request) => this.#answer(request),
        notification: (notification, origin) => this.#onNotification(notification, origin),
        closed: (reason) => this.#onClosed(reason),
        sessionLost: () => this.#renewSession(),
        noise: (bytes) => options.onNoise?.(bytes),
      },
      this.#settings,
    );
    this.#listenStreams = new ListenStreams(
      (filter, signal, onSent) =>
        this.request(
          'subscriptions/listen',
          { notifications: filter as unknown as JsonObject },
          { signal, onSent, timeoutMs: 0, maxTimeoutMs: 0 },
        ),
      this.#settings.timeoutMs,
    );
    this.#resourceSubscriptions = new ResourceSubscriptions((method, params) => this.request(method, params));
  }

  get server(): ServerDescription | undefined {
    return this.#server;
  }

  async connect(): Promise<ServerDescription> {
    if (this.#state !== 'new') {
      throw new FerroError('INSTANCE_REUSED', { detail: 'a client connects once' });
    }
    this.#state = 'connecting';
    const { connectTimeoutMs } = this.#settings;
    const deadline = new AbortController();
    const timeout = new FerroError('UPSTREAM_TIMEOUT', { detail: 'connect' });
    const timer = setTimeout(() => deadline.abort(timeout), connectTimeoutMs);
    const late = new Promise<never>((_, reject) => {
      deadline.signal.addEventListener('abort', () => reject(timeout), { once: true });
    });
    try {
      return await Promise.race([this.#open(deadline.signal), late]);
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(signal: AbortSignal): Promise<ServerDescription> {
    await this.#connection.start();
    const server = await this.#negotiate(signal, this.#settings.era);
    if (this.#state !== 'connecting') {
      throw new FerroError('CONNECTION_CLOSED');
    }
    this.#state = 'connected';
    return server;
  }

  async #negotiate(signal: AbortSignal, era: ClientSettings['era']): Promise<ServerDescription> {
    const { info, capabilities, probeTimeoutMs, logger } = this.#settings;
    const server = await negotiate(this.#connection, {
      era,
      info,
      capabilities,
      probeTimeoutMs,
      logger,
      signal,
    });
    this.#server = server;
    this.#connection.acceptsRequests = server.era === 'legacy';
    return server;
  }

  /** Settles when there is a session to speak in; a renewal that failed is tried again. */
  async #session(): Promise<void> {
    if (this.#sessionLost && this.#renewal === undefined) {
      this.#renewSession();
    }
    await this.#renewal;
  }

  /** A new session on the same transport, with what the old one knew: log level and subscriptions. */
  #renewSession(): void {
    if (this.#state !== 'connected' || this.#renewal !== undefined) {
      return;
    }
    this.#sessionLost = true;
    const renew = async (): Promise<void> => {
      await this.#negotiate(AbortSignal.timeout(this.#settings.connectTimeoutMs), 'legacy');
      this.#sessionLost = false;
      const again: Promise<unknown>[] = this.#resourceSubscriptions.uris.map((uri) =>
        this.#callLegacy('resources/subscribe', { uri }, {}),
      );
      if (this.#logLevel !== undefined) {
        again.push(this.#callLegacy('logging/setLevel', { level: this.#logLevel }, {}));
      }
      await Promise.allSettled(again);
    };
    this.#renewal = renew().finally(() => {
      this.#renewal = undefined;
    });
    this.#renewal.catch((error: unknown) => {
      this.#settings.logger.log('warn', 'the session could not be renewed', { error: String(error) });
    });
  }

  #answer(request: ServerRequest): Promise<JsonObject> {
    return answerServerRequest(this.#options, this.#settings.capabilities, request);
  }

  #onNotification(notification: JsonRpcNotification, origin: MessageOrigin): void {
    if (this.#server?.era === 'modern' && this.#listenStreams.consume(notification, origin)) {
      return;
    }
    this.#options.onNotification?.(notification, origin);
  }

  #onClosed(reason: Error | undefined): void {
    if (this.#state !== 'connected') {
      return;
    }
    this.#state = 'closed';
    this.#resourceSubscriptions.lost(reason);
    this.#options.onClose?.(reason);
  }

  #ready(): ServerDescription {
    if (this.#server === undefined || (this.#state !== 'connected' && this.#state !== 'closed')) {
      throw new FerroError('CONNECTION_CLOSED', { detail: 'connect() first' });
    }
    return this.#server;
  }

  async request(method: string, params?: JsonObject, options: RequestOptions = {}): Promise<JsonObject> {
    const result = await this.#request(method, params, options);
    if (method === 'tools/list' && Array.isArray(result['tools'])) {
      for (const tool of result['tools']) {
        if (isJsonObject(tool)) {
          this.#catalogue.learn(tool);
        }
      }
    }
    return result;
  }

  async #request(
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ): Promise<JsonObject> {
    const server = this.#ready();
    if (server.era === 'modern' && isModernRevision(server.revision)) {
      const peer = {
        connection: this.#connection,
        settings: this.#settings,
        catalogue: this.#catalogue,
        revision: server.revision,
        logLevel: this.#logLevel,
        answer: (request: ServerRequest) => this.#answer(request),
        refreshTools: async (own: RequestOptions) => {
          await this.listTools(own);
        },
      };
      return await requestModern(peer, method, params, options);
    }
    return await this.#requestLegacy(method, params, options);
  }

  async #requestLegacy(
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ): Promise<JsonObject> {
    await this.#session();
    try {
      return await this.#callLegacy(method, params, options);
    } catch (error) {
      if (!isSessionLost(error) || !REPEATABLE.has(method)) {
        throw error;
      }
      await this.#session();
      return await this.#callLegacy(method, params, options);
    }
  }

  #callLegacy(method: string, params: JsonObject | undefined, options: RequestOptions): Promise<JsonObject> {
    const { _meta: own, ...rest } = params ?? {};
    const meta = legacyMeta({ ...(isJsonObject(own) ? own : {}), ...options.meta });
    return this.#connection.call(method, params === undefined ? undefined : rest, {
      timeoutMs: options.timeoutMs ?? this.#settings.timeoutMs,
      maxTimeoutMs: options.maxTimeoutMs ?? this.#settings.maxTimeoutMs,
      signal: options.signal,
      cancel: 'notify',
      ...(meta === undefined ? {} : { meta }),
      onProgress: options.onProgress,
      onLog: options.onLog,
      onSent: options.onSent,
    });
  }

  async notify(method: string, params?: JsonObject): Promise<void> {
    const server = this.#ready();
    await this.#session();
    const headers =
      server.era === 'modern' && this.#connection.transport.kind === 'http'
        ? { 'mcp-protocol-version': server.revision, 'mcp-method': method }
        : undefined;
    await this.#connection.notify(method, params, headers);
  }

  /** The modern era has no ping; the cheapest request every server answers stands in for it. */
  async ping(options: RequestOptions = {}): Promise<void> {
    await this.request(this.#ready().era === 'legacy' ? 'ping' : 'server/discover', undefined, options);
  }

  async #list(
    method: string,
    member: string,
    key: string,
    options: RequestOptions,
  ): Promise<readonly JsonObject[]> {
    const { maxPages, maxItems, logger } = this.#settings;
    const page = (params: JsonObject | undefined): Promise<JsonObject> =>
      this.#request(method, params, options);
    return await listAll({ method, member, key, maxPages, maxItems, logger, page });
  }

  async listTools(options: RequestOptions = {}): Promise<readonly Tool[]> {
    if (this.#ready().capabilities.tools === undefined) {
      return [];
    }
    const tools = await this.#list('tools/list', 'tools', 'name', options);
    const overHttp = this.#server?.era === 'modern' && this.#connection.transport.kind === 'http';
    this.#catalogue.clear();
    const usable = tools
      .filter((tool) => isJsonObject(tool['inputSchema']))
      .filter((tool) => {
        const valid = this.#catalogue.learn(tool);
        return valid || !overHttp;
      });
    this.#catalogue.complete = true;
    return usable as unknown as readonly Tool[];
  }

  async listResources(options: RequestOptions = {}): Promise<readonly Resource[]> {
    if (this.#ready().capabilities.resources === undefined) {
      return [];
    }
    return (await this.#list(
      'resources/list',
      'resources',
      'uri',
      options,
    )) as unknown as readonly Resource[];
  }

  async listResourceTemplates(options: RequestOptions = {}): Promise<readonly ResourceTemplate[]> {
    if (this.#ready().capabilities.resources === undefined) {
      return [];
    }
    const found = await this.#list('resources/templates/list', 'resourceTemplates', 'uriTemplate', options);
    return found as unknown as readonly ResourceTemplate[];
  }

  async listPrompts(options: RequestOptions = {}): Promise<readonly Prompt[]> {
    if (this.#ready().capabilities.prompts === undefined) {
      return [];
    }
    return (await this.#list('prompts/list', 'prompts', 'name', options)) as unknown as readonly Prompt[];
  }

  async callTool(name: string, args: JsonObject = {}, options: RequestOptions = {}): Promise<CallToolResult> {
    const result = await this.request('tools/call', { name, arguments: args }, options);
    const type = result['resultType'];
    if (type !== undefined && type !== 'complete') {
      return result as unknown as CallToolResult;
    }
    this.#checkOutput(name, result);
    return {
      ...result,
      content: Array.isArray(result['content']) ? result['content'] : [],
    } as CallToolResult;
  }

  #checkOutput(name: string, result: JsonObject): void {
    const { validate } = this.#options;
    const schema = this.#catalogue.outputSchema(name);
    if (validate === undefined || schema === undefined || result['isError'] === true) {
      return;
    }
    const value = result['structuredContent'];
    const wrong = value === undefined ? 'structuredContent is missing' : validate(schema, value);
    if (wrong !== undefined) {
      throw new FerroError('UPSTREAM_PROTOCOL', {
        detail: `result of ${name} against its outputSchema: ${wrong}`,
      });
    }
  }

  async readResource(uri: string, options: RequestOptions = {}): Promise<ReadResourceResult> {
    const result = await this.request('resources/read', { uri }, options);
    return result as unknown as ReadResourceResult;
  }

  async getPrompt(
    name: string,
    args?: Readonly<Record<string, string>>,
    options: RequestOptions = {},
  ): Promise<GetPromptResult> {
    const params = args === undefined ? { name } : { name, arguments: args };
    return (await this.request('prompts/get', params, options)) as unknown as GetPromptResult;
  }

  async complete(
    ref: CompletionReference,
    argument: { readonly name: string; readonly value: string },
    context?: Readonly<Record<string, string>>,
    options: RequestOptions = {},
  ): Promise<Completion> {
    const params = { ref, argument, ...(context === undefined ? {} : { context: { arguments: context } }) };
    const { completion } = await this.request(
      'completion/complete',
      params as unknown as JsonObject,
      options,
    );
    if (!isJsonObject(completion) || !Array.isArray(completion['values'])) {
      throw new FerroError('UPSTREAM_PROTOCOL', { detail: 'completion/complete without values' });
    }
    return completion as unknown as Completion;
  }

  async setLogLevel(level: LoggingLevel): Promise<void> {
    if (this.#ready().era === 'legacy') {
      await this.request('logging/setLevel', { level });
    }
    this.#logLevel = level;
  }

  async subscribe(filter: SubscriptionFilter): Promise<Subscription> {
    const server = this.#ready();
    return server.era === 'modern'
      ? await this.#listenStreams.open(filter)
      : await this.#resourceSubscriptions.open(filter, server.capabilities);
  }

  async rootsChanged(): Promise<void> {
    if (this.#ready().era === 'legacy' && this.#settings.capabilities.roots?.listChanged === true) {
      await this.notify('notifications/roots/list_changed');
    }
  }

  async close(): Promise<void> {
    const wasConnected = this.#state === 'connected';
    await this.#connection.close();
    if (!wasConnected) {
      this.#state = 'closed';
    }
  }
}

/** A client over `transport`; nothing happens before `connect()`. */
export function createClient(transport: ClientTransport, options: ClientOptions = {}): McpClient {
  return new Client(transport, options);
}
