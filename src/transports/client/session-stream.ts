/** The GET stream of a legacy session: for what belongs to no request of ours. */
import type { ClientTransport } from '../../client/contract.ts';
import type { Logger } from '../../core/log.ts';
import { mediaType } from '../media-type.ts';
import type { HttpEndpoint } from './http-endpoint.ts';
import { discard } from './http-exchange.ts';
import { readMessageStream } from './message-stream.ts';
import { ReconnectDelay } from './reconnect.ts';

export interface SessionStreamContext {
  readonly events: Parameters<ClientTransport['start']>[0];
  /** Aborts when the session is over. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  headers(): Readonly<Record<string, string>>;
  /** The server does not know the session any more. */
  lost(): void;
}

type Outcome = 'ended' | 'failed' | 'refused';

/** Keeps the stream open until the session is over or the server says that it has none. */
export async function followSession(endpoint: HttpEndpoint, context: SessionStreamContext): Promise<void> {
  const { events, signal, logger } = context;
  const wait = new ReconnectDelay();
  let lastEventId: string | undefined;
  let connected = false;

  const connect = async (): Promise<Outcome> => {
    const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const headers = { accept: 'text/event-stream', ...context.headers(), ...resume };
    const response = await endpoint.request('GET', endpoint.url, headers, undefined, signal);
    const { statusCode: status } = response;
    if (status !== 200 || mediaType(response.headers['content-type']) !== 'text/event-stream') {
      discard(response);
      logger.log('debug', 'the server gives no stream for the session', { status });
      if (status >= 500) {
        return 'failed';
      }
      // 405: the server has no such stream. A 404 only says something of the session when there was a stream before.
      if (status === 404 && connected) {
        context.lost();
      }
      return 'refused';
    }
    connected = true;
    wait.succeeded();
    await readMessageStream(response.body, {
      limit: endpoint.maxMessageBytes,
      noise: (bytes) => events.noise?.(bytes),
      retry: (ms) => {
        wait.retry = ms;
      },
      eventId: (id) => {
        lastEventId = id;
      },
      // The answer to a call may come here when its own stream was taken up again.
      takesBytes: () => events.takesBytes?.() === true,
      reply: (reply, arrivedAt) => events.reply?.(reply, {}, arrivedAt),
      message: (message, arrivedAt) => events.message(message, {}, arrivedAt),
    });
    return 'ended';
  };

  while (!signal.aborted) {
    let outcome: Outcome;
    try {
      outcome = await connect();
    } catch (error) {
      logger.log('debug', 'the stream of the session broke', { error: String(error) });
      outcome = 'failed';
    }
    if (outcome === 'refused') {
      return;
    }
    if (outcome === 'failed') {
      wait.failed();
    }
    if (!(await wait.wait(signal))) {
      return;
    }
  }
}
