const LF = 0x0a;
const CR = 0x0d;

/**
 * Splits a byte stream into lines (LF or CRLF). Works on bytes, so a character split over two chunks stays whole.
 * A line over the limit is reported once, after which nothing is read any more.
 */
export class LineReader {
  readonly #limit: number;
  readonly #onLine: (line: Buffer) => void;
  readonly #onOverflow: () => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #stopped = false;

  constructor(limit: number, onLine: (line: Buffer) => void, onOverflow: () => void) {
    this.#limit = limit;
    this.#onLine = onLine;
    this.#onOverflow = onOverflow;
  }

  push(chunk: Buffer): void {
    let start = 0;
    while (!this.#stopped) {
      const end = chunk.indexOf(LF, start);
      const piece = chunk.subarray(start, end === -1 ? chunk.length : end);
      if (this.#bytes + piece.length > this.#limit) {
        this.stop();
        this.#onOverflow();
        return;
      }
      if (end === -1) {
        if (piece.length > 0) {
          this.#parts.push(piece);
          this.#bytes += piece.length;
        }
        return;
      }
      this.#emit(piece);
      start = end + 1;
    }
  }

  /** End of the stream: an unfinished line is a line. */
  end(): void {
    if (!this.#stopped && this.#bytes > 0) {
      this.#emit(Buffer.alloc(0));
    }
    this.stop();
  }

  stop(): void {
    this.#stopped = true;
    this.#parts = [];
    this.#bytes = 0;
  }

  #emit(last: Buffer): void {
    let line = last;
    if (this.#parts.length > 0) {
      line = Buffer.concat([...this.#parts, last]);
      this.#parts = [];
      this.#bytes = 0;
    }
    this.#onLine(line.at(-1) === CR ? line.subarray(0, -1) : line);
  }
}
