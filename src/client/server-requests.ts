/** Requests the server makes of us (legacy era): answered one by one, cancellable, bounded in number. */
import { ERROR_TABLE, FerroError, isFerroError, RpcError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import type { JsonRpcErrorObject, JsonRpcRequest, JsonRpcResponse, RequestId } from '../core/jsonrpc.ts';
import type { MessageOrigin, ServerRequest } from './contract.ts';

export type AnswerServerRequest = (request: ServerRequest) => Promise<JsonObject>;

interface Running {
  readonly abort: AbortController;
  readonly origin: MessageOrigin;
}

/** The JSON-RPC error a failure of ours becomes for the server; nothing internal leaves. */
export function toErrorObject(error: unknown): JsonRpcErrorObject {
  if (error instanceof RpcError) {
    const data = error.data === undefined ? {} : { data: error.data as JsonValue };
    return { code: error.rpcCode, message: error.message, ...data };
  }
  if (isFerroError(error)) {
    return { code: error.row.rpc, message: error.message };
  }
  return { code: ERROR_TABLE.INTERNAL.rpc, message: ERROR_TABLE.INTERNAL.message };
}

export class ServerRequests {
  readonly #answer: AnswerServerRequest;
  readonly #send: (response: JsonRpcResponse) => void;
  readonly #limit: number;
  readonly #running = new Map<RequestId, Running>();

  constructor(answer: AnswerServerRequest, send: (response: JsonRpcResponse) => void, limit: number) {
    this.#answer = answer;
    this.#send = send;
    this.#limit = limit;
  }

  /**
   * True when the server waits for us on behalf of our request `requestId`. On a shared channel a request of the
   * server names no request of ours, so it may be on behalf of any.
   */
  isRunningFor(requestId: number): boolean {
    for (const { origin } of this.#running.values()) {
      if (origin.requestId === undefined || origin.requestId === requestId) {
        return true;
      }
    }
    return false;
  }

  async handle(request: JsonRpcRequest, origin: MessageOrigin): Promise<void> {
    const { id, method } = request;
    if (method === 'ping') {
      this.#send({ jsonrpc: '2.0', id, result: {} });
      return;
    }
    if (this.#running.has(id)) {
      this.#fail(id, new FerroError('REQUEST_DUPLICATE_ID'));
      return;
    }
    if (this.#running.size >= this.#limit) {
      this.#fail(id, new FerroError('QUOTA_REQUESTS'));
      return;
    }
    const abort = new AbortController();
    this.#running.set(id, { abort, origin });
    try {
      const params = isJsonObject(request.params) ? request.params : {};
      const result = await this.#answer({ method, params, origin, signal: abort.signal });
      if (!abort.signal.aborted) {
        this.#send({ jsonrpc: '2.0', id, result });
      }
    } catch (error) {
      if (!abort.signal.aborted) {
        this.#fail(id, error);
      }
    } finally {
      this.#running.delete(id);
    }
  }

  #fail(id: RequestId, error: unknown): void {
    this.#send({ jsonrpc: '2.0', id, error: toErrorObject(error) });
  }

  /** `notifications/cancelled` of the server. Unknown ids are ignored. */
  cancel(id: RequestId): void {
    this.#running.get(id)?.abort.abort(new FerroError('REQUEST_CANCELLED'));
  }

  /** The connection is gone: nobody waits for the answers. */
  abortAll(): void {
    for (const { abort } of this.#running.values()) {
      abort.abort(new FerroError('CONNECTION_CLOSED'));
    }
  }
}
