import type { Principal } from '../../core/principal.ts';
import type { HeaderView } from '../../protocol/call.ts';
import type { Accepted } from './accept.ts';

/** A body, or its parts in order when it exists as bytes already. */
export type Body = string | readonly Uint8Array[];

/** Names and values in turn. Names and values are made here or were checked: nothing of a peer is repeated in them. */
export type Fields = readonly string[];

/**
 * One HTTP request and its answer, whatever front took it. A front has judged the request before (limits, guard, path,
 * method, media types); how bytes reach the peer, how slow readers are bounded and how silent streams are kept open is
 * its own business too.
 */
export interface HttpExchange {
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: HeaderView;
  readonly accepted: Accepted;
  /** Set when the front itself has found out who asks. */
  readonly principal: Principal | undefined;
  /** The head of the answer is out. */
  readonly begun: boolean;
  /** The whole answer, in one write. Nothing after {@link open}. */
  reply(status: number, fields: Fields, body: Body): void;
  /** Begins an event stream; `silent` = no event follows at once. */
  open(fields: Fields, silent?: boolean): void;
  /**
   * Sends an event on the open stream; the last one ends it. False when the peer reads too slowly for it: then its
   * connection has been dropped.
   */
  event(text: Body, last?: boolean, name?: string): boolean;
  /** Ends the open stream. */
  close(): void;
  /** Ends the connection without a further byte. */
  destroy(): void;
  /** Runs `listener` once, when the answer has been sent or can no longer be. */
  onClosed(listener: () => void): void;
}

/** What precedes the events of every stream besides its `Content-Type`, which the front knows. */
export const SESSION_ID = 'Mcp-Session-Id';
