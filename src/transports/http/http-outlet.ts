import type { Outlet } from '../../protocol/outlet.ts';
import { NOT_LISTED, type RosterMember } from '../../protocol/roster.ts';
import { type Body, type Fields, type HttpExchange, SESSION_ID } from './exchange.ts';

const NO_FIELDS: Fields = [];

/**
 * The reply to one POST: a JSON body when nothing precedes the result, an event stream as soon as something does.
 * Head and body go out in one write.
 */
export class HttpOutlet implements Outlet, RosterMember {
  readonly canStream: boolean;
  onGone: (() => void) | undefined;
  onDrain: (() => void) | undefined;
  /** Set before the reply: the session this request opens, named to the client once it is agreed on. */
  opened: { readonly id: string; readonly negotiated: boolean } | undefined;
  /** Runs once when the exchange is over, however it ended. */
  onEnd: (() => void) | undefined;
  /** Answers instead of an empty stream when there is nothing to reply: 202 for a batch of notifications. */
  noReply: 202 | undefined;
  rosterIndex = NOT_LISTED;
  readonly #exchange: HttpExchange;
  #streaming = false;
  #ended = false;

  constructor(exchange: HttpExchange) {
    this.#exchange = exchange;
    this.canStream = exchange.accepted.sse;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Watches a reply that is not immediate: for the peer leaving, and for its end, which `settled` is told. */
  watch(settled: () => void): void {
    this.#exchange.onClosed(() => {
      settled();
      if (this.#ended) return;
      this.#ended = true;
      this.onGone?.();
      this.onEnd?.();
    });
  }

  send(text: string): void {
    if (this.#ended || !this.canStream) return;
    if (!this.#streaming) {
      this.#streaming = true;
      this.#exchange.open(this.#fields);
    }
    this.#exchange.event(text);
  }

  end(text: string, httpStatus: number): void {
    this.#end(text, httpStatus);
  }

  endBytes(parts: readonly Uint8Array[], httpStatus: number): void {
    this.#end(parts, httpStatus);
  }

  #end(text: Body, httpStatus: number): void {
    if (this.#ended) return;
    this.#ended = true;
    const exchange = this.#exchange;
    if (this.#streaming) {
      exchange.event(text, true);
    } else if (exchange.accepted.json || httpStatus !== 200) {
      exchange.reply(httpStatus, this.#fields, text);
    } else {
      exchange.open(this.#fields);
      exchange.event(text, true);
    }
    this.onEnd?.();
  }

  /** Takes a message that has no reply. */
  accept(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#exchange.reply(202, NO_FIELDS, '');
  }

  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    const exchange = this.#exchange;
    this.onEnd?.();
    if (this.#streaming) {
      exchange.close();
    } else if (this.noReply !== undefined) {
      exchange.reply(this.noReply, NO_FIELDS, '');
    } else if (this.canStream) {
      // A cancelled request gets no message; the exchange still has to end.
      exchange.open(this.#fields);
      exchange.close();
    } else {
      exchange.reply(204, NO_FIELDS, '');
    }
  }

  get #fields(): Fields {
    const id = this.opened?.negotiated === true ? this.opened.id : undefined;
    return id === undefined ? NO_FIELDS : [SESSION_ID, id];
  }
}
