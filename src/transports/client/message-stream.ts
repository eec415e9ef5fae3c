import type { Readable } from 'node:stream';
import type { IncomingMessage } from '../../client/incoming-message.ts';
import type { RawReply } from '../../client/raw-result.ts';
import type { JsonRpcMessage } from '../../core/jsonrpc.ts';
import { readEventStream } from './event-stream.ts';

/** An id with a control character could not be sent back in a header; the length is our bound. */
const EVENT_ID = /^[\x20-\x7e]{1,1024}$/;

export interface MessageStreamHandler {
  /** Bytes one event may have. */
  readonly limit: number;
  message(message: JsonRpcMessage, arrivedAt: number): void;
  /** A reply left as bytes; comes only when `takesBytes` says so. */
  reply(reply: RawReply, arrivedAt: number): void;
  takesBytes(): boolean;
  /** Bytes of an event that was no message. */
  noise(bytes: number): void;
  eventId?(id: string): void;
  retry?(ms: number): void;
}

/** Reads the messages of an event stream to its end; rejects like `readEventStream`. */
export async function readMessageStream(body: Readable, handler: MessageStreamHandler): Promise<void> {
  await readEventStream(body, {
    limit: handler.limit,
    mayStayBytes: () => handler.takesBytes(),
    retry: (ms) => handler.retry?.(ms),
    event: ({ event, data, id }) => {
      if (id !== undefined && EVENT_ID.test(id)) {
        handler.eventId?.(id);
      }
      if (data.size > 0 && (event === undefined || event === 'message')) {
        deliver(data, handler);
      }
    },
  });
}

type Sink = Pick<MessageStreamHandler, 'message' | 'reply' | 'noise'>;

/** Hands on what an event carried. */
export function deliver(data: IncomingMessage, handler: Sink): void {
  const incoming = data.finish();
  const { arrivedAt } = data;
  switch (incoming.kind) {
    case 'reply':
      handler.reply(incoming.reply, arrivedAt);
      return;
    case 'messages':
      for (const message of incoming.messages) {
        handler.message(message, arrivedAt);
      }
      return;
    case 'noise':
      handler.noise(data.size);
  }
}
