import type { Principal } from '../../core/principal.ts';
import type { HeaderView } from '../../protocol/call.ts';
import type { Accepted } from './accept.ts';
import type { Body, Fields, HttpExchange } from './exchange.ts';
import type { ReplySlab } from './native-replies.ts';
import type { NativeHead } from './native-requests.ts';

/** Exchanges that wait for their end, by token. */
export type OpenExchanges = Map<number, NativeExchange>;

/** An exchange of the native front: what is sent goes into the slab of this turn. */
export class NativeExchange implements HttpExchange {
  readonly target: string;
  readonly headers: HeaderView;
  readonly accepted: Accepted;
  readonly principal: Principal | undefined;
  readonly #token: number;
  readonly #replies: ReplySlab;
  readonly #open: OpenExchanges;
  #begun = false;
  #over = false;
  #listeners: (() => void)[] | undefined;

  constructor(
    head: NativeHead,
    token: number,
    principal: Principal | undefined,
    replies: ReplySlab,
    open: OpenExchanges,
  ) {
    this.target = head.target;
    this.headers = head.headers;
    this.accepted = head.accepted;
    this.principal = principal;
    this.#token = token;
    this.#replies = replies;
    this.#open = open;
  }

  get begun(): boolean {
    return this.#begun;
  }

  reply(status: number, fields: Fields, body: Body): void {
    if (this.#over) return;
    this.#begun = true;
    this.#replies.reply(this.#token, status, fields, body);
    this.#end();
  }

  open(fields: Fields): void {
    if (this.#over) return;
    this.#begun = true;
    this.#replies.open(this.#token, fields);
  }

  event(text: Body, last = false, name?: string): boolean {
    if (this.#over) return false;
    this.#replies.event(this.#token, text, last, name);
    if (last) this.#end();
    return true;
  }

  close(): void {
    if (this.#over) return;
    this.#replies.close(this.#token);
    this.#end();
  }

  destroy(): void {
    this.close();
  }

  onClosed(listener: () => void): void {
    if (this.#over) {
      listener();
      return;
    }
    if (this.#listeners === undefined) {
      this.#listeners = [listener];
      this.#open.set(this.#token, this);
    } else {
      this.#listeners.push(listener);
    }
  }

  /** The peer has left, or has been dropped since it does not read. */
  gone(): void {
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#listeners === undefined) return;
    this.#open.delete(this.#token);
    for (const listener of this.#listeners) listener();
  }
}
