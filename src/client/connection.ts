/**
 * The JSON-RPC side of a client: numbers requests, matches answers, routes progress and log messages to the request
 * they belong to, lets the server ask. Knows no era.
 */
import { FerroError, RpcError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type {
  JsonRpcMessage,
  JsonRpcNotification,
  JsonRpcRequest,
  JsonRpcResponse,
  RequestId,
} from '../core/jsonrpc.ts';
import type { Logger } from '../core/log.ts';
import type { LogMessage } from '../core/mcp.ts';
import type { ClientTransport, MessageOrigin, ServerRequest } from './contract.ts';
import { type CallOptions, PendingRequest } from './pending-request.ts';
import { type RawReply, RawResult } from './raw-result.ts';
import { ServerRequests } from './server-requests.ts';

export interface ConnectionEvents {
  serverRequest(request: ServerRequest): Promise<JsonObject>;
  /** Notifications that belong to no single request. */
  notification(notification: JsonRpcNotification, origin: MessageOrigin): void;
  closed(reason: Error | undefined): void;
  sessionLost(): void;
  noise(bytes: number): void;
}

export interface ConnectionOptions {
  readonly logger: Logger;
  readonly maxInFlight: number;
  readonly maxServerRequests: number;
}

/** Deadline of a message that has no answer (notification, response). */
const SEND_MS = 30_000;

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

export class Connection {
  readonly transport: ClientTransport;
  /** False in the modern era, where a server never asks by itself. */
  acceptsRequests = true;
  readonly #events: ConnectionEvents;
  readonly #options: ConnectionOptions;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #serverRequests: ServerRequests;
  #nextId = 1;
  #open = false;
  #closing = false;
  #closeReason: Error | undefined;

  constructor(transport: ClientTransport, events: ConnectionEvents, options: ConnectionOptions) {
    this.transport = transport;
    this.#events = events;
    this.#options = options;
    this.#serverRequests = new ServerRequests(
      (request) => events.serverRequest(request),
      (response) => this.#respond(response),
      options.maxServerRequests,
    );
  }

  get open(): boolean {
    return this.#open;
  }

  async start(): Promise<void> {
    this.#closeReason = undefined;
    this.#open = true;
    try {
      await this.transport.start({
        message: (message, origin, arrivedAt) => this.#receive(message, origin, arrivedAt),
        reply: (reply, origin, arrivedAt) => this.#onReply(reply, origin, arrivedAt),
        takesBytes: (requestId) => this.#takesBytes(requestId),
        closed: (reason) => this.#onClosed(reason),
        noise: (bytes) => this.#events.noise(bytes),
        failed: (requestId, reason) => this.#onFailed(requestId, reason),
        sessionLost: () => this.#events.sessionLost(),
      });
    } catch (error) {
      this.#open = false;
      throw error;
    }
  }

  /** Sends a request; rejects with the peer's error, or a coded one when there is none. */
  async call(method: string, params: JsonObject | undefined, options: CallOptions): Promise<JsonObject> {
    const result = await this.exchange(method, params, { ...options, bytes: false });
    return result instanceof RawResult ? result.toJson() : result;
  }

  /** As {@link call}; with `options.bytes` a large result may be left as bytes. */
  exchange(
    method: string,
    params: JsonObject | undefined,
    options: CallOptions,
  ): Promise<JsonObject | RawResult> {
    if (!this.#open || this.#closing) {
      return Promise.reject(this.#closeReason ?? new FerroError('CONNECTION_CLOSED'));
    }
    if (this.#pending.size >= this.#options.maxInFlight) {
      return Promise.reject(new FerroError('UPSTREAM_BUSY', { detail: 'too many requests in flight' }));
    }
    if (options.signal?.aborted === true) {
      return Promise.reject(new FerroError('REQUEST_CANCELLED', { cause: options.signal.reason }));
    }
    const id = this.#nextId++;
    const pending = new PendingRequest(
      id,
      method,
      options,
      { isWaitingForUs: (own) => this.#serverRequests.isRunningFor(own), withdraw: this.#withdraw },
      this.transport.kind === 'http',
    );
    this.#pending.set(id, pending);
    let sent = params;
    if (options.meta !== undefined || options.onProgress !== undefined) {
      const token = options.onProgress === undefined ? {} : { progressToken: id };
      sent = { ...params, _meta: { ...options.meta, ...token } };
    }
    const message: JsonRpcRequest =
      sent === undefined ? { jsonrpc: '2.0', id, method } : { jsonrpc: '2.0', id, method, params: sent };
    options.onSent?.(id);
    this.transport
      .send(message, {
        ...(options.headers === undefined ? {} : { headers: options.headers }),
        ...(pending.stream === undefined ? {} : { signal: pending.stream.signal }),
      })
      .catch((error: unknown) => {
        this.#pending.delete(id);
        pending.reject(asError(error));
      });
    return pending.promise;
  }

  async notify(
    method: string,
    params?: JsonObject,
    headers?: Readonly<Record<string, string>>,
  ): Promise<void> {
    if (!this.#open || this.#closing) {
      throw this.#closeReason ?? new FerroError('CONNECTION_CLOSED');
    }
    const message: JsonRpcNotification =
      params === undefined ? { jsonrpc: '2.0', method } : { jsonrpc: '2.0', method, params };
    await this.#sendUnanswered(message, headers);
  }

  async #sendUnanswered(message: JsonRpcMessage, headers?: Readonly<Record<string, string>>): Promise<void> {
    const overHttp = this.transport.kind === 'http';
    await this.transport.send(message, {
      ...(headers === undefined ? {} : { headers }),
      ...(overHttp ? { signal: AbortSignal.timeout(SEND_MS) } : {}),
    });
  }

  #respond(response: JsonRpcResponse): void {
    if (!this.#open) {
      return;
    }
    this.#sendUnanswered(response).catch((error: unknown) => {
      this.#options.logger.log('warn', 'an answer could not be delivered to the server', {
        error: asError(error).message,
      });
    });
  }

  readonly #withdraw = (pending: PendingRequest, why: string): void => {
    this.#pending.delete(pending.id);
    const { cancel } = pending.options;
    if (cancel === 'stream') {
      pending.stream?.abort();
      return;
    }
    if (cancel === 'none' || !this.#open) {
      pending.stream?.abort();
      return;
    }
    // The stream is closed only after the notification: before it, a legacy server must not take it for a wish.
    this.#sendUnanswered({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: pending.id, reason: why },
    })
      .catch(() => {})
      .finally(() => pending.stream?.abort());
  };

  /** A callback of the user that throws must not break the reading of what follows. */
  #receive(message: JsonRpcMessage, origin: MessageOrigin, arrivedAt?: number): void {
    try {
      this.#dispatch(message, origin, arrivedAt);
    } catch (error) {
      this.#options.logger.log('error', 'a callback of the client failed', { error: asError(error).message });
    }
  }

  #dispatch(message: JsonRpcMessage, origin: MessageOrigin, arrivedAt: number | undefined): void {
    if ('method' in message) {
      if ('id' in message) {
        this.#onRequest(message, origin);
      } else {
        this.#onNotification(message, origin);
      }
      return;
    }
    this.#onResponse(message, arrivedAt);
  }

  /** Only requests that want bytes get them, so that whoever parses knows who asked for it. */
  #takesBytes(requestId: RequestId | undefined): boolean {
    if (requestId !== undefined) {
      return typeof requestId === 'number' && this.#pending.get(requestId)?.options.bytes === true;
    }
    for (const { options } of this.#pending.values()) {
      if (options.bytes === true) {
        return true;
      }
    }
    return false;
  }

  #onReply({ id, result }: RawReply, origin: MessageOrigin, arrivedAt?: number): void {
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (pending?.options.bytes === true) {
      this.#pending.delete(pending.id);
      pending.options.onAnswer?.(arrivedAt ?? performance.now());
      pending.resolve(result);
    } else {
      this.#receive({ jsonrpc: '2.0', id, result: result.toJson() }, origin, arrivedAt);
    }
  }

  #onResponse(response: JsonRpcResponse, arrivedAt: number | undefined): void {
    const { id } = response;
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (pending === undefined) {
      // Late answers to withdrawn requests end up here; anything else is the server's mistake.
      const error = 'error' in response ? { code: response.error.code } : {};
      this.#options.logger.log('debug', 'an answer to no open request was ignored', error);
      return;
    }
    this.#pending.delete(pending.id);
    pending.options.onAnswer?.(arrivedAt ?? performance.now());
    if ('error' in response) {
      const { code, message, data } = response.error;
      if (!Number.isInteger(code) || typeof message !== 'string') {
        pending.reject(
          new FerroError('UPSTREAM_PROTOCOL', { detail: `malformed error to ${pending.method}` }),
        );
        return;
      }
      pending.reject(new RpcError(code, message, data));
    } else if (isJsonObject(response.result)) {
      pending.resolve(response.result);
    } else {
      pending.reject(
        new FerroError('UPSTREAM_PROTOCOL', { detail: `malformed result of ${pending.method}` }),
      );
    }
  }

  #onRequest(request: JsonRpcRequest, origin: MessageOrigin): void {
    if (!this.acceptsRequests) {
      this.#options.logger.log('warn', 'a request of the server was ignored: the modern era has none', {
        method: request.method.slice(0, 64),
      });
      return;
    }
    void this.#serverRequests.handle(request, origin);
  }

  #onNotification(notification: JsonRpcNotification, origin: MessageOrigin): void {
    const params = isJsonObject(notification.params) ? notification.params : {};
    switch (notification.method) {
      case 'notifications/progress':
        this.#onProgress(params);
        return;
      case 'notifications/cancelled': {
        const id = params['requestId'];
        if (typeof id === 'string' || typeof id === 'number') {
          if (this.acceptsRequests) {
            this.#serverRequests.cancel(id);
          } else {
            this.#events.notification(notification, origin);
          }
        }
        return;
      }
      case 'notifications/message':
        if (this.#onLog(params, origin)) {
          return;
        }
    }
    this.#events.notification(notification, origin);
  }

  #onProgress(params: JsonObject): void {
    const { progressToken, progress, total, message } = params;
    const pending = typeof progressToken === 'number' ? this.#pending.get(progressToken) : undefined;
    if (pending === undefined || typeof progress !== 'number') {
      return;
    }
    pending.restartClock();
    pending.options.onProgress?.({
      progress,
      ...(typeof total === 'number' ? { total } : {}),
      ...(typeof message === 'string' ? { message } : {}),
    });
  }

  /**
   * A log message belongs to the request on whose stream it came. On a shared channel it names no request: when
   * exactly one is listening, it is that one's.
   */
  #onLog(params: JsonObject, origin: MessageOrigin): boolean {
    let pending: PendingRequest | undefined;
    if (origin.requestId !== undefined) {
      pending = typeof origin.requestId === 'number' ? this.#pending.get(origin.requestId) : undefined;
    } else if (!this.acceptsRequests) {
      const listening = [...this.#pending.values()].filter(({ options }) => options.onLog !== undefined);
      pending = listening.length === 1 ? listening[0] : undefined;
    }
    if (pending?.options.onLog === undefined || typeof params['level'] !== 'string') {
      return false;
    }
    pending.options.onLog(params as unknown as LogMessage);
    return true;
  }

  #onFailed(requestId: RequestId, reason: Error): void {
    const pending = typeof requestId === 'number' ? this.#pending.get(requestId) : undefined;
    if (pending !== undefined) {
      this.#pending.delete(pending.id);
      pending.reject(reason);
    }
  }

  #onClosed(reason: Error | undefined): void {
    if (!this.#open) {
      return;
    }
    this.#open = false;
    const error = reason ?? new FerroError('CONNECTION_CLOSED');
    this.#closeReason = error;
    for (const pending of [...this.#pending.values()]) {
      pending.reject(error);
    }
    this.#pending.clear();
    this.#serverRequests.abortAll();
    this.#events.closed(this.#closing ? undefined : reason);
  }

  async close(): Promise<void> {
    if (this.#closing) {
      return;
    }
    this.#closing = true;
    const error = new FerroError('CONNECTION_CLOSED');
    for (const pending of [...this.#pending.values()]) {
      pending.reject(error);
      pending.stream?.abort();
    }
    this.#pending.clear();
    this.#serverRequests.abortAll();
    await this.transport.close();
    this.#onClosed(undefined);
  }
}
