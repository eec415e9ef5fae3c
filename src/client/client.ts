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
import { LegacySession } from './legacy-session.ts';
import { requestModern } from './modern-requests.ts';
import { negotiate } from './negotiation.ts';
import { listAll } from './pagination.ts';
import { type ExchangeOptions, RawResult } from './raw-result.ts';
import { type ClientSettings, resolveSettings } from './settings.ts';
import { ListenStreams, ResourceSubscriptions } from './subscriptions.ts';
import { ToolCatalogue } from './tool-catalogue.ts';

type State = 'new' | 'connecting' | 'connected' | 'closed';

class Client implements McpClient {
  readonly #options: ClientOptions;
  readonly #settings: ClientSettings;
  readonly #connection: Connection;
  readonly #catalogue: ToolCatalogue;
  readonly #listenStreams: ListenStreams;
  readonly #resourceSubscriptions: ResourceSubscriptions;
  readonly #legacy: LegacySession;
  #state: State = 'new';
  #server: ServerDescription | undefined;
  #logLevel: LoggingLevel | undefined;

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
        sessionLost: () => {
          if (this.#state === 'connected') {
            this.#legacy.lost();
          }
        },
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
    this.#legacy = new LegacySession(this.#connection, this.#settings, {
      initialize: async () => {
        await this.#withDeadline((signal) => this.#negotiate(signal, 'legacy'));
      },
      restored: () => [
        ...this.#resourceSubscriptions.uris.map((uri) => ({
          method: 'resources/subscribe',
          params: { uri },
        })),
        ...(this.#logLevel === undefined
          ? []
          : [{ method: 'logging/setLevel', params: { level: this.#logLevel } }]),
      ],
    });
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
    try {
      return await this.#withDeadline((signal) => this.#open(signal));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Runs a handshake; rejects with `UPSTREAM_TIMEOUT` when it takes longer than `connectTimeoutMs`. */
  async #withDeadline<T>(handshake: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = new AbortController();
    const late = new FerroError('UPSTREAM_TIMEOUT', { detail: 'connect' });
    const timer = setTimeout(() => deadline.abort(late), this.#settings.connectTimeoutMs);
    const expired = new Promise<never>((_, reject) => {
      deadline.signal.addEventListener('abort', () => reject(late), { once: true });
    });
    try {
      return await Promise.race([handshake(deadline.signal), expired]);
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
    const result = await this.#parsed(method, params, options);
    if (method === 'tools/list' && Array.isArray(result['tools'])) {
      for (const tool of result['tools']) {
        if (isJsonObject(tool)) {
          this.#catalogue.learn(tool);
        }
      }
    }
    return result;
  }

  async forward(
    method: string,
    params?: JsonObject,
    options: RequestOptions = {},
  ): Promise<JsonObject | RawResult> {
    return await this.#request(method, params, { ...options, bytes: true });
  }

  async #parsed(
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ): Promise<JsonObject> {
    const result = await this.#request(method, params, options);
    return result instanceof RawResult ? result.toJson() : result;
  }

  async #request(
    method: string,
    params: JsonObject | undefined,
    options: ExchangeOptions,
  ): Promise<JsonObject | RawResult> {
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
    return await this.#legacy.request(method, params, options);
  }

  async notify(method: string, params?: JsonObject): Promise<void> {
    const server = this.#ready();
    await this.#legacy.ready();
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
      this.#parsed(method, params, options);
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
