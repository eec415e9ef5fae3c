import type { Readable } from 'node:stream';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { FerroError } from '../../core/errors.ts';
import { networkFailure } from './http-failure.ts';

export interface EventStreamHandler {
  /** Characters one event may have. */
  readonly limit: number;
  event(event: EventSourceMessage): void;
  retry?(ms: number): void;
}

/**
 * Reads a `text/event-stream` body to its end. Rejects with a coded error when the stream breaks, has an event over the
 * limit or is not UTF-8.
 */
export async function readEventStream(body: Readable, handler: EventStreamHandler): Promise<void> {
  let overflow = false;
  const parser = createParser({
    maxBufferSize: handler.limit,
    onEvent: (event) => {
      if (event.data.length > handler.limit) {
        overflow = true;
      } else if (!overflow) {
        handler.event(event);
      }
    },
    onRetry: (ms) => handler.retry?.(ms),
    onError: (error) => {
      overflow ||= error.type === 'max-buffer-size-exceeded';
    },
  });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      let text: string;
      try {
        text = decoder.decode(chunk, { stream: true });
      } catch (cause) {
        throw new FerroError('UPSTREAM_PROTOCOL', { detail: 'an event stream is not UTF-8', cause });
      }
      parser.feed(text);
      if (overflow) {
        throw new FerroError('UPSTREAM_PROTOCOL', {
          detail: `an event is larger than ${handler.limit} characters`,
        });
      }
    }
  } catch (error) {
    throw networkFailure(error);
  } finally {
    body.destroy();
  }
}
