import type { McpClient, MessageOrigin, ServerDescription } from '../client/contract.ts';
import { FerroError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { JsonRpcNotification } from '../core/jsonrpc.ts';
import type { Logger } from '../core/log.ts';
import { LOGGING_LEVELS, type LoggingLevel, type LogMessage } from '../core/mcp.ts';
import type { UpstreamOptions } from '../runtime/config/upstream-options.ts';
import { Bulkhead } from './bulkhead.ts';
import { ChangeWatcher } from './change-watcher.ts';
import { connectTarget } from './connect-target.ts';
import { CallStatistics } from './delays.ts';
import type { Lane, LaneState } from './lane.ts';
import { LanePool } from './lane-pool.ts';
import { answerQuestion, attribute } from './questions.ts';
import { RefreshSchedule } from './refresh-schedule.ts';
import { RestartPolicy } from './restart-policy.ts';
import {
  fetchLists,
  LIST_NAMES,
  type ListName,
  listDigest,
  snapshotOf,
  type UpstreamLists,
  type UpstreamSnapshot,
} from './snapshot.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import type { GatewayDeps, UpstreamTarget } from './target.ts';
import type { UpstreamCall } from './upstream-call.ts';

export interface UpstreamSetup {
  readonly name: string;
  readonly prefix: string;
  readonly target: UpstreamTarget;
  readonly options: UpstreamOptions;
}

export interface UpstreamEvents {
  /** What it offers has changed. */
  changed(upstream: Upstream, lists: readonly ListName[]): void;
  resourceUpdated(upstream: Upstream, uri: string): void;
}

export type UpstreamState = LaneState | 'open';

/** Ids of URL elicitations that may be remembered until they are complete. */
const URL_ELICITATIONS = 1_000;

/** One upstream server: its connections, what it offers, its health. */
export class Upstream {
  readonly name: string;
  readonly prefix: string;
  readonly options: UpstreamOptions;
  readonly bulkhead: Bulkhead;
  readonly pool: LanePool;
  readonly policy: RestartPolicy;
  readonly statistics = new CallStatistics();
  readonly #target: UpstreamTarget;
  readonly #deps: GatewayDeps;
  readonly #events: UpstreamEvents;
  readonly #store: SnapshotStore;
  readonly #watcher: ChangeWatcher;
  readonly #refresh: RefreshSchedule<ListName>;
  readonly #urlPeers = new Map<string, string>();
  readonly #stop = new AbortController();
  #snapshot: UpstreamSnapshot | undefined;
  #digests: Partial<Record<ListName, string>> = {};
  #listsFrom: 'none' | 'stored' | 'live' = 'none';
  #pending: Promise<void> | undefined;
  #settlePending: () => void = () => {};
  #trying = false;
  #logLevel: LoggingLevel | undefined;
  #droppedLogs = 0;

  constructor(setup: UpstreamSetup, deps: GatewayDeps, store: SnapshotStore, events: UpstreamEvents) {
    this.name = setup.name;
    this.prefix = setup.prefix;
    this.options = setup.options;
    this.#target = setup.target;
    this.#deps = deps;
    this.#events = events;
    this.#store = store;
    this.policy = new RestartPolicy({
      ...setup.options,
      ...(deps.random === undefined ? {} : { random: deps.random }),
    });
    this.bulkhead = new Bulkhead(setup.options.maxConcurrency, setup.options.maxQueue);
    this.#watcher = new ChangeWatcher(setup.name, deps.logger);
    this.#refresh = new RefreshSchedule((lists) => this.#refreshLists(lists));
    this.pool = new LanePool(
      {
        name: setup.name,
        version: deps.version,
        options: setup.options,
        logger: deps.logger,
        policy: this.policy,
        createTransport: () => connectTarget(setup, deps),
      },
      {
        connected: (lane, client, server, signal) => this.#onConnected(lane, client, server, signal),
        up: (lane, client) => this.#onUp(lane, client),
        serverRequest: (lane, request) => answerQuestion(lane, request, this.#questionHost),
        notification: (lane, notification, origin) => this.#onNotification(lane, notification, origin),
        down: (lane) => this.#onDown(lane),
        free: () => {},
      },
    );
    this.pool.keepPrimary = () => this.#watcher.wanted;
  }

  get logger(): Logger {
    return this.#deps.logger;
  }

  get isHttp(): boolean {
    return this.#target.kind === 'http';
  }

  get snapshot(): UpstreamSnapshot | undefined {
    return this.#snapshot;
  }

  get listsFrom(): 'none' | 'stored' | 'live' {
    return this.#listsFrom;
  }

  get droppedLogs(): number {
    return this.#droppedLogs;
  }

  get state(): UpstreamState {
    return this.policy.circuit === 'open' ? 'open' : this.pool.primary.state;
  }

  /** Loads what is known; an upstream nobody knows yet is started in the background to learn its lists. */
  open(): void {
    const stored = this.#store.load(this.name, this.#target);
    if (stored !== undefined) {
      if (stored.interactive) this.pool.separatePeers();
      this.#accept(stored, 'stored');
      return;
    }
    this.#pending = new Promise((resolve) => {
      const timer = setTimeout(() => this.#settlePending(), this.options.startMs);
      timer.unref();
      this.#settlePending = () => {
        clearTimeout(timer);
        this.#pending = undefined;
        resolve();
      };
    });
    this.#keepTrying();
  }

  /** Settles when its lists are known or it has used up its time; undefined when there is nothing to wait for. */
  pending(): Promise<void> | undefined {
    return this.#pending;
  }

  /** Starts, and starts again, for as long as somebody needs the connection although nobody calls. */
  #keepTrying(): void {
    if (this.#trying || this.#stop.signal.aborted) return;
    this.#trying = true;
    const attempt = async (): Promise<void> => {
      while (this.#isNeeded() && !this.#stop.signal.aborted) {
        try {
          await this.pool.primary.ready(this.#stop.signal);
          break;
        } catch {
          // Reported by the lane; here it only matters when to try again.
          this.#settlePending();
          const admission = this.policy.admission();
          await pause(admission.kind === 'open' ? Math.max(admission.ms, 250) : 0, this.#stop.signal);
        }
      }
    };
    void attempt().finally(() => {
      this.#trying = false;
    });
  }

  #isNeeded(): boolean {
    return this.#snapshot === undefined || this.#watcher.wanted;
  }

  async #onConnected(
    lane: Lane,
    client: McpClient,
    server: ServerDescription,
    signal: AbortSignal,
  ): Promise<void> {
    if (lane !== this.pool.primary || this.#snapshot !== undefined) return;
    const lists = await fetchLists(client, LIST_NAMES, this.logger, { signal });
    this.#accept(snapshotOf(server, { ...EMPTY, ...lists }, this.pool.interactive), 'live');
  }

  #onUp(lane: Lane, client: McpClient): void {
    const level = this.#logLevel;
    if (level !== undefined) void this.#tellLogLevel(client, level);
    if (lane !== this.pool.primary) return;
    this.#settlePending();
    this.#watcher.attach(client);
    // Lists from a file may be old, and so may those from before a restart.
    if (this.#listsFrom !== 'live' || lane.restarts > 0) this.#refresh.request(LIST_NAMES, 0);
  }

  #onDown(lane: Lane): void {
    if (lane !== this.pool.primary) return;
    this.#watcher.detach();
    this.#refresh.cancel();
    if (this.#isNeeded()) this.#keepTrying();
  }

  async #refreshLists(names: readonly ListName[]): Promise<void> {
    const { client } = this.pool.primary;
    const server = client?.server;
    if (client === undefined || server === undefined) return;
    const timeoutMs = this.options.startMs;
    try {
      const lists = await fetchLists(client, names, this.logger, { timeoutMs, maxTimeoutMs: timeoutMs * 4 });
      this.#accept(
        snapshotOf(server, { ...EMPTY, ...this.#snapshot, ...lists }, this.pool.interactive),
        'live',
      );
    } catch (error) {
      this.logger.log('warn', 'lists of an upstream could not be refreshed', {
        upstream: this.name,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  #accept(snapshot: UpstreamSnapshot, from: 'stored' | 'live'): void {
    const before = this.#snapshot;
    const changed = LIST_NAMES.filter((name) => {
      const digest = listDigest(snapshot[name]);
      const same = this.#digests[name] === digest;
      this.#digests[name] = digest;
      return !same;
    });
    this.#snapshot = snapshot;
    this.#listsFrom = from;
    const head = (value: UpstreamSnapshot | undefined): string =>
      JSON.stringify(
        value && [
          value.capabilities,
          value.serverInfo,
          value.instructions,
          value.revision,
          value.interactive,
        ],
      );
    const different = changed.length > 0 || head(before) !== head(snapshot);
    if (from === 'live' && different) this.#store.save(this.name, this.#target, snapshot);
    if (different) this.#events.changed(this, changed);
  }

  readonly #questionHost = {
    markInteractive: (): void => {
      if (this.pool.interactive) return;
      this.pool.separatePeers();
      this.logger.log('info', 'an upstream asks questions: each client gets its own connection', {
        upstream: this.name,
        lanes: this.options.lanes,
      });
      if (this.#snapshot !== undefined) this.#accept({ ...this.#snapshot, interactive: true }, 'live');
    },
    asked: (call: UpstreamCall, question: { readonly method: string; readonly params?: unknown }): void => {
      const params = question.params as JsonObject | undefined;
      const id = params?.['elicitationId'];
      if (typeof id === 'string') this.rememberElicitation(id, call.peerKey);
    },
    askPeer: (): GatewayDeps['askPeer'] => this.#deps.askPeer,
  };

  /** Who is to hear that the user is done with a URL. */
  rememberElicitation(id: string, peerKey: string): void {
    this.#urlPeers.set(id, peerKey);
    if (this.#urlPeers.size <= URL_ELICITATIONS) return;
    for (const oldest of this.#urlPeers.keys()) {
      this.#urlPeers.delete(oldest);
      break;
    }
  }

  #onNotification(lane: Lane, notification: JsonRpcNotification, origin: MessageOrigin): void {
    const params = notification.params ?? {};
    const primary = lane === this.pool.primary;
    switch (notification.method) {
      case 'notifications/tools/list_changed':
        if (primary) this.#refresh.request(['tools']);
        return;
      case 'notifications/resources/list_changed':
        if (primary) this.#refresh.request(['resources', 'templates']);
        return;
      case 'notifications/prompts/list_changed':
        if (primary) this.#refresh.request(['prompts']);
        return;
      case 'notifications/resources/updated':
        if (typeof params['uri'] === 'string') this.#events.resourceUpdated(this, params['uri']);
        return;
      case 'notifications/message':
        this.#relayLog(lane, params, origin);
        return;
      case 'notifications/elicitation/complete': {
        const id = params['elicitationId'];
        const peerKey = typeof id === 'string' ? this.#urlPeers.get(id) : undefined;
        if (typeof id !== 'string' || peerKey === undefined) return;
        this.#urlPeers.delete(id);
        this.#deps.notifyPeer?.(peerKey, notification.method, { elicitationId: id });
      }
    }
  }

  /**
   * A message that names no call may stem from anything anybody did on this connection: it is shown only where that was
   * one principal.
   */
  #relayLog(lane: Lane, params: JsonObject, origin: MessageOrigin): void {
    const message = toLogMessage(params);
    if (message === undefined || origin.requestId !== undefined || lane.principals.size > 1) {
      this.#droppedLogs += 1;
      return;
    }
    const found = attribute(lane, undefined);
    if (found.kind === 'call' && found.call.context !== undefined) {
      found.call.log(message);
      return;
    }
    const [principalId] = lane.principals;
    this.#deps.broadcastLog?.(this.name, message, { principalId });
  }

  /** The most verbose level anyone wants; legacy upstreams are told, modern ones hear it with each request. */
  setLogLevel(level: LoggingLevel): void {
    this.#logLevel = level;
    for (const { client } of this.pool.lanes)
      if (client !== undefined) void this.#tellLogLevel(client, level);
  }

  /** Before a call that wants more than anyone so far. */
  async raiseLogLevel(client: McpClient, level: LoggingLevel): Promise<void> {
    const current = this.#logLevel;
    if (current !== undefined && LOGGING_LEVELS.indexOf(current) <= LOGGING_LEVELS.indexOf(level)) return;
    this.#logLevel = level;
    await this.#tellLogLevel(client, level);
  }

  async #tellLogLevel(client: McpClient, level: LoggingLevel): Promise<void> {
    if (client.server?.era !== 'legacy' || client.server.capabilities.logging === undefined) return;
    await client.setLogLevel(level).catch((error: unknown) => {
      this.logger.log('debug', 'an upstream refused the log level', {
        upstream: this.name,
        error: error instanceof Error ? error.message : String(error),
      });
    });
  }

  /** URIs of this upstream that somebody listens to. */
  watch(uris: ReadonlySet<string>): void {
    this.#watcher.watch(uris);
    if (uris.size > 0 && this.pool.primary.state !== 'ready') this.#keepTrying();
  }

  rootsChanged(peerKey: string): void {
    for (const lane of this.pool.lanes) {
      if (lane.owner === peerKey) void lane.client?.rootsChanged().catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.#stop.abort(new FerroError('SHUTTING_DOWN'));
    this.#settlePending();
    this.#refresh.cancel();
    this.#watcher.detach();
    await this.pool.stop();
  }
}

const EMPTY: UpstreamLists = { tools: [], resources: [], templates: [], prompts: [] };

function toLogMessage(params: JsonObject): LogMessage | undefined {
  const { level, logger, data } = params;
  if (typeof level !== 'string' || !(LOGGING_LEVELS as readonly string[]).includes(level)) return undefined;
  if (data === undefined || (isJsonObject(data) && Object.keys(data).length === 0 && logger === undefined)) {
    return undefined;
  }
  return { level: level as LoggingLevel, data, ...(typeof logger === 'string' ? { logger } : {}) };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    timer.unref();
    signal.addEventListener('abort', done, { once: true });
  });
}
