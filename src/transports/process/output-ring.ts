/** Keeps the last bytes of an endless output; memory stays bounded whatever is written. */
export class OutputRing {
  readonly #capacity: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #total = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Bytes ever written. */
  get total(): number {
    return this.#total;
  }

  push(chunk: Buffer): void {
    this.#total += chunk.length;
    // A copy: a slice of a pooled chunk would keep the whole pool alive.
    const tail = Buffer.from(chunk.length > this.#capacity ? chunk.subarray(-this.#capacity) : chunk);
    this.#chunks.push(tail);
    this.#bytes += tail.length;
    while (this.#bytes > this.#capacity) {
      const first = this.#chunks[0];
      if (first === undefined) {
        return;
      }
      const excess = this.#bytes - this.#capacity;
      if (first.length <= excess) {
        this.#chunks.shift();
        this.#bytes -= first.length;
      } else {
        this.#chunks[0] = first.subarray(excess);
        this.#bytes -= excess;
      }
    }
    // Many tiny writes would leave many tiny buffers.
    if (this.#chunks.length > 1024) {
      this.#chunks = [Buffer.concat(this.#chunks)];
    }
  }

  /** The kept bytes as text; a character cut at the start is dropped. */
  text(): string {
    const bytes = Buffer.concat(this.#chunks);
    let start = 0;
    if (this.#total > this.#bytes) {
      while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) {
        start += 1;
      }
    }
    return bytes.toString('utf8', start);
  }
}
