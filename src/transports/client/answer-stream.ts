/** The event stream that carries the answer to one request, over as many connections as it takes. */
import type { Readable } from 'node:stream';
import type { ClientTransport } from '../../client/contract.ts';
import { FerroError } from '../../core/errors.ts';
import type { JsonRpcMessage, RequestId } from '../../core/jsonrpc.ts';
import { mediaType } from '../media-type.ts';
import { abandonBody } from './http-body.ts';
import type { HttpEndpoint } from './http-endpoint.ts';
import { discard, type HttpResponse } from './http-exchange.ts';
import { readMessageStream } from './message-stream.ts';
import { ReconnectDelay } from './reconnect.ts';

export interface AnswerContext {
  readonly events: Parameters<ClientTransport['start']>[0];
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly maxResumes: number;
  /** Session headers, as they are when a connection is made. */
  headers(): Readonly<Record<string, string>>;
  resumable(): boolean;
}

/** How long a stream may stay open after the answer it was for. */
const LINGER_MS = 2_000;

export function isAnswerTo(message: JsonRpcMessage, id: RequestId): boolean {
  return !('method' in message) && message.id === id;
}

/** An error answer that could not name the request it is for: the exchange says which one it was. */
export function addressed(message: JsonRpcMessage, id: RequestId): JsonRpcMessage {
  return 'error' in message && (message.id === undefined || message.id === null)
    ? { ...message, id }
    : message;
}

/** The stream after `lastEventId`; undefined when it may be tried again. */
async function resume(
  endpoint: HttpEndpoint,
  context: AnswerContext,
  lastEventId: string,
): Promise<Readable | undefined> {
  const headers = { accept: 'text/event-stream', ...context.headers(), 'last-event-id': lastEventId };
  let response: HttpResponse;
  try {
    response = await endpoint.request('GET', endpoint.url, headers, undefined, context.signal);
  } catch {
    return undefined;
  }
  if (response.statusCode >= 500) {
    discard(response);
    return undefined;
  }
  if (response.statusCode !== 200 || mediaType(response.headers['content-type']) !== 'text/event-stream') {
    discard(response);
    throw new FerroError('UPSTREAM_CRASHED', { detail: 'the stream cannot be resumed' });
  }
  return response.body;
}

/**
 * Delivers what the stream brings. When it ends without the answer, it is taken up by GET with `Last-Event-ID` after
 * the server's `retry` time (2025-11-25, transports, Resumability); where that cannot be, `failed` is reported.
 */
export async function followAnswer(
  endpoint: HttpEndpoint,
  first: Readable,
  id: RequestId,
  context: AnswerContext,
): Promise<void> {
  const { events, signal } = context;
  const wait = new ReconnectDelay();
  let lastEventId: string | undefined;
  let answered = false;

  const read = async (body: Readable): Promise<unknown> => {
    let linger: NodeJS.Timeout | undefined;
    const gotAnswer = (): void => {
      answered = true;
      linger ??= setTimeout(() => abandonBody(body), LINGER_MS).unref();
    };
    try {
      await readMessageStream(body, {
        limit: endpoint.maxMessageBytes,
        noise: (bytes) => events.noise?.(bytes),
        retry: (ms) => {
          wait.retry = ms;
        },
        eventId: (eventId) => {
          if (eventId !== lastEventId) {
            lastEventId = eventId;
            wait.succeeded();
          }
        },
        takesBytes: () => events.takesBytes?.(id) === true,
        reply: (reply, arrivedAt) => {
          if (reply.id === id) {
            gotAnswer();
          }
          events.reply?.(reply, { requestId: id }, arrivedAt);
        },
        message: (message, arrivedAt) => {
          const known = addressed(message, id);
          if (isAnswerTo(known, id)) {
            gotAnswer();
          }
          events.message(known, { requestId: id }, arrivedAt);
        },
      });
      return undefined;
    } catch (error) {
      return error;
    } finally {
      clearTimeout(linger);
    }
  };

  try {
    let body: Readable | undefined = first;
    for (;;) {
      const broken = body === undefined ? undefined : await read(body);
      if (answered || signal.aborted) {
        return;
      }
      const fatal = broken instanceof FerroError && broken.code === 'UPSTREAM_PROTOCOL';
      if (lastEventId === undefined || fatal || !context.resumable()) {
        throw broken ?? new FerroError('UPSTREAM_CRASHED', { detail: 'the stream ended without the answer' });
      }
      if (wait.failures > context.maxResumes || !(await wait.wait(signal))) {
        throw broken ?? new FerroError('UPSTREAM_CRASHED', { detail: 'the stream could not be resumed' });
      }
      // A connection that brings nothing new counts as a failure until it does.
      wait.failed();
      body = await resume(endpoint, context, lastEventId);
    }
  } catch (error) {
    if (!answered && !signal.aborted) {
      events.failed?.(id, error as Error);
    }
  }
}
