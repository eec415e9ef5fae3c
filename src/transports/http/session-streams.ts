import type { ServerResponse } from 'node:http';
import { FerroError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { LegacySession } from '../../protocol/eras/legacy/session.ts';
import { type KeepAlive, sseEvent } from './http-outlet.ts';
import { onceClosed } from './response-end.ts';

/** The GET streams of legacy sessions: the way for messages that belong to no request. */
export class SessionStreams {
  readonly #bySession = new WeakMap<LegacySession, Set<ServerResponse>>();
  readonly #limits: Limits;
  readonly #keepAlive: KeepAlive;

  constructor(limits: Limits, keepAlive: KeepAlive) {
    this.#limits = limits;
    this.#keepAlive = keepAlive;
  }

  /** @throws FerroError QUOTA_STREAMS */
  open(session: LegacySession, response: ServerResponse, release: () => void): void {
    const streams = this.#bySession.get(session) ?? new Set();
    if (streams.size >= this.#limits.streamsPerSession) {
      release();
      throw new FerroError('QUOTA_STREAMS');
    }
    this.#bySession.set(session, streams);
    streams.add(response);
    // A message goes to exactly one stream (2025-11-25, transports): the oldest that still takes it.
    session.push = (text) => this.#push(streams, text);
    response.writeHead(200, [
      'Content-Type',
      'text/event-stream',
      'Cache-Control',
      'no-cache, no-transform',
      'X-Accel-Buffering',
      'no',
      'Mcp-Session-Id',
      session.id,
    ]);
    response.flushHeaders();
    this.#keepAlive.add(response);
    const stop = session.onClose(() => response.end());
    onceClosed(response, () => {
      stop();
      streams.delete(response);
      release();
    });
  }

  #push(streams: Set<ServerResponse>, text: string): boolean {
    for (const stream of streams) {
      if (stream.writableLength > this.#limits.writeBufferBytes) {
        stream.destroy();
        continue;
      }
      stream.write(sseEvent(text));
      return true;
    }
    return false;
  }
}
