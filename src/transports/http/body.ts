import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '../../core/errors.ts';

/**
 * Reads a request body up to a limit. Memory follows what has arrived, never what was announced. `done` runs once,
 * with the bytes or with the error; after an error the rest of the body is not read.
 */
export function readBody(
  request: IncomingMessage,
  limit: number,
  done: (bytes: Buffer | undefined, error: ErrorCode | undefined) => void,
): void {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit) {
    request.pause();
    done(undefined, 'HTTP_BODY_TOO_LARGE');
    return;
  }
  let first: Buffer | undefined;
  let more: Buffer[] | undefined;
  let size = 0;
  let settled = false;
  const settle = (bytes: Buffer | undefined, error: ErrorCode | undefined): void => {
    if (settled) return;
    settled = true;
    done(bytes, error);
  };
  request.on('data', (chunk: Buffer) => {
    if (settled) return;
    size += chunk.length;
    if (size > limit) {
      request.pause();
      settle(undefined, 'HTTP_BODY_TOO_LARGE');
      return;
    }
    if (first === undefined) {
      first = chunk;
    } else {
      more ??= [first];
      more.push(chunk);
    }
  });
  request.on('end', () =>
    settle(more === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(more, size), undefined),
  );
  // The peer is gone: nobody to answer, and `close` on the response does the rest.
  request.on('error', () => {
    settled = true;
  });
}
