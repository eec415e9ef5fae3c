import { LRUCache } from 'lru-cache';

interface Kept {
  readonly text: string;
  readonly expires: number;
}

/** Entries whose texts are ready for use; the store behind has more, as bytes. */
const MAX_ENTRIES = 2_000;
/** What an entry costs besides its texts. */
const OVERHEAD = 200;

/** The results used last, as text, bounded by number and bytes. */
export class ResultMemory {
  readonly #entries: LRUCache<string, Kept>;

  /** @param bytes most bytes of keys and texts, at two a character */
  constructor(bytes: number) {
    this.#entries = new LRUCache({
      max: MAX_ENTRIES,
      maxSize: bytes,
      sizeCalculation: ({ text }, key) => 2 * (text.length + key.length) + OVERHEAD,
    });
  }

  get(key: string, now: number): string | undefined {
    const kept = this.#entries.get(key);
    if (kept === undefined) return undefined;
    if (kept.expires > now) return kept.text;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, text: string, expires: number): void {
    this.#entries.set(key, { text, expires });
  }
}
