import type { NativeSonaStats } from './sona-port.ts';
import { SONA_STATE } from './sona-port.ts';

/** What an entry costs besides its key and value; as the Rust store counts. */
const OVERHEAD = 128;

interface Slot {
  readonly value: Uint8Array;
  readonly expires: number;
  readonly bytes: number;
}

/** In-process store of the fallback: bounded by bytes, the entry read longest ago goes first. */
export class HeapStore {
  /** By the key's bytes as Latin-1, in the order of use. */
  readonly #slots = new Map<string, Slot>();
  readonly #capacity: number;
  readonly #maxEntry: number;
  #bytes = 0;
  #hits = 0;
  #misses = 0;
  #puts = 0;
  #refused = 0;
  #evictions = 0;

  constructor(capacity: number, maxEntry: number) {
    this.#capacity = capacity;
    this.#maxEntry = maxEntry;
  }

  /** The value itself, not to be changed. */
  get(key: Uint8Array, now: number): Uint8Array | undefined {
    const name = nameOf(key);
    const slot = this.#slots.get(name);
    if (slot !== undefined && slot.expires > now) {
      this.#slots.delete(name);
      this.#slots.set(name, slot);
      this.#hits += 1;
      return slot.value;
    }
    if (slot !== undefined) this.#drop(name, slot);
    this.#misses += 1;
    return undefined;
  }

  /** Copies the value. False when it is too large; then nothing is left under the key. */
  put(key: Uint8Array, value: Uint8Array, expires: number): boolean {
    const name = nameOf(key);
    const old = this.#slots.get(name);
    if (old !== undefined) this.#drop(name, old);
    if (key.length + value.length > this.#maxEntry) {
      this.#refused += 1;
      return false;
    }
    const bytes = key.length + value.length + OVERHEAD;
    for (const [oldest, slot] of this.#slots) {
      if (this.#bytes + bytes <= this.#capacity) break;
      this.#drop(oldest, slot);
      this.#evictions += 1;
    }
    this.#slots.set(name, { value: Uint8Array.from(value), expires, bytes });
    this.#bytes += bytes;
    this.#puts += 1;
    return true;
  }

  remove(key: Uint8Array): boolean {
    const name = nameOf(key);
    const slot = this.#slots.get(name);
    if (slot !== undefined) this.#drop(name, slot);
    return slot !== undefined;
  }

  clear(): void {
    this.#slots.clear();
    this.#bytes = 0;
  }

  stats(): NativeSonaStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      puts: this.#puts,
      refused: this.#refused,
      evictions: this.#evictions,
      corrupt: 0,
      entries: this.#slots.size,
      bytes: this.#bytes,
      capacity: this.#capacity,
      state: SONA_STATE.up,
    };
  }

  #drop(name: string, slot: Slot): void {
    this.#slots.delete(name);
    this.#bytes -= slot.bytes;
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
