/**
 * Where the messages of one request go. A transport makes one per request: a line writer on stdio, a JSON body that
 * turns into an SSE stream on HTTP. Text is complete JSON, without framing.
 */
export interface Outlet {
  /** False when nothing can be sent before the reply (the HTTP client accepts JSON only). */
  readonly canStream: boolean;
  /** Sends a message that belongs to the request (progress, log, server-to-client request). Ignored once ended. */
  send(text: string): void;
  /** Sends the reply and ends the request. `httpStatus` matters on HTTP only, and only before the first `send`. */
  end(text: string, httpStatus: number): void;
  /** As {@link end}, for a reply that exists as bytes; without it they become text first. No line breaks. */
  endBytes?(parts: readonly Uint8Array[], httpStatus: number): void;
  /** Ends the request without a reply (it was cancelled). */
  abandon(): void;
  /** Set by the protocol; the transport calls it when the peer goes away before the end. */
  onGone: (() => void) | undefined;
  /** Set by the protocol on streams that only end when asked to; the transport calls it when it is about to stop. */
  onDrain?: (() => void) | undefined;
}

/** Collects the replies of a JSON-RPC batch (2025-03-26) and answers them as one array. */
export class BatchOutlet {
  readonly #parent: Outlet;
  readonly #replies: string[] = [];
  readonly #members: Outlet[] = [];
  #open = 0;
  #sealed = false;

  constructor(parent: Outlet) {
    this.#parent = parent;
    parent.onGone = () => {
      for (const member of this.#members) member.onGone?.();
    };
  }

  /** An outlet for one request of the batch. */
  member(): Outlet {
    this.#open += 1;
    const parent = this.#parent;
    let ended = false;
    const finish = (reply?: string): void => {
      if (ended) return;
      ended = true;
      if (reply !== undefined) this.#replies.push(reply);
      this.#open -= 1;
      this.#flush();
    };
    const member: Outlet = {
      canStream: parent.canStream,
      send: (text) => {
        if (!ended) parent.send(text);
      },
      end: (text) => finish(text),
      abandon: () => finish(),
      onGone: undefined,
    };
    this.#members.push(member);
    return member;
  }

  /** No further members: the array goes out when the last one has ended. */
  seal(): void {
    this.#sealed = true;
    this.#flush();
  }

  #flush(): void {
    if (!this.#sealed || this.#open > 0) return;
    if (this.#replies.length === 0) this.#parent.abandon();
    else this.#parent.end(`[${this.#replies.join(',')}]`, 200);
  }
}
