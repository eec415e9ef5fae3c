import { mkdirSync } from 'node:fs';
import { ERROR_TABLE, type ErrorCode, FerroError } from '../core/errors.ts';
import {
  type Implementation,
  LOGGING_LEVELS,
  type LoggingLevel,
  type ReadResourceResult,
  type ServerCapabilities,
} from '../core/mcp.ts';
import type { Outcome, Registry } from '../features/registry.ts';
import type { RequestContext } from '../protocol/context.ts';
import type { ServerEntry } from '../runtime/config/server-entry.ts';
import { DEFAULT_UPSTREAM_OPTIONS, type UpstreamOptions } from '../runtime/config/upstream-options.ts';
import { upstreamOfState } from './bridge.ts';
import { unionOf } from './capabilities.ts';
import type { UpstreamStats } from './delays.ts';
import { readResource } from './entries.ts';
import { EntryPublisher } from './entry-publisher.ts';
import { upstreamPrefix } from './namespace.ts';
import { isNotFound } from './not-found.ts';
import { ParkedCalls } from './parked-calls.ts';
import { SnapshotStore } from './snapshot-store.ts';
import type { GatewayDeps, UpstreamTarget } from './target.ts';
import { Upstream, type UpstreamState } from './upstream.ts';

/** Health of one upstream, for `/readyz` and `doctor`. */
export interface UpstreamStatus {
  readonly name: string;
  readonly prefix: string;
  /** `idle` is healthy: it starts on first use. */
  readonly state: UpstreamState;
  readonly era?: string;
  readonly revision?: string;
  readonly serverInfo?: Implementation;
  readonly lists: { readonly from: 'none' | 'stored' | 'live' } & Readonly<
    Record<'tools' | 'resources' | 'templates' | 'prompts', number>
  >;
  readonly connections: number;
  readonly inFlight: number;
  readonly queued: number;
  /** Starts after the first, over all connections. */
  readonly restarts: number;
  readonly failuresInARow: number;
  /** Bytes of output that were not messages. */
  readonly noiseBytes: number;
  /** Log messages nobody could safely be shown. */
  readonly droppedLogs: number;
  /** Each client gets its own connection. */
  readonly interactive: boolean;
  readonly lastError?: { readonly code: ErrorCode; readonly message: string };
}

/** What a server in front of the upstreams says of itself. */
export interface GatewayDescription {
  readonly capabilities: ServerCapabilities;
  readonly instructions?: string;
  /** Transparent only: the upstream's own. */
  readonly serverInfo?: Implementation;
}

export interface UpstreamsConfig {
  readonly servers: readonly ServerEntry[];
}

/** Calls that may wait for a client's answer at a time, over all upstreams. */
const PARKED_CALLS = 1_000;
const INSTRUCTIONS_CHARS = 4_096;
const SOURCE = 'gateway';

/** Upstream servers as features of a registry. */
export class Upstreams {
  readonly #deps: GatewayDeps;
  readonly #store: SnapshotStore;
  readonly #parked: ParkedCalls;
  readonly #upstreams: Upstream[] = [];
  readonly #publisher: EntryPublisher;
  readonly #peerLevels = new Map<string, LoggingLevel>();
  #registry: Registry | undefined;
  #detach: (() => void)[] = [];
  #closing: Promise<void> | undefined;
  readonly #describing = new Set<(description: GatewayDescription) => void>();
  #description: GatewayDescription | undefined;

  constructor(config: UpstreamsConfig, deps: GatewayDeps) {
    this.#deps = deps;
    this.#store = new SnapshotStore(deps.stateDir, deps.version, deps.logger);
    this.#parked = new ParkedCalls(deps.limits.inputMs, PARKED_CALLS);
    if (deps.transparent === true && config.servers.length !== 1) {
      throw new FerroError('CONFIG_INVALID', {
        detail: `transparent needs exactly one server that is switched on, there are ${config.servers.length}`,
      });
    }
    this.#publisher = new EntryPublisher(SOURCE, this.#parked, deps.transparent === true, deps.logger);
    for (const { name, target, options } of config.servers) this.#add(name, target, options);
  }

  #add(name: string, target: UpstreamTarget, options: UpstreamOptions): Upstream {
    const prefix = upstreamPrefix(options.prefix ?? name);
    const clash = this.#upstreams.find((other) => other.prefix === prefix || other.name === name);
    if (clash !== undefined) {
      throw new FerroError('UPSTREAM_NAME_COLLISION', {
        detail: `${JSON.stringify(name)} and ${JSON.stringify(clash.name)}; give one another "prefix"`,
      });
    }
    const upstream = new Upstream({ name, prefix, target, options }, this.#deps, this.#store, {
      changed: (_upstream, lists) => {
        this.#describeAnew();
        this.#publisher.changed(lists);
      },
      resourceUpdated: (from, uri) => {
        this.#registry?.subscriptions.updated(this.#publisher.addresses.toClient(from.prefix, uri));
      },
    });
    this.#upstreams.push(upstream);
    return upstream;
  }

  /** Puts the upstreams' entries into `registry` and keeps them up to date. Once. */
  attach(registry: Registry): void {
    if (this.#registry !== undefined) throw new FerroError('INSTANCE_REUSED');
    this.#registry = registry;
    this.#makeStateFolder();
    this.#publisher.attach(registry, this.#upstreams);
    registry.sources.push({ name: SOURCE, pending: () => this.pending() });
    registry.fallbacks.push({ source: SOURCE, read: (uri, context) => this.#readUnlisted(uri, context) });
    this.#detach.push(registry.subscriptions.onInterest(() => this.#publisher.watchLater()));
    for (const upstream of this.#upstreams) upstream.open();
  }

  /** Configurations may let upstreams keep files there, so it has to exist before they start. */
  #makeStateFolder(): void {
    const { stateDir, logger } = this.#deps;
    if (stateDir === undefined) return;
    try {
      mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    } catch (error) {
      logger.log('warn', 'the state folder cannot be made: nothing will be remembered', {
        stateDir,
        reason: (error as NodeJS.ErrnoException).code ?? 'unknown',
      });
    }
  }

  /** Runs `listener` whenever capabilities, instructions or server info have changed. */
  onDescription(listener: (description: GatewayDescription) => void): () => void {
    this.#describing.add(listener);
    return () => this.#describing.delete(listener);
  }

  #describeAnew(): void {
    const before = this.#description;
    const next = this.#describe();
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(next)) return;
    this.#description = next;
    for (const listener of this.#describing) listener(next);
  }

  /** Adds an upstream while running. @throws FerroError UPSTREAM_NAME_COLLISION */
  mount(name: string, target: UpstreamTarget, options: Partial<UpstreamOptions> = {}): void {
    if (this.#closing !== undefined) throw new FerroError('SHUTTING_DOWN');
    if (this.#deps.transparent === true) {
      throw new FerroError('CONFIG_INVALID', { detail: 'transparent needs exactly one server' });
    }
    const upstream = this.#add(name, target, { ...DEFAULT_UPSTREAM_OPTIONS, ...options });
    if (this.#registry === undefined) return;
    upstream.open();
    this.#describeAnew();
  }

  /**
   * What {@link describe} has to wait for. Only a transparent gateway: any other answers at once, counting an upstream
   * it does not know yet as one that offers everything, so that a hanging upstream cannot hold up a handshake.
   */
  identityPending(): Promise<void> | undefined {
    return this.#deps.transparent === true ? this.pending() : undefined;
  }

  /** Settles when every list is known or its upstream has used up its time; undefined: nothing to wait for. */
  pending(): Promise<void> | undefined {
    const waiting = this.#upstreams
      .map((upstream) => upstream.pending())
      .filter((wait) => wait !== undefined);
    if (waiting.length === 0) return this.#publisher.pending();
    return Promise.all(waiting).then(() => this.#publisher.pending());
  }

  /**
   * What the server in front may say of itself; await {@link pending} before the first time. The same object until
   * something changes.
   */
  describe(): GatewayDescription {
    this.#description ??= this.#describe();
    return this.#description;
  }

  #describe(): GatewayDescription {
    const [only] = this.#upstreams;
    const snapshot = only?.snapshot;
    if (this.#deps.transparent === true && snapshot !== undefined) {
      return {
        capabilities: unionOf([snapshot], true),
        ...(snapshot.instructions === undefined ? {} : { instructions: snapshot.instructions }),
        ...(snapshot.serverInfo === undefined ? {} : { serverInfo: snapshot.serverInfo }),
      };
    }
    const instructions = this.#instructions();
    return {
      capabilities: unionOf(
        this.#upstreams.map((upstream) => upstream.snapshot),
        false,
      ),
      ...(instructions === undefined ? {} : { instructions }),
    };
  }

  #instructions(): string | undefined {
    const parts = this.#upstreams.flatMap(({ prefix, snapshot }) => {
      const text = snapshot?.instructions?.trim();
      if (text === undefined || text === '') return [];
      const cut = text.length > INSTRUCTIONS_CHARS ? `${text.slice(0, INSTRUCTIONS_CHARS)}…` : text;
      return [`## ${prefix} (tools ${prefix}__…)\n\n${cut}`];
    });
    return parts.length === 0 ? undefined : parts.join('\n\n');
  }

  states(): readonly UpstreamStatus[] {
    return this.#upstreams.map(statusOf);
  }

  /** How long calls took, at the upstreams and in the gateway, and what became of their results. */
  stats(): readonly UpstreamStats[] {
    return this.#upstreams.map(({ name, statistics }) => statistics.summary(name));
  }

  /** A legacy downstream session has set (or, gone, no longer has) a log level of its own. */
  setPeerLogLevel(peerKey: string, level: LoggingLevel | undefined): void {
    if (level === undefined) this.#peerLevels.delete(peerKey);
    else this.#peerLevels.set(peerKey, level);
    const wanted = [...this.#peerLevels.values()].sort(
      (a, b) => LOGGING_LEVELS.indexOf(a) - LOGGING_LEVELS.indexOf(b),
    )[0];
    if (wanted !== undefined) for (const upstream of this.#upstreams) upstream.setLogLevel(wanted);
  }

  /** A legacy downstream client has said that its roots changed. */
  rootsChanged(peerKey: string): void {
    for (const upstream of this.#upstreams) upstream.rootsChanged(peerKey);
  }

  /** A downstream session or connection has ended: its waiting calls are cancelled, its connections freed. */
  peerGone(peerKey: string): void {
    this.#parked.abandon(peerKey);
    this.setPeerLogLevel(peerKey, undefined);
    for (const upstream of this.#upstreams) upstream.pool.release(peerKey);
  }

  /** URIs nobody lists: given to the upstream that is known to have them, else to each that has resources. */
  async #readUnlisted(
    uri: string,
    context: RequestContext,
  ): Promise<Outcome<ReadResourceResult> | undefined> {
    const { factory } = this.#publisher;
    const known = this.#publisher.addresses.resolve(uri);
    if (known !== undefined) {
      const upstream = this.#upstreams.find(({ prefix }) => prefix === known.prefix);
      return upstream === undefined ? undefined : await readResource(factory, upstream, known.uri, context);
    }
    // A round that brings answers goes on where the questions came from; those before have said no.
    const name = upstreamOfState(context);
    const first = Math.max(
      0,
      this.#upstreams.findIndex((upstream) => upstream.name === name),
    );
    for (const upstream of this.#upstreams.slice(first)) {
      if (upstream.snapshot?.capabilities.resources === undefined || upstream.state === 'open') continue;
      try {
        return await readResource(factory, upstream, uri, context);
      } catch (error) {
        if (!isNotFound(error) && !(this.#upstreams.length > 1 && isUpstreamTrouble(error))) throw error;
      }
    }
    return undefined;
  }

  /** Ends every upstream, processes with their groups; waits until they are gone. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const stop of this.#detach) stop();
    this.#publisher.detach();
    this.#parked.abandon();
    await Promise.all(this.#upstreams.map((upstream) => upstream.close()));
    await this.#store.flush();
  }
}

function isUpstreamTrouble(error: unknown): boolean {
  return error instanceof FerroError && error.code.startsWith('UPSTREAM_');
}

function statusOf(upstream: Upstream): UpstreamStatus {
  const { snapshot, pool } = upstream;
  const { lanes } = pool;
  const lastError = lanes.map((lane) => lane.lastError).find((error) => error !== undefined);
  return {
    name: upstream.name,
    prefix: upstream.prefix,
    state: upstream.state,
    ...(snapshot === undefined ? {} : { era: snapshot.era, revision: snapshot.revision }),
    ...(snapshot?.serverInfo === undefined ? {} : { serverInfo: snapshot.serverInfo }),
    lists: {
      from: upstream.listsFrom,
      tools: snapshot?.tools.length ?? 0,
      resources: snapshot?.resources.length ?? 0,
      templates: snapshot?.templates.length ?? 0,
      prompts: snapshot?.prompts.length ?? 0,
    },
    connections: lanes.filter((lane) => lane.state === 'ready').length,
    inFlight: upstream.bulkhead.running,
    queued: upstream.bulkhead.queued,
    restarts: lanes.reduce((sum, lane) => sum + Math.max(0, lane.restarts), 0),
    failuresInARow: upstream.policy.failures,
    noiseBytes: lanes.reduce((sum, lane) => sum + lane.noiseBytes, 0),
    droppedLogs: upstream.droppedLogs,
    interactive: pool.interactive,
    ...(lastError === undefined
      ? {}
      : {
          lastError: {
            code: lastError.code,
            message: lastError.detail ?? ERROR_TABLE[lastError.code].message,
          },
        }),
  };
}

/**
 * Upstreams from a configuration. Nothing starts before `attach()`.
 * @throws FerroError CONFIG_INVALID, UPSTREAM_NAME_COLLISION
 */
export function createUpstreams(config: UpstreamsConfig, deps: GatewayDeps): Upstreams {
  return new Upstreams(config, deps);
}
