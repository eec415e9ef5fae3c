import { FerroError, RpcError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import type { Limits } from '../../../core/limits.ts';
import {
  type ClientCapabilities,
  type Implementation,
  LOGGING_LEVELS,
  type LoggingLevel,
  type LogMessage,
} from '../../../core/mcp.ts';
import type { Principal } from '../../../core/principal.ts';
import { LATEST_LEGACY, type LegacyRevision } from '../../../core/revisions.ts';
import type { CallOrigin } from '../../call.ts';
import { notificationFrame, requestFrame } from '../../frames.ts';
import { Runs } from '../../runs.ts';

interface Pending {
  readonly resolve: (result: JsonObject) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Sends text to the client; false when there is no way to reach it now. */
export type Push = (text: string) => boolean;

/**
 * One legacy session: what `initialize` agreed on, the requests that run in it, and the questions the server has put
 * to the client. Lives as long as the stdio connection or the `Mcp-Session-Id`.
 */
export class LegacySession implements CallOrigin {
  readonly id: string;
  readonly principal: Principal;
  /** `initialize` has been answered. */
  negotiated = false;
  /** The client has confirmed with `notifications/initialized`; only now may it be sent notifications. */
  initialized = false;
  revision: LegacyRevision = LATEST_LEGACY;
  clientInfo: Implementation | undefined;
  clientCapabilities: ClientCapabilities = {};
  /** Servers choose what to send until the client sets a level (2025-11-25, logging). */
  logLevel: LoggingLevel = 'info';
  /** Requests that were not answered at once. */
  readonly runs = new Runs();
  /** Stops of resource subscriptions, by URI. */
  readonly subscriptions = new Map<string, () => void>();
  /** Set by the transport: the channel for messages that belong to no request. */
  push: Push = () => false;
  /** Responses of the client that matched nothing. */
  strayResponses = 0;

  readonly #limits: Limits;
  readonly #pending = new Map<number, Pending>();
  readonly #onClose = new Set<() => void>();
  #lastId = 0;
  #closed = false;

  constructor(id: string, principal: Principal, limits: Limits) {
    this.id = id;
    this.principal = principal;
    this.#limits = limits;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get peerKey(): string {
    return this.id;
  }

  get session(): LegacySession {
    return this;
  }

  /** Sends a notification outside of any request. */
  notify(method: string, params?: JsonObject): boolean {
    if (!this.initialized || this.#closed) return false;
    return this.push(
      params === undefined
        ? `{"jsonrpc":"2.0","method":${JSON.stringify(method)}}`
        : notificationFrame(method, JSON.stringify(params)),
    );
  }

  /** Sends a log message that belongs to no request, if the client wants the level. */
  broadcast(message: LogMessage): boolean {
    if (LOGGING_LEVELS.indexOf(message.level) < LOGGING_LEVELS.indexOf(this.logLevel)) return false;
    return this.notify('notifications/message', message as unknown as JsonObject);
  }

  /** Puts a request to the client through `send`. @throws FerroError CLIENT_INPUT_FAILED */
  ask(send: (text: string) => void, method: string, params: JsonObject): Promise<JsonObject> {
    if (this.#closed)
      return Promise.reject(new FerroError('CLIENT_INPUT_FAILED', { detail: 'the session has ended' }));
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<JsonObject>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        send(
          notificationFrame('notifications/cancelled', JSON.stringify({ requestId: id, reason: 'timeout' })),
        );
        reject(
          new FerroError('CLIENT_INPUT_FAILED', { detail: `no answer within ${this.#limits.inputMs} ms` }),
        );
      }, this.#limits.inputMs);
      timer.unref();
      this.#pending.set(id, { resolve, reject, timer });
    });
    send(requestFrame(String(id), method, JSON.stringify(params)));
    return answer;
  }

  /** Takes a response of the client. Ids that were never asked, or asked in another session, change nothing. */
  response(message: JsonObject): void {
    const id = message['id'];
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (pending === undefined) {
      this.strayResponses += 1;
      return;
    }
    this.#pending.delete(id as number);
    clearTimeout(pending.timer);
    const { result, error } = message;
    if (isJsonObject(result)) {
      pending.resolve(result);
    } else if (isJsonObject(error)) {
      const code = typeof error['code'] === 'number' ? error['code'] : -32603;
      const text = typeof error['message'] === 'string' ? error['message'] : 'unknown error';
      const cause = new RpcError(code, text, error['data']);
      pending.reject(new FerroError('CLIENT_INPUT_FAILED', { detail: text.slice(0, 500), cause }));
    } else {
      pending.reject(
        new FerroError('CLIENT_INPUT_FAILED', { detail: 'the answer has neither result nor error' }),
      );
    }
  }

  /** Runs when the session ends; at once when it has. The returned function takes the listener back. */
  onClose(listener: () => void): () => void {
    if (this.#closed) listener();
    else this.#onClose.add(listener);
    return () => this.#onClose.delete(listener);
  }

  /** Ends the session: cancels what runs, drops subscriptions, fails open questions. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const run of this.runs.all()) run.cancel();
    for (const stop of this.subscriptions.values()) stop();
    this.subscriptions.clear();
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new FerroError('CLIENT_INPUT_FAILED', { detail: 'the session has ended' }));
    }
    this.#pending.clear();
    for (const listener of this.#onClose) listener();
    this.#onClose.clear();
  }
}
