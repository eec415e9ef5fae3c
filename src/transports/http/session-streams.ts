import { FerroError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { LegacySession } from '../../protocol/eras/legacy/session.ts';
import { type HttpExchange, SESSION_ID } from './exchange.ts';

/** The GET streams of legacy sessions: the way for messages that belong to no request. */
export class SessionStreams {
  readonly #bySession = new WeakMap<LegacySession, Set<HttpExchange>>();
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** @throws FerroError QUOTA_STREAMS */
  open(session: LegacySession, exchange: HttpExchange, release: () => void): void {
    const streams = this.#bySession.get(session) ?? new Set();
    if (streams.size >= this.#limits.streamsPerSession) {
      release();
      throw new FerroError('QUOTA_STREAMS');
    }
    this.#bySession.set(session, streams);
    streams.add(exchange);
    // A message goes to exactly one stream (2025-11-25, transports): the oldest that still takes it.
    session.push = (text) => push(streams, text);
    exchange.open([SESSION_ID, session.id], true);
    const stop = session.onClose(() => exchange.close());
    exchange.onClosed(() => {
      stop();
      streams.delete(exchange);
      release();
    });
  }
}

function push(streams: Set<HttpExchange>, text: string): boolean {
  for (const stream of streams) if (stream.event(text)) return true;
  return false;
}
