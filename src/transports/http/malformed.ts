import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERROR_TABLE, type ErrorCode } from '../../core/errors.ts';
import { errorFrame } from '../../protocol/frames.ts';

/** What Node's parser and its clock report, by their codes; anything else is broken HTTP. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'HTTP_TIMEOUT',
  HPE_HEADER_OVERFLOW: 'HTTP_HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'HTTP_BODY_TOO_LARGE',
};

/**
 * Answers bytes that never became a request, or a request that did not end in time, and closes the connection: where
 * the next message begins is unknown.
 *
 * @param latest the last response on this connection; once it has begun nothing may be written into it
 */
export function answerMalformed(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  latest: ServerResponse | undefined,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  // An ended response that owns the connection has all its bytes in line before ours.
  const whole =
    latest?.writableFinished === true || (latest?.writableEnded === true && latest.socket === socket);
  const begun = latest?.headersSent === true && !whole;
  if (!socket.writable || begun) {
    socket.destroy();
    return;
  }
  answerOnSocket(socket, CODES[error.code ?? ''] ?? 'HTTP_MALFORMED');
}

/** Writes an error as a whole HTTP response on a connection that has no request to answer, and closes it. */
export function answerOnSocket(socket: Duplex, code: ErrorCode, fields: readonly string[] = []): void {
  // The peer may be gone; then there is nobody to tell.
  socket.on('error', () => {});
  const { rpc, http, message } = ERROR_TABLE[code];
  const body = errorFrame(undefined, { rpc, http, message, data: { code } }, 'null');
  const head = [
    `HTTP/1.1 ${http} ${STATUS_CODES[http] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...fields,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
