/** Bodies of HTTP answers, of either version of HTTP. */
import { constants, type Http2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import { FerroError } from '../../core/errors.ts';
import { networkFailure } from './http-failure.ts';

/** Gives `take` the pieces of a body as they arrive; rejects with `UPSTREAM_PROTOCOL` when there are more than `limit` bytes. */
export async function readBodyInto(
  body: Readable,
  limit: number,
  take: (piece: Buffer) => void,
): Promise<void> {
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    body.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > limit) {
        abandonBody(body);
        reject(new FerroError('UPSTREAM_PROTOCOL', { detail: `an answer is larger than ${limit} bytes` }));
        return;
      }
      take(piece);
    });
    body.on('end', resolve);
    body.on('error', (error) => reject(networkFailure(error)));
    body.on('close', () => reject(new FerroError('UPSTREAM_CRASHED', { detail: 'the answer was cut off' })));
  });
}

/** The whole body as one piece; rejects as {@link readBodyInto}. */
export async function readBody(body: Readable, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  await readBodyInto(body, limit, (piece) => pieces.push(piece));
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
}

/** Reads no further: the rest of the body is not wanted. */
export function abandonBody(body: Readable): void {
  // A stream of HTTP/2 has to be told that this is no error of ours.
  if (!body.destroyed && isHttp2Stream(body)) body.close(constants.NGHTTP2_CANCEL);
  body.destroy();
}

function isHttp2Stream(body: Readable): body is Readable & Http2Stream {
  return 'rstCode' in body;
}
