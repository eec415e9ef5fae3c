import type { Envelope } from '../core/envelope.ts';
import { FerroError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { Limits } from '../core/limits.ts';
import {
  type ClientCapabilities,
  type CreateMessageParams,
  type CreateMessageResult,
  type ElicitParams,
  type ElicitResult,
  type Implementation,
  type InputRequest,
  type InputResponses,
  type ListRootsResult,
  LOGGING_LEVELS,
  type LoggingLevel,
  type ProgressUpdate,
  type Root,
} from '../core/mcp.ts';
import type { Principal } from '../core/principal.ts';
import { type Era, isModernRevision, type Revision } from '../core/revisions.ts';
import type { InputOptions, RequestContext } from './context.ts';
import type { LegacySession } from './eras/legacy/session.ts';
import type { Run } from './execution.ts';
import { notificationFrame } from './frames.ts';
import type { Outlet } from './outlet.ts';

/** How one era asks the client for something in the middle of a handler. */
export interface InputDriver {
  ask(key: string, request: InputRequest): Promise<JsonObject>;
}

/** Makes the driver of a call when its handler asks for the first time. */
export interface InputSource {
  driver(call: Call): InputDriver;
}

/** Everything about the asking side that a request carries or its session remembers. */
export interface CallOrigin {
  readonly revision: Revision;
  readonly principal: Principal;
  /** Undefined when every request is a peer of its own (modern HTTP). */
  readonly peerKey: string | undefined;
  readonly clientInfo: Implementation | undefined;
  readonly clientCapabilities: ClientCapabilities;
  readonly logLevel: LoggingLevel | undefined;
  /** The legacy session the request runs in. */
  readonly session: LegacySession | undefined;
}

let lonePeers = 0;

/** Told what a handler does with its call, while it runs. */
export interface CallWatcher {
  /**
   * It has looked at `principal`: who asks; or used `peer`: what identifies or describes the client or this one request,
   * questions to the client, messages on the call's stream.
   */
  used(what: 'principal' | 'peer'): void;
  /** The result will say how long it may be kept, in milliseconds. */
  keepFor(ttlMs: number): void;
  /** The reply has gone out or never will. */
  finished(): void;
}

/** HTTP request headers by lower-case name; undefined when the transport has none. */
export type HeaderView = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One request while it is being answered; what handlers see of it is {@link RequestContext}. */
export class Call implements RequestContext {
  readonly origin: CallOrigin;
  readonly method: string;
  readonly params: JsonObject;
  readonly idRaw: string;
  readonly outlet: Outlet;
  readonly logLevel: LoggingLevel | undefined;
  readonly headers: HeaderView | undefined;
  /** Its execution, once it has begun. */
  run: Run | undefined;
  /** Set by the era before the handler runs, for methods that may ask. */
  inputs: InputSource | undefined;
  /** Undefined until something was asked or answered. */
  driver: InputDriver | undefined;
  inputResponses: InputResponses | undefined;
  inputState: JsonValue | undefined;
  watcher: CallWatcher | undefined;
  /** The reply has gone out or never will; nothing more may be sent. */
  done = false;

  readonly #limits: Limits;
  readonly #meta: JsonObject;
  readonly #progressTokenRaw: string | undefined;
  #lastProgress = Number.NEGATIVE_INFINITY;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #questions = 0;
  #peerKey: string | undefined;
  #steps: Map<string, JsonValue> | undefined;
  #replied: (() => void)[] | undefined;

  constructor(
    origin: CallOrigin,
    envelope: Envelope,
    params: JsonObject,
    meta: JsonObject,
    headers: HeaderView | undefined,
    outlet: Outlet,
    limits: Limits,
  ) {
    this.origin = origin;
    this.method = envelope.method ?? '';
    this.params = params;
    this.#meta = meta;
    this.idRaw = envelope.idRaw ?? 'null';
    this.logLevel = origin.logLevel;
    this.headers = headers;
    this.outlet = outlet;
    this.#limits = limits;
    this.#progressTokenRaw = envelope.progressTokenRaw;
  }

  /** The legacy session the request runs in. */
  get session(): LegacySession | undefined {
    return this.origin.session;
  }
  get revision(): Revision {
    return this.origin.revision;
  }
  get era(): Era {
    return isModernRevision(this.origin.revision) ? 'modern' : 'legacy';
  }
  get principal(): Principal {
    this.watcher?.used('principal');
    return this.origin.principal;
  }
  get peerKey(): string {
    this.watcher?.used('peer');
    if (this.#peerKey === undefined) {
      lonePeers += 1;
      this.#peerKey = this.origin.peerKey ?? `request:${lonePeers}`;
    }
    return this.#peerKey;
  }
  get meta(): JsonObject {
    this.watcher?.used('peer');
    return this.#meta;
  }
  get clientInfo(): Implementation | undefined {
    this.watcher?.used('peer');
    return this.origin.clientInfo;
  }
  get clientCapabilities(): ClientCapabilities {
    this.watcher?.used('peer');
    return this.origin.clientCapabilities;
  }

  /** Made on first use: most handlers never look, and a controller costs more than they do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Results of `step`, carried between rounds. */
  get steps(): Map<string, JsonValue> {
    this.#steps ??= new Map();
    return this.#steps;
  }

  abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  progress(update: ProgressUpdate): void {
    if (this.done || this.#progressTokenRaw === undefined || !this.outlet.canStream) return;
    if (!Number.isFinite(update.progress) || update.progress <= this.#lastProgress) return;
    this.#lastProgress = update.progress;
    const rest = JSON.stringify({ progress: update.progress, total: update.total, message: update.message });
    this.outlet.send(
      notificationFrame(
        'notifications/progress',
        `{"progressToken":${this.#progressTokenRaw},${rest.slice(1)}`,
      ),
    );
  }

  log(level: LoggingLevel, data: JsonValue, logger?: string): void {
    if (this.done || this.logLevel === undefined || !this.outlet.canStream) return;
    if (LOGGING_LEVELS.indexOf(level) < LOGGING_LEVELS.indexOf(this.logLevel)) return;
    this.outlet.send(notificationFrame('notifications/message', JSON.stringify({ level, logger, data })));
  }

  notify(method: string, params: JsonObject): void {
    this.watcher?.used('peer');
    if (this.done || !this.outlet.canStream) return;
    this.outlet.send(notificationFrame(method, JSON.stringify(params)));
  }

  keepFor(ttlMs: number): void {
    this.watcher?.keepFor(ttlMs);
  }

  onReplied(listener: () => void): void {
    this.#replied ??= [];
    this.#replied.push(listener);
  }

  /** The transport has the reply. */
  replied(): void {
    const listeners = this.#replied;
    if (listeners === undefined) return;
    this.#replied = undefined;
    for (const listener of listeners) listener();
  }

  async elicit(params: ElicitParams, options?: InputOptions): Promise<ElicitResult> {
    const answer = await this.#ask(options?.key ?? this.#nextKey('elicit'), {
      method: 'elicitation/create',
      params,
    });
    return answer as unknown as ElicitResult;
  }

  async sample(params: CreateMessageParams, options?: InputOptions): Promise<CreateMessageResult> {
    const key = options?.key ?? this.#nextKey('sample');
    const answer = await this.#ask(key, { method: 'sampling/createMessage', params });
    return answer as unknown as CreateMessageResult;
  }

  async roots(options?: InputOptions): Promise<readonly Root[]> {
    const answer = await this.#ask(options?.key ?? this.#nextKey('roots'), {
      method: 'roots/list',
      params: {},
    });
    return (answer as unknown as ListRootsResult).roots;
  }

  async step<T extends JsonValue>(name: string, fn: () => T | Promise<T>): Promise<T> {
    const known = this.steps.get(name);
    if (known !== undefined) return known as T;
    const value = await fn();
    this.steps.set(name, value);
    return value;
  }

  /** Starts a round: the handler runs from its beginning, so questions are numbered from the first again. */
  beginRound(): void {
    this.#questions = 0;
  }

  get limits(): Limits {
    return this.#limits;
  }

  #nextKey(kind: string): string {
    this.#questions += 1;
    return `${kind}-${this.#questions}`;
  }

  #ask(key: string, request: InputRequest): Promise<JsonObject> {
    this.watcher?.used('peer');
    if (this.done) return Promise.reject(new FerroError('REQUEST_CANCELLED'));
    this.driver ??= this.inputs?.driver(this);
    if (this.driver === undefined) {
      return Promise.reject(
        new FerroError('CLIENT_INPUT_FAILED', { detail: `${this.method} cannot ask the client` }),
      );
    }
    return this.driver.ask(key, request);
  }
}
