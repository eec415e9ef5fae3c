import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '../../core/errors.ts';

const EMPTY = Buffer.alloc(0);

/**
 * Reads a request body up to a limit. Memory follows what has arrived, never what was announced. `done` runs once,
 * with the bytes or with the error; after an error the rest of the body is not read. When the peer leaves before the
 * end there is nobody to answer, and `done` does not run.
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
  const end = (): void => {
    if (settled) return;
    settled = true;
    done(more === undefined ? (first ?? EMPTY) : Buffer.concat(more, size), undefined);
  };
  request.on('data', (chunk: Buffer) => {
    if (settled) return;
    size += chunk.length;
    if (size > limit) {
      settled = true;
      request.pause();
      done(undefined, 'HTTP_BODY_TOO_LARGE');
      return;
    }
    if (first === undefined) {
      first = chunk;
      // The usual case: all of it came with the head. Its end is known and need not be waited for.
      if (size === announced && request.complete) end();
      else if (announced > 0) request.on('end', end);
    } else {
      more ??= [first];
      more.push(chunk);
    }
  });
  // Without a length, or with none to come, only the end tells.
  if (announced === 0) request.on('end', end);
}
