/**
 * Client side of Streamable HTTP, both shapes: sessions, GET stream and resumption (2025-03-26 to 2025-11-25), and one
 * stateless POST per request (2026-07-28).
 */
import type { Readable } from 'node:stream';
import type { ClientTransport, TransportSendOptions } from '../../client/contract.ts';
import { IncomingMessage } from '../../client/incoming-message.ts';
import { readMessages } from '../../client/message.ts';
import { sessionLostError } from '../../client/session-loss.ts';
import { FerroError, RpcError } from '../../core/errors.ts';
import type { JsonRpcMessage, RequestId } from '../../core/jsonrpc.ts';
import { type Logger, SILENT } from '../../core/log.ts';
import { type Era, isAtLeast, type Revision } from '../../core/revisions.ts';
import { mediaType } from '../media-type.ts';
import { addressed, followAnswer, isAnswerTo } from './answer-stream.ts';
import { encodeMessage } from './encode-message.ts';
import { abandonBody, readBody, readBodyInto } from './http-body.ts';
import { HttpEndpoint, type HttpOptions } from './http-endpoint.ts';
import { discard, type HttpResponse } from './http-exchange.ts';
import { refusal } from './http-failure.ts';
import { followSession } from './session-stream.ts';

export interface HttpTransportOptions extends HttpOptions {
  readonly logger?: Logger;
  /** Bytes of an error answer that are read, default 1 MiB. */
  readonly maxErrorBytes?: number;
  /** Reconnections in a row without success before a broken answer stream is given up, default 5. */
  readonly maxResumes?: number;
}

type Events = Parameters<ClientTransport['start']>[0];

const JSON_TYPE = 'application/json';
const STREAM_TYPE = 'text/event-stream';
const POST_HEADERS = { 'content-type': JSON_TYPE, accept: `${JSON_TYPE}, ${STREAM_TYPE}` };
/** Session ids are visible ASCII (2025-11-25, transports); the length is our bound. */
const SESSION_ID = /^[\x21-\x7e]{1,1024}$/;
const NEVER = new AbortController().signal;
const DELETE_MS = 2_000;
const METHOD_NOT_FOUND = -32601;
const SERVER_ERROR = -32000;

/** An error that names no request, with a status about the address or its methods, says nothing of the request. */
function isAboutAddress(status: number, error: { readonly id?: RequestId | null }): boolean {
  return (status === 404 || status === 405) && (error.id === undefined || error.id === null);
}

export class HttpTransport implements ClientTransport {
  readonly kind = 'http';
  readonly #endpoint: HttpEndpoint;
  readonly #options: HttpTransportOptions;
  readonly #logger: Logger;
  #events: Events | undefined;
  #closed = false;
  #era: Era | undefined;
  #revision: Revision | undefined;
  #sessionId: string | undefined;
  /** The GET stream of the session. */
  #standalone: AbortController | undefined;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.#endpoint = new HttpEndpoint(options);
    this.#logger = options.logger ?? SILENT;
  }

  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  start(events: Events): Promise<void> {
    if (this.#events !== undefined || this.#closed) {
      return Promise.reject(
        new FerroError('INSTANCE_REUSED', { detail: 'the HTTP transport is already started' }),
      );
    }
    this.#events = events;
    return Promise.resolve();
  }

  negotiated(revision: Revision, era: Era): void {
    this.#revision = revision;
    this.#era = era;
    if (era === 'modern') {
      this.#sessionId = undefined;
    }
  }

  #sessionHeaders(): Record<string, string> {
    if (this.#era !== 'legacy') {
      return {};
    }
    return {
      ...(this.#sessionId === undefined ? {} : { 'mcp-session-id': this.#sessionId }),
      // Earlier revisions do not know the header.
      ...(this.#revision !== undefined && isAtLeast(this.#revision, '2025-06-18')
        ? { 'mcp-protocol-version': this.#revision }
        : {}),
    };
  }

  async send(message: JsonRpcMessage, options: TransportSendOptions = {}): Promise<void> {
    const events = this.#events;
    if (events === undefined || this.#closed) {
      throw new FerroError('CONNECTION_CLOSED');
    }
    const opening = 'method' in message && message.method === 'initialize';
    if (opening) {
      this.#forgetSession();
    }
    const session = this.#sessionId;
    const headers = { ...POST_HEADERS, ...this.#sessionHeaders(), ...options.headers };
    const { url } = this.#endpoint;
    const response = await this.#endpoint.request(
      'POST',
      url,
      headers,
      encodeMessage(message),
      options.signal,
    );
    const id = 'method' in message && 'id' in message ? message.id : undefined;
    if (response.statusCode < 200 || response.statusCode > 299) {
      await this.#refused(response, id, session, events);
      return;
    }
    if (opening) {
      this.#rememberSession(response);
    }
    if (id === undefined) {
      discard(response);
      if ('method' in message && message.method === 'notifications/initialized' && this.#era === 'legacy') {
        this.#openStandalone(events);
      }
      return;
    }
    this.#accept(response, id, events, options.signal);
  }

  #rememberSession(response: HttpResponse): void {
    const id = response.headers['mcp-session-id'];
    if (id === undefined) {
      return;
    }
    if (typeof id !== 'string' || !SESSION_ID.test(id)) {
      abandonBody(response.body);
      throw new FerroError('UPSTREAM_PROTOCOL', { detail: 'the session id is malformed' });
    }
    this.#sessionId = id;
  }

  #forgetSession(): void {
    this.#era = undefined;
    this.#revision = undefined;
    this.#sessionId = undefined;
    this.#standalone?.abort();
    this.#standalone = undefined;
  }

  /** The server accepted a request: its answer is in the body, at once or as a stream. */
  #accept(response: HttpResponse, id: RequestId, events: Events, signal: AbortSignal | undefined): void {
    const type = mediaType(response.headers['content-type']);
    if (type === JSON_TYPE) {
      void this.#readJson(response.body, id, events);
    } else if (type === STREAM_TYPE) {
      void followAnswer(this.#endpoint, response.body, id, {
        events,
        signal: signal ?? NEVER,
        maxResumes: this.#options.maxResumes ?? 5,
        headers: () => this.#sessionHeaders(),
        // Modern streams cannot be resumed: a broken one is a lost request.
        resumable: () => this.#era !== 'modern' && !this.#closed,
      });
    } else {
      discard(response);
      const detail = `an answer of type ${type ?? 'none'} (HTTP ${response.statusCode})`;
      throw new FerroError('UPSTREAM_PROTOCOL', { detail });
    }
  }

  async #readJson(body: Readable, id: RequestId, events: Events): Promise<void> {
    let answered = false;
    try {
      const incoming = new IncomingMessage(() => events.takesBytes?.(id) === true);
      await readBodyInto(body, this.#endpoint.maxMessageBytes, (piece) => incoming.push(piece));
      const read = incoming.finish();
      const origin = { requestId: id };
      const { arrivedAt } = incoming;
      if (read.kind === 'reply') {
        answered = read.reply.id === id;
        events.reply?.(read.reply, origin, arrivedAt);
      } else if (read.kind === 'messages') {
        for (const message of read.messages) {
          const known = addressed(message, id);
          answered ||= isAnswerTo(known, id);
          events.message(known, origin, arrivedAt);
        }
      }
      if (!answered) {
        events.failed?.(id, new FerroError('UPSTREAM_PROTOCOL', { detail: 'the body is not the answer' }));
      }
    } catch (error) {
      events.failed?.(id, error as Error);
    }
  }

  /** Not 2xx: a JSON-RPC error of a request is its answer; everything else rejects. */
  async #refused(
    response: HttpResponse,
    id: RequestId | undefined,
    session: string | undefined,
    events: Events,
  ): Promise<void> {
    const { statusCode: status, headers } = response;
    const error = await this.#errorMessage(response);
    if (session !== undefined && this.#isSessionLoss(status, error)) {
      if (this.#sessionId === session) {
        this.#forgetSession();
        events.sessionLost?.();
      }
      throw sessionLostError();
    }
    if (error === undefined || status < 400 || isAboutAddress(status, error)) {
      throw refusal(status, headers['www-authenticate']);
    }
    if (id === undefined) {
      throw new RpcError(error.error.code, error.error.message, error.error.data);
    }
    const answer = addressed(error, id);
    if (!isAnswerTo(answer, id)) {
      throw new FerroError('UPSTREAM_PROTOCOL', { detail: `an error for another request (HTTP ${status})` });
    }
    events.message(answer, { requestId: id });
  }

  async #errorMessage(
    response: HttpResponse,
  ): Promise<Extract<JsonRpcMessage, { error: unknown }> | undefined> {
    if (mediaType(response.headers['content-type']) !== JSON_TYPE) {
      discard(response);
      return undefined;
    }
    try {
      const messages = readMessages(
        await readBody(response.body, this.#options.maxErrorBytes ?? 1024 * 1024),
      );
      const message = messages?.length === 1 ? messages[0] : undefined;
      return message !== undefined && 'error' in message ? message : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * 404 means the session is gone (2025-11-25, transports). Servers made from a widespread example answer 400 with a
   * generic code instead, when they have forgotten a session by a restart; only the text tells it.
   */
  #isSessionLoss(status: number, error: Extract<JsonRpcMessage, { error: unknown }> | undefined): boolean {
    if (status === 404) {
      return error?.error.code !== METHOD_NOT_FOUND;
    }
    return status === 400 && error?.error.code === SERVER_ERROR && /\bsession\b/i.test(error.error.message);
  }

  /** The stream for what belongs to no request of ours; kept open as long as the session. */
  #openStandalone(events: Events): void {
    const abort = new AbortController();
    this.#standalone?.abort();
    this.#standalone = abort;
    const session = this.#sessionId;
    void followSession(this.#endpoint, {
      events,
      signal: abort.signal,
      logger: this.#logger,
      headers: () => this.#sessionHeaders(),
      lost: () => {
        if (session !== undefined && this.#sessionId === session) {
          this.#forgetSession();
          events.sessionLost?.();
        }
      },
    });
  }

  async close(): Promise<void> {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    this.#standalone?.abort();
    if (this.#sessionId !== undefined) {
      const headers = this.#sessionHeaders();
      try {
        // 405 means that the server ends sessions by itself; whatever it says, we are done.
        const signal = AbortSignal.timeout(DELETE_MS);
        discard(await this.#endpoint.request('DELETE', this.#endpoint.url, headers, undefined, signal));
      } catch (error) {
        this.#logger.log('debug', 'the session could not be ended', { error: String(error) });
      }
    }
    await this.#endpoint.close();
    this.#events?.closed();
  }
}

export function httpTransport(options: HttpTransportOptions): HttpTransport {
  return new HttpTransport(options);
}
