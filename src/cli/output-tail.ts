import { boundText, safeLine } from '../observability/safe-text.ts';

/** Bytes and lines of a started server's stderr that are shown when it fails. */
const TAIL_BYTES = 4_096;
const TAIL_LINES = 10;

/** The end of what a started server wrote to stderr; shown only when something fails. */
export function createTail(): { push(chunk: Uint8Array): void; lines(): readonly string[] } {
  let tail: Uint8Array = new Uint8Array(0);
  return {
    push(chunk) {
      tail = Buffer.concat([tail, chunk]).subarray(-TAIL_BYTES);
    },
    lines: () =>
      Buffer.from(tail)
        .toString('utf8')
        .split('\n')
        .map((line) => safeLine(boundText(line.trimEnd(), 500)))
        .filter((line) => line !== '')
        .slice(-TAIL_LINES),
  };
}
