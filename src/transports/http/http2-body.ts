import type { ServerHttp2Stream } from 'node:http2';
import type { ErrorCode } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';

/** Bytes that the unfinished bodies of one connection may hold together. */
const SESSION_BYTES = 10 * 1024 * 1024;

/** How long, and how much of it, a body is read that nobody wants. */
const MOMENT_MS = 100;
const UNWANTED_BYTES = 16 * 1024;

/** What the unfinished bodies of one connection hold. */
export interface BodyBudget {
  bytes: number;
}

/**
 * Reads the body of a stream up to a limit and within the time for a request. `done` runs once, with the bytes or with
 * the error, and never for a stream that its peer has reset.
 */
export function readHttp2Body(
  stream: ServerHttp2Stream,
  limits: Limits,
  announced: number,
  budget: BodyBudget,
  done: (bytes: Buffer | undefined, error: ErrorCode | undefined) => void,
): void {
  const limit = limits.bodyBytes;
  if (announced > limit) {
    done(undefined, 'HTTP_BODY_TOO_LARGE');
    return;
  }
  const most = Math.max(SESSION_BYTES, 2 * limit);
  const chunks: Buffer[] = [];
  let size = 0;
  let settled = false;
  const settle = (error: ErrorCode | undefined): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    budget.bytes -= size;
    if (error !== undefined) stream.pause();
    // Node also ends what was reset.
    if (stream.aborted || stream.closed) return;
    const [only] = chunks;
    const bytes = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
    done(error === undefined ? bytes : undefined, error);
  };
  const timer = setTimeout(() => settle('HTTP_TIMEOUT'), limits.requestMs);
  stream.on('data', (chunk: Buffer) => {
    if (settled) return;
    size += chunk.length;
    budget.bytes += chunk.length;
    if (size > limit) settle('HTTP_BODY_TOO_LARGE');
    else if (budget.bytes > most) settle('QUOTA_REQUESTS');
    else chunks.push(chunk);
  });
  stream.once('end', () => settle(undefined));
  stream.once('close', () => settle(undefined));
}

/**
 * Gives a body that is not wanted a moment to end, so that a malformed request (RFC 9113, 8.1.1) is reset rather than
 * answered, and an honest client need not be stopped. `done` never runs for a stream that was reset.
 */
export function passOverBody(stream: ServerHttp2Stream, done: () => void): void {
  if (stream.endAfterHeaders) {
    done();
    return;
  }
  let size = 0;
  let settled = false;
  const settle = (): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    stream.pause();
    if (!stream.aborted && !stream.closed) done();
  };
  const timer = setTimeout(settle, MOMENT_MS);
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > UNWANTED_BYTES) settle();
  });
  stream.once('end', settle);
  stream.once('close', settle);
}
