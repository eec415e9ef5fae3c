const LF = 0x0a;
const CR = 0x0d;

export interface LineSink {
  /** A piece of the line that is being read; its CR before the LF included. */
  piece(bytes: Buffer): void;
  /** The line is whole. */
  end(): void;
  /** The line has more bytes than it may; the rest of it is dropped, and `end` is not called for it. */
  tooLong(): void;
}

/** Finds the lines in a byte stream and hands their pieces on as they arrive, without joining them. */
export class LineSplitter {
  readonly #limit: number;
  readonly #sink: LineSink;
  #bytes = 0;
  #skipping = false;
  #stopped = false;

  constructor(limit: number, sink: LineSink) {
    this.#limit = limit;
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let start = 0;
    while (!this.#stopped) {
      const end = chunk.indexOf(LF, start);
      this.#take(start === 0 && end === -1 ? chunk : chunk.subarray(start, end === -1 ? chunk.length : end));
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
    this.#bytes = 0;
  }

  #take(piece: Buffer): void {
    if (this.#skipping || piece.length === 0) return;
    this.#bytes += piece.length;
    if (this.#bytes <= this.#limit) {
      this.#sink.piece(piece);
      return;
    }
    this.#skipping = true;
    this.#bytes = 0;
    this.#sink.tooLong();
  }

  #finish(): void {
    const skipped = this.#skipping;
    this.#bytes = 0;
    this.#skipping = false;
    if (!skipped) this.#sink.end();
  }
}

/**
 * Splits a byte stream into lines (LF or CRLF). Works on bytes, so a character split over two chunks stays whole.
 * A line over the limit is dropped up to its end and reported once; whoever wants no more calls `stop()`.
 */
export class LineReader {
  readonly #splitter: LineSplitter;
  readonly #onLine: (line: Buffer) => void;
  #parts: Buffer[] = [];

  constructor(limit: number, onLine: (line: Buffer) => void, onTooLong: () => void) {
    this.#onLine = onLine;
    this.#splitter = new LineSplitter(limit, {
      piece: (bytes) => this.#parts.push(bytes),
      end: () => this.#finish(),
      tooLong: () => {
        this.#parts = [];
        onTooLong();
      },
    });
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk);
  }

  /** End of the stream: an unfinished line is a line. */
  end(): void {
    this.#splitter.end();
  }

  /** Nothing is read any more. */
  stop(): void {
    this.#splitter.stop();
    this.#parts = [];
  }

  #finish(): void {
    const parts = this.#parts;
    this.#parts = [];
    const line = parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts);
    this.#onLine(line.at(-1) === CR ? line.subarray(0, -1) : line);
  }
}
