import { createClient } from '../client/client.ts';
import type {
  ClientOptions,
  ClientTransport,
  McpClient,
  MessageOrigin,
  ServerDescription,
  ServerRequest,
} from '../client/contract.ts';
import { FerroError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { JsonRpcNotification } from '../core/jsonrpc.ts';
import type { Logger } from '../core/log.ts';
import type { ClientCapabilities, Implementation } from '../core/mcp.ts';
import type { UpstreamOptions } from '../runtime/config/upstream-options.ts';
import { startFailure } from './failures.ts';
import type { RestartPolicy } from './restart-policy.ts';
import type { UpstreamCall } from './upstream-call.ts';

export type LaneState = 'idle' | 'starting' | 'ready' | 'backing-off' | 'stopped';

export interface LaneEvents {
  /** Part of the start: what has to be known before anyone may use the connection. */
  connected(lane: Lane, client: McpClient, server: ServerDescription, signal: AbortSignal): Promise<void>;
  /** The connection may be used. */
  up(lane: Lane, client: McpClient): void;
  serverRequest(lane: Lane, request: ServerRequest): Promise<JsonObject>;
  notification(lane: Lane, notification: JsonRpcNotification, origin: MessageOrigin): void;
  /** The connection is gone; `reason` is undefined when we ended it. */
  down(lane: Lane, reason: Error | undefined): void;
  /** The last call has ended. */
  free(lane: Lane): void;
}

export interface LaneOptions {
  readonly name: string;
  readonly version: string;
  readonly options: UpstreamOptions;
  readonly logger: Logger;
  readonly policy: RestartPolicy;
  createTransport(): ClientTransport;
}

/** What we can do for an upstream that asks (legacy era); in the modern era each request carries its client's own. */
const CAPABILITIES: ClientCapabilities = {
  elicitation: { form: {}, url: {} },
  sampling: { tools: {}, context: {} },
  roots: { listChanged: true },
};

/** A connection that lasted this long was not part of a crash loop. */
const STABLE_MS = 10_000;
/** How long a cancelled call may still cause questions and messages. */
const GHOST_MS = 60_000;
/** Bytes of noise between two messages after which an upstream is taken for broken. */
const NOISE_BYTES = 64 * 1024 * 1024;

interface Trace {
  readonly peerKey: string;
}

/** One connection to an upstream (one process, one HTTP session), restarted when needed. */
export class Lane {
  readonly id: number;
  /** The peer that has this connection for itself; undefined: anyone. */
  owner: string | undefined;
  readonly calls = new Set<UpstreamCall>();
  /** Principals that have used this connection since it was opened. */
  readonly principals = new Set<string>();
  /** Peers whose cancelled calls may still be at work in the upstream. */
  readonly ghosts = new Set<Trace>();
  restarts = -1;
  noiseBytes = 0;
  lastError: FerroError | undefined;
  readonly #setup: LaneOptions;
  readonly #events: LaneEvents;
  #state: LaneState = 'idle';
  #client: McpClient | undefined;
  #starting: Promise<McpClient> | undefined;
  #closing: Promise<void> | undefined;
  #noiseSinceMessage = 0;
  #stable: NodeJS.Timeout | undefined;
  #stop = new AbortController();

  constructor(id: number, setup: LaneOptions, events: LaneEvents) {
    this.id = id;
    this.#setup = setup;
    this.#events = events;
  }

  get state(): LaneState {
    return this.#state;
  }

  get client(): McpClient | undefined {
    return this.#state === 'ready' ? this.#client : undefined;
  }

  get server(): ServerDescription | undefined {
    return this.#client?.server;
  }

  get free(): boolean {
    return this.calls.size === 0 && this.ghosts.size === 0;
  }

  /** The open connection; opens it when there is none. @throws FerroError UPSTREAM_… */
  async ready(signal: AbortSignal): Promise<McpClient> {
    if (signal.aborted) throw new FerroError('REQUEST_CANCELLED');
    const { client } = this;
    if (client !== undefined && this.#setup.policy.circuit !== 'open') return client;
    if (client !== undefined) throw this.#circuitOpen();
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    const starting = this.#starting;
    return await new Promise((resolve, reject) => {
      const onAbort = (): void => reject(new FerroError('REQUEST_CANCELLED'));
      signal.addEventListener('abort', onAbort, { once: true });
      starting.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  async #start(): Promise<McpClient> {
    const { policy } = this.#setup;
    await this.#closing;
    if (this.#state === 'stopped') throw new FerroError('SHUTTING_DOWN');
    const stop = this.#stop.signal;
    const admission = policy.admission();
    if (admission.kind === 'open') throw this.#circuitOpen();
    if (admission.kind === 'wait') {
      this.#state = 'backing-off';
      await pause(admission.ms, stop);
    }
    if (stop.aborted) throw new FerroError('SHUTTING_DOWN');
    // Another connection of the same upstream may have failed while we waited.
    if (policy.admission().kind === 'open') {
      this.#state = 'idle';
      throw this.#circuitOpen();
    }
    policy.attempt();
    this.#state = 'starting';
    this.restarts += 1;
    try {
      const client = await this.#open(stop);
      this.#stable = setTimeout(() => policy.succeeded(), STABLE_MS);
      this.#stable.unref();
      this.#events.up(this, client);
      return client;
    } catch (error) {
      const failure = startFailure(error, this.#setup.name);
      this.lastError = failure;
      this.#client = undefined;
      if (!stop.aborted) {
        this.#state = 'idle';
        policy.failed();
        this.#setup.logger.log('warn', 'an upstream could not be started', {
          upstream: this.#setup.name,
          code: failure.code,
          detail: failure.detail,
          failures: policy.failures,
        });
      }
      throw failure;
    }
  }

  async #open(stop: AbortSignal): Promise<McpClient> {
    const { options, name, logger } = this.#setup;
    const deadline = AbortSignal.any([stop, AbortSignal.timeout(options.startMs)]);
    this.principals.clear();
    for (const call of this.calls) this.principals.add(call.principalId);
    this.#noiseSinceMessage = 0;
    let lost: Error | undefined;
    const settings: ClientOptions = {
      info: this.#identity(),
      capabilities: CAPABILITIES,
      era: options.era,
      timeoutMs: options.timeoutMs,
      maxTimeoutMs: options.maxTimeoutMs,
      connectTimeoutMs: options.startMs,
      maxInFlight: options.maxConcurrency * 4 + 64,
      logger,
      onServerRequest: (request) => {
        this.#noiseSinceMessage = 0;
        return this.#events.serverRequest(this, request);
      },
      onNotification: (notification, origin) => {
        this.#noiseSinceMessage = 0;
        if (this.#client === client) this.#events.notification(this, notification, origin);
      },
      onNoise: (bytes) => this.#onNoise(bytes),
      onClose: (reason) => {
        lost = reason ?? new FerroError('CONNECTION_CLOSED');
        if (this.#client === client) this.#onClose(reason);
      },
    };
    const client = createClient(this.#setup.createTransport(), settings);
    this.#client = client;
    try {
      const server = await abortable(client.connect(), deadline, name);
      await abortable(this.#events.connected(this, client, server, deadline), deadline, name);
      if (lost !== undefined) throw lost;
      // In the same turn as the check: from here on `onClose` sees a connection in use.
      this.#state = 'ready';
      return client;
    } catch (error) {
      this.#client = undefined;
      // Its end may take its time; the next start waits for it, the callers of this one do not.
      this.#close(client);
      throw lost !== undefined && !deadline.aborted ? lost : error;
    }
  }

  #identity(): Implementation {
    return { name: 'ferromcp-gateway', version: this.#setup.version };
  }

  #onClose(reason: Error | undefined): void {
    if (this.#state !== 'ready') return;
    clearTimeout(this.#stable);
    this.#client = undefined;
    this.#state = 'idle';
    this.#forget();
    if (reason !== undefined) {
      this.lastError = startFailure(reason, this.#setup.name);
      this.#setup.policy.failed();
      this.#setup.logger.log('warn', 'an upstream ended unexpectedly', {
        upstream: this.#setup.name,
        reason: reason.message,
        failures: this.#setup.policy.failures,
      });
    }
    this.#events.down(this, reason);
  }

  #onNoise(bytes: number): void {
    this.noiseBytes += bytes;
    this.#noiseSinceMessage += bytes;
    if (this.#noiseSinceMessage <= NOISE_BYTES || this.#client === undefined) return;
    this.#noiseSinceMessage = 0;
    const reason = new FerroError('UPSTREAM_PROTOCOL', { detail: 'its output is mostly not messages' });
    const client = this.#client;
    this.#onClose(reason);
    this.#close(client);
  }

  /** A call begins on this connection. */
  begin(call: UpstreamCall): void {
    this.calls.add(call);
    this.principals.add(call.principalId);
    call.onEnd(() => {
      this.#noiseSinceMessage = 0;
      this.calls.delete(call);
      if (call.aborted && this.#state === 'ready') this.#haunt(call.peerKey);
      if (this.free) this.#events.free(this);
    });
  }

  #haunt(peerKey: string): void {
    const ghost: Trace = { peerKey };
    this.ghosts.add(ghost);
    const timer = setTimeout(() => {
      if (this.ghosts.delete(ghost) && this.free) this.#events.free(this);
    }, GHOST_MS);
    timer.unref();
  }

  #forget(): void {
    this.ghosts.clear();
    this.principals.clear();
  }

  #circuitOpen(): FerroError {
    const ms = Math.ceil(restMs(this.#setup.policy));
    return new FerroError('UPSTREAM_CIRCUIT_OPEN', {
      detail: this.#setup.name,
      data: { retryAfterMs: ms },
      cause: this.lastError,
    });
  }

  /** Ends the connection; the next use opens a new one. */
  async recycle(): Promise<void> {
    const client = this.#client;
    if (client === undefined || this.#state !== 'ready') return;
    clearTimeout(this.#stable);
    this.#client = undefined;
    this.#state = 'idle';
    this.#forget();
    this.#setup.policy.succeeded();
    this.#events.down(this, undefined);
    await this.#close(client);
  }

  /** Ends the connection for good. */
  async stop(): Promise<void> {
    if (this.#state !== 'stopped') {
      const client = this.#client;
      const wasReady = this.#state === 'ready';
      this.#state = 'stopped';
      clearTimeout(this.#stable);
      this.#stop.abort(new FerroError('SHUTTING_DOWN'));
      this.#client = undefined;
      this.#forget();
      if (wasReady) this.#events.down(this, undefined);
      if (client !== undefined) this.#close(client);
    }
    await this.#starting?.catch(() => {});
    await this.#closing;
  }

  #close(client: McpClient): Promise<void> {
    const before = this.#closing;
    const closing = (async () => {
      await before;
      await client.close().catch((error: unknown) => {
        this.#setup.logger.log('warn', 'an upstream did not end cleanly', {
          upstream: this.#setup.name,
          error: error instanceof Error ? error.message : String(error),
        });
      });
    })();
    this.#closing = closing;
    return closing;
  }
}

function restMs(policy: RestartPolicy): number {
  const admission = policy.admission();
  return admission.kind === 'now' ? 0 : admission.ms;
}

/** Rejects as soon as `signal` aborts; what `work` still does is ignored. */
function abortable<T>(work: Promise<T>, signal: AbortSignal, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      const reason: unknown = signal.reason;
      reject(
        reason instanceof FerroError
          ? reason
          : new FerroError('UPSTREAM_TIMEOUT', { detail: name, cause: reason }),
      );
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
