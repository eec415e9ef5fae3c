/** Client side of HTTP+SSE (2024-11-05, deprecated): one GET stream down, POSTs to the endpoint it names up. */
import type { ClientTransport, TransportSendOptions } from '../../client/contract.ts';
import { FerroError } from '../../core/errors.ts';
import type { JsonRpcMessage } from '../../core/jsonrpc.ts';
import { isAtLeast, type Revision } from '../../core/revisions.ts';
import { mediaType } from '../media-type.ts';
import { encodeMessage } from './encode-message.ts';
import { readEventStream } from './event-stream.ts';
import { HttpEndpoint, type HttpOptions } from './http-endpoint.ts';
import { discard, type HttpResponse } from './http-exchange.ts';
import { refusal } from './http-failure.ts';
import { deliver } from './message-stream.ts';

export interface LegacySseTransportOptions extends HttpOptions {
  /** Milliseconds until the server must have named its endpoint, default 10 s. */
  readonly endpointTimeoutMs?: number;
}

type Events = Parameters<ClientTransport['start']>[0];

export class LegacySseTransport implements ClientTransport {
  readonly kind = 'sse';
  readonly #endpoint: HttpEndpoint;
  readonly #endpointTimeoutMs: number;
  readonly #abort = new AbortController();
  #events: Events | undefined;
  #target: URL | undefined;
  #revision: Revision | undefined;
  #finished = false;

  constructor(options: LegacySseTransportOptions) {
    this.#endpoint = new HttpEndpoint(options);
    this.#endpointTimeoutMs = options.endpointTimeoutMs ?? 10_000;
  }

  async start(events: Events): Promise<void> {
    if (this.#events !== undefined || this.#finished) {
      throw new FerroError('INSTANCE_REUSED', { detail: 'the SSE transport is already started' });
    }
    this.#events = events;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new FerroError('UPSTREAM_TIMEOUT', { detail: 'no endpoint event' }));
      }, this.#endpointTimeoutMs);
    });
    try {
      await Promise.race([this.#open(events), late]);
    } catch (error) {
      // The caller learns it from here; `closed` is for an open transport.
      this.#finished = true;
      this.#abort.abort();
      await this.#endpoint.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Settles at the endpoint event; the stream is read on. */
  async #open(events: Events): Promise<void> {
    const { url } = this.#endpoint;
    const accept = { accept: 'text/event-stream' };
    const response = await this.#endpoint.request('GET', url, accept, undefined, this.#abort.signal);
    if (response.statusCode !== 200) {
      discard(response);
      throw refusal(response.statusCode, response.headers['www-authenticate']);
    }
    if (mediaType(response.headers['content-type']) !== 'text/event-stream') {
      discard(response);
      throw new FerroError('UPSTREAM_PROTOCOL', {
        detail: 'the server does not answer GET with an event stream',
      });
    }
    await new Promise<void>((resolve, reject) => {
      this.#read(response, events, resolve).then(
        () => {
          const reason = new FerroError('UPSTREAM_CRASHED', { detail: 'the event stream ended' });
          reject(reason);
          this.#finish(reason);
        },
        (error: Error) => {
          reject(error);
          this.#finish(error);
        },
      );
    });
  }

  async #read(response: HttpResponse, events: Events, opened: () => void): Promise<void> {
    await readEventStream(response.body, {
      limit: this.#endpoint.maxMessageBytes,
      mayStayBytes: () => events.takesBytes?.() === true,
      event: ({ event, data }) => {
        if (event === 'endpoint') {
          if (this.#target === undefined) {
            this.#target = this.#resolveTarget(data.joined().toString('utf8'));
            opened();
          }
          return;
        }
        if (data.size > 0 && (event === undefined || event === 'message')) {
          deliver(data, {
            message: (message, arrivedAt) => events.message(message, {}, arrivedAt),
            reply: (reply, arrivedAt) => events.reply?.(reply, {}, arrivedAt),
            noise: (bytes) => events.noise?.(bytes),
          });
        }
      },
    });
  }

  /** Only our own origin: the server must not choose who else gets our headers. */
  #resolveTarget(data: string): URL {
    const { url } = this.#endpoint;
    const target = URL.canParse(data, url.href) ? new URL(data, url) : undefined;
    if (target === undefined || target.origin !== url.origin || target.username !== '') {
      throw new FerroError('UPSTREAM_PROTOCOL', { detail: 'the endpoint event names another origin' });
    }
    return target;
  }

  #finish(reason?: Error): void {
    if (!this.#finished) {
      this.#finished = true;
      this.#events?.closed(reason);
    }
  }

  negotiated(revision: Revision): void {
    this.#revision = revision;
  }

  async send(message: JsonRpcMessage, options: TransportSendOptions = {}): Promise<void> {
    if (this.#target === undefined || this.#finished) {
      throw new FerroError('CONNECTION_CLOSED');
    }
    const version =
      this.#revision !== undefined && isAtLeast(this.#revision, '2025-06-18')
        ? { 'mcp-protocol-version': this.#revision }
        : {};
    const headers = { 'content-type': 'application/json', ...version };
    const signal = options.signal ?? this.#abort.signal;
    const response = await this.#endpoint.request(
      'POST',
      this.#target,
      headers,
      encodeMessage(message),
      signal,
    );
    discard(response);
    if (response.statusCode < 200 || response.statusCode > 299) {
      throw refusal(response.statusCode, response.headers['www-authenticate']);
    }
  }

  async close(): Promise<void> {
    this.#finish();
    this.#abort.abort();
    await this.#endpoint.close();
  }
}

export function legacySseTransport(options: LegacySseTransportOptions): LegacySseTransport {
  return new LegacySseTransport(options);
}
