import type { Readable } from 'node:stream';
import { parseMessages } from '../../client/message.ts';
import type { JsonRpcMessage } from '../../core/jsonrpc.ts';
import { readEventStream } from './event-stream.ts';

/** An id with a control character could not be sent back in a header; the length is our bound. */
const EVENT_ID = /^[\x20-\x7e]{1,1024}$/;

export interface MessageStreamHandler {
  /** Characters one event may have. */
  readonly limit: number;
  message(message: JsonRpcMessage): void;
  /** Bytes of an event that was no message. */
  noise(bytes: number): void;
  eventId?(id: string): void;
  retry?(ms: number): void;
}

/** Reads the messages of an event stream to its end; rejects like `readEventStream`. */
export async function readMessageStream(body: Readable, handler: MessageStreamHandler): Promise<void> {
  await readEventStream(body, {
    limit: handler.limit,
    retry: (ms) => handler.retry?.(ms),
    event: ({ event, data, id }) => {
      if (id !== undefined && EVENT_ID.test(id)) {
        handler.eventId?.(id);
      }
      if (data === '' || (event !== undefined && event !== 'message')) {
        return;
      }
      const messages = parseMessages(data);
      if (messages === undefined) {
        handler.noise(data.length);
      }
      for (const message of messages ?? []) {
        handler.message(message);
      }
    },
  });
}
