/** Smaller pieces are copied together: a view for each would cost more than its bytes. */
const SMALL = 1_024;
const SLAB = 16 * 1_024;

/** Bytes in the parts they came in. Ranges of them are handed on as views, without joining or copying. */
export class ByteParts {
  readonly #parts: Buffer[] = [];
  /** Offset of each part. */
  readonly #starts: number[] = [];
  #length = 0;
  #slab: Buffer | undefined;
  #slabUsed = 0;

  get length(): number {
    return this.#length;
  }

  /** Takes `chunk` over: nobody else may change it. Returns the bytes as they are kept. */
  append(chunk: Buffer): Buffer {
    if (chunk.length >= SMALL) {
      this.#slab = undefined;
      this.#add(chunk);
      return chunk;
    }
    let slab = this.#slab;
    if (slab === undefined || slab.length - this.#slabUsed < chunk.length) {
      slab = Buffer.allocUnsafeSlow(SLAB);
      this.#slab = slab;
      this.#slabUsed = 0;
      this.#add(slab.subarray(0, 0));
    }
    const from = this.#slabUsed;
    slab.set(chunk, from);
    this.#slabUsed = from + chunk.length;
    this.#parts[this.#parts.length - 1] = slab.subarray(0, this.#slabUsed);
    this.#length += chunk.length;
    return slab.subarray(from, this.#slabUsed);
  }

  #add(part: Buffer): void {
    this.#parts.push(part);
    this.#starts.push(this.#length);
    this.#length += part.length;
  }

  #start(index: number): number {
    return this.#starts[index] ?? 0;
  }

  /** Views of `[start, end)`, in order. */
  slice(start: number, end: number): Buffer[] {
    const views: Buffer[] = [];
    for (let index = this.#indexOf(start); start < end; index += 1) {
      const part = this.#parts[index];
      if (part === undefined) break;
      const offset = this.#start(index);
      const stop = Math.min(end, offset + part.length);
      if (stop > start) views.push(part.subarray(start - offset, stop - offset));
      start = Math.max(start, stop);
    }
    return views;
  }

  /** `[start, end)` as one piece; copied only when it is spread over several parts. */
  bytes(start: number, end: number): Buffer {
    const views = this.slice(start, end);
    const [only] = views;
    return views.length === 1 && only !== undefined ? only : Buffer.concat(views, Math.max(0, end - start));
  }

  /** `[start, end)` read as UTF-8. */
  text(start: number, end: number): string {
    return this.bytes(start, end).toString('utf8');
  }

  /** Index of the part that holds `offset`. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#parts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#start(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
