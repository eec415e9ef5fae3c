const LF = 0x0a;
const CR = 0x0d;

/**
 * Splits a byte stream into lines (LF or CRLF). Works on bytes, so a character split over two chunks stays whole.
 * A line over the limit is dropped up to its end and reported once; whoever wants no more calls `stop()`.
 */
export class LineReader {
  readonly #limit: number;
  readonly #onLine: (line: Buffer) => void;
  readonly #onTooLong: () => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #skipping = false;
  #stopped = false;

  constructor(limit: number, onLine: (line: Buffer) => void, onTooLong: () => void) {
    this.#limit = limit;
    this.#onLine = onLine;
    this.#onTooLong = onTooLong;
  }

  push(chunk: Buffer): void {
    let start = 0;
    while (!this.#stopped) {
      const end = chunk.indexOf(LF, start);
      this.#take(chunk.subarray(start, end === -1 ? chunk.length : end));
      if (end === -1 || this.#stopped) return;
      this.#finish();
      start = end + 1;
    }
  }

  /** End of the stream: an unfinished line is a line. */
  end(): void {
    if (!this.#stopped && this.#bytes > 0) this.#finish();
    this.stop();
  }

  /** Nothing is read any more. */
  stop(): void {
    this.#stopped = true;
    this.#parts = [];
    this.#bytes = 0;
  }

  #take(piece: Buffer): void {
    if (this.#skipping || piece.length === 0) return;
    this.#bytes += piece.length;
    if (this.#bytes <= this.#limit) {
      this.#parts.push(piece);
      return;
    }
    this.#skipping = true;
    this.#parts = [];
    this.#bytes = 0;
    this.#onTooLong();
  }

  #finish(): void {
    const parts = this.#parts;
    const skipped = this.#skipping;
    this.#parts = [];
    this.#bytes = 0;
    this.#skipping = false;
    if (skipped) return;
    const line = parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts);
    this.#onLine(line.at(-1) === CR ? line.subarray(0, -1) : line);
  }
}
