/** One exchange with a server, whatever version of HTTP carries it. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { abandonBody } from './http-body.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  /** Is read, discarded or abandoned by whoever asked. */
  readonly body: Readable;
}

/** Bytes that are read for nothing rather than giving up the connection. */
const DISCARDED_BYTES = 64 * 1024;

/** Reads and forgets a body that does not matter, so that the connection can be used again. */
export function discard(response: HttpResponse): void {
  const { body } = response;
  let bytes = 0;
  body.on('error', () => {});
  body.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > DISCARDED_BYTES) abandonBody(body);
  });
}
