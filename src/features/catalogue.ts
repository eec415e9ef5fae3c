import { FerroError } from '../core/errors.ts';

/** An ordered set of entries by key, with an epoch that grows at every change. */
export class Catalogue<T extends { readonly source?: string }> {
  readonly #entries = new Map<string, T>();
  readonly #listeners = new Set<() => void>();
  readonly #keyOf: (entry: T) => string;
  #epoch = 0;
  #ordered: readonly T[] | undefined;

  constructor(keyOf: (entry: T) => string) {
    this.#keyOf = keyOf;
  }

  /** Grows at every change; lists built for one epoch may be reused until it moves. */
  get epoch(): number {
    return this.#epoch;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  /** All entries in registration order. */
  list(): readonly T[] {
    this.#ordered ??= [...this.#entries.values()];
    return this.#ordered;
  }

  /** Adds an entry. @throws FerroError NAME_TAKEN when the key exists. */
  add(entry: T): void {
    const key = this.#keyOf(entry);
    if (this.#entries.has(key)) throw new FerroError('NAME_TAKEN', { detail: key.slice(0, 200) });
    this.#entries.set(key, entry);
    this.#changed();
  }

  /** Adds or replaces an entry; a replaced entry keeps its place. */
  set(entry: T): void {
    this.#entries.set(this.#keyOf(entry), entry);
    this.#changed();
  }

  delete(key: string): boolean {
    const existed = this.#entries.delete(key);
    if (existed) this.#changed();
    return existed;
  }

  /**
   * Replaces all entries of one source in one step (one change notification). Entries of other sources win on equal
   * keys; the keys that lost are returned.
   */
  replaceSource(source: string, entries: readonly T[]): readonly string[] {
    const refused: string[] = [];
    const fresh = new Map<string, T>();
    for (const entry of entries) {
      const key = this.#keyOf(entry);
      const present = this.#entries.get(key);
      if ((present !== undefined && present.source !== source) || fresh.has(key)) refused.push(key);
      else fresh.set(key, entry);
    }
    for (const [key, entry] of this.#entries) {
      if (entry.source === source && !fresh.has(key)) this.#entries.delete(key);
    }
    for (const [key, entry] of fresh) this.#entries.set(key, entry);
    this.#changed();
    return refused;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    this.#epoch += 1;
    this.#ordered = undefined;
    for (const listener of this.#listeners) listener();
  }
}
