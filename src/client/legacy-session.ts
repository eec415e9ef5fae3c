/** Requests of the legacy era, and the session they are made in: when a server forgets it, it is opened anew. */
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { Connection } from './connection.ts';
import type { ExchangeOptions, RawResult } from './raw-result.ts';
import { legacyMeta } from './request-metadata.ts';
import { isSessionLost } from './session-loss.ts';
import type { ClientSettings } from './settings.ts';

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

export interface SessionOwner {
  /** Runs the handshake on the open transport. */
  initialize(): Promise<void>;
  /** What the old session knew and the new one has to be told. */
  restored(): readonly { readonly method: string; readonly params: JsonObject }[];
}

export class LegacySession {
  readonly #connection: Connection;
  readonly #settings: ClientSettings;
  readonly #owner: SessionOwner;
  #lost = false;
  /** Set while a lost session is being replaced; requests wait for it. */
  #renewal: Promise<void> | undefined;

  constructor(connection: Connection, settings: ClientSettings, owner: SessionOwner) {
    this.#connection = connection;
    this.#settings = settings;
    this.#owner = owner;
  }

  /** The server no longer knows the session. */
  lost(): void {
    this.#lost = true;
    this.#renew();
  }

  /** Settles when there is a session to speak in; a renewal that failed is tried again. */
  async ready(): Promise<void> {
    if (this.#lost) {
      this.#renew();
    }
    await this.#renewal;
  }

  #renew(): void {
    if (this.#renewal !== undefined || !this.#connection.open) {
      return;
    }
    const renew = async (): Promise<void> => {
      await this.#owner.initialize();
      this.#lost = false;
      const told = this.#owner.restored().map(({ method, params }) => this.#call(method, params, {}));
      await Promise.allSettled(told);
    };
    this.#renewal = renew().finally(() => {
      this.#renewal = undefined;
    });
    this.#renewal.catch((error: unknown) => {
      this.#settings.logger.log('warn', 'the session could not be renewed', { error: String(error) });
    });
  }

  async request(
    method: string,
    params: JsonObject | undefined,
    options: ExchangeOptions,
  ): Promise<JsonObject | RawResult> {
    await this.ready();
    try {
      return await this.#call(method, params, options);
    } catch (error) {
      if (!isSessionLost(error) || !REPEATABLE.has(method)) {
        throw error;
      }
      await this.ready();
      return await this.#call(method, params, options);
    }
  }

  #call(
    method: string,
    params: JsonObject | undefined,
    options: ExchangeOptions,
  ): Promise<JsonObject | RawResult> {
    const { _meta: own, ...rest } = params ?? {};
    const meta = legacyMeta({ ...(isJsonObject(own) ? own : {}), ...options.meta });
    return this.#connection.exchange(method, params === undefined ? undefined : rest, {
      timeoutMs: options.timeoutMs ?? this.#settings.timeoutMs,
      maxTimeoutMs: options.maxTimeoutMs ?? this.#settings.maxTimeoutMs,
      signal: options.signal,
      cancel: 'notify',
      ...(meta === undefined ? {} : { meta }),
      onProgress: options.onProgress,
      onLog: options.onLog,
      onSent: options.onSent,
      onAnswer: options.onAnswer,
      bytes: options.bytes,
    });
  }
}
