/** The right transport for a URL or a command, and for a URL the way back to the deprecated HTTP+SSE transport. */
import type { ClientTransport, TransportSendOptions } from '../../client/contract.ts';
import { FerroError } from '../../core/errors.ts';
import type { JsonRpcMessage } from '../../core/jsonrpc.ts';
import type { Era, Revision } from '../../core/revisions.ts';
import { HttpTransport, type HttpTransportOptions } from './http.ts';
import { statusOf } from './http-failure.ts';
import { LegacySseTransport } from './legacy-sse.ts';
import { StdioTransport, type StdioTransportOptions } from './stdio.ts';

type Events = Parameters<ClientTransport['start']>[0];

/** Statuses with which an HTTP+SSE server refuses a POST to its stream URL (2026-07-28, Backward Compatibility). */
const NOT_HERE = new Set([400, 404, 405]);

/** Streamable HTTP; HTTP+SSE when the server refuses `initialize` in a way that says nothing of MCP. */
export class UrlTransport implements ClientTransport {
  readonly #options: HttpTransportOptions;
  #current: HttpTransport | LegacySseTransport;
  #events: Events | undefined;
  #closing = false;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.#current = new HttpTransport(options);
  }

  get kind(): 'http' | 'sse' {
    return this.#current.kind;
  }

  async start(events: Events): Promise<void> {
    this.#events = events;
    await this.#current.start(this.#guarded(this.#current, events));
  }

  /** Once replaced, a transport has no say any more. */
  #guarded(owner: ClientTransport, events: Events): Events {
    return {
      ...events,
      closed: (reason) => {
        if (this.#current === owner) {
          events.closed(reason);
        }
      },
    };
  }

  async send(message: JsonRpcMessage, options?: TransportSendOptions): Promise<void> {
    try {
      await this.#current.send(message, options);
    } catch (error) {
      const status = statusOf(error);
      const opening = 'method' in message && message.method === 'initialize';
      if (!opening || this.#current.kind !== 'http' || status === undefined || !NOT_HERE.has(status)) {
        throw error;
      }
      await this.#fallBack(error);
      await this.#current.send(message, options);
    }
  }

  async #fallBack(refused: unknown): Promise<void> {
    const events = this.#events;
    if (events === undefined || this.#closing) {
      throw refused;
    }
    const sse = new LegacySseTransport(this.#options);
    try {
      await sse.start(this.#guarded(sse, events));
    } catch {
      // Neither: the refusal of the current transport is the better explanation.
      throw refused;
    }
    const http = this.#current;
    this.#current = sse;
    await http.close();
  }

  negotiated(revision: Revision, era: Era): void {
    if (this.#current instanceof HttpTransport) {
      this.#current.negotiated(revision, era);
    } else {
      this.#current.negotiated(revision);
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#current.close();
  }
}

export type TransportTarget = string | readonly string[] | StdioTransportOptions | HttpTransportOptions;

/**
 * Transport for what a user names: a URL (string or options), or a command (argv array, or options). A string that is
 * no http(s) URL is the command itself, without arguments; nothing is ever given to a shell.
 */
export function targetTransport(target: TransportTarget): ClientTransport {
  if (typeof target === 'string') {
    return /^https?:/i.test(target)
      ? new UrlTransport({ url: target })
      : new StdioTransport({ command: target });
  }
  if ('url' in target) {
    return new UrlTransport(target);
  }
  if ('command' in target) {
    return new StdioTransport(target);
  }
  const [command, ...args] = target;
  if (command === undefined) {
    throw new FerroError('CONFIG_INVALID', { detail: 'an empty command' });
  }
  return new StdioTransport({ command, args });
}
