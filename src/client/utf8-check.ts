import { isUtf8 } from 'node:buffer';

const NOTHING: Buffer = Buffer.alloc(0);

/** Bytes of the character that `lead` begins; 1 for what begins none. */
function sequenceLength(lead: number): number {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}

/** Bytes at the end of `bytes` that begin a character without ending it. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) !== 0x80) return sequenceLength(byte) > back ? back : 0;
  }
  return 0;
}

/** Checks that bytes which come in pieces are UTF-8, characters that are cut in two included. */
export class Utf8Check {
  #rest: Buffer = NOTHING;
  #sound = true;

  /** False once something was not UTF-8. */
  get sound(): boolean {
    return this.#sound;
  }

  push(bytes: Buffer): void {
    if (!this.#sound) return;
    let from = 0;
    if (this.#rest.length > 0) {
      const missing = sequenceLength(this.#rest[0] as number) - this.#rest.length;
      from = Math.min(missing, bytes.length);
      this.#rest = Buffer.concat([this.#rest, bytes.subarray(0, from)]);
      if (from < missing) return;
      this.#sound = isUtf8(this.#rest);
      this.#rest = NOTHING;
    }
    const body = from === 0 ? bytes : bytes.subarray(from);
    const tail = unfinished(body);
    this.#sound = this.#sound && isUtf8(tail === 0 ? body : body.subarray(0, body.length - tail));
    // A copy: the piece must not be kept alive by its last bytes.
    if (tail > 0) this.#rest = Buffer.from(body.subarray(body.length - tail));
  }

  /** True when all of it was UTF-8. */
  finish(): boolean {
    return this.#sound && this.#rest.length === 0;
  }
}
