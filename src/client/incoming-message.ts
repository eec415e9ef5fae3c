import { ByteParts } from '../core/byte-parts.ts';
import type { JsonRpcMessage } from '../core/jsonrpc.ts';
import { readMessages } from './message.ts';
import type { RawReply } from './raw-result.ts';
import { ReplyScan } from './reply-scan.ts';

/**
 * Bytes from which on a reply is scanned and left as it is. Parsing and encoding a smaller one takes less time than
 * handing its bytes on (`bench/micro/gateway-hop.mjs`).
 */
export const RAW_BYTES = 16 * 1024;

/** Pieces kept as they are; beyond, small ones are copied together. */
const FEW = 64;

/** What the bytes of one message were: messages, a reply left as bytes, or neither. */
export type Incoming =
  | { readonly kind: 'messages'; readonly messages: readonly JsonRpcMessage[] }
  | { readonly kind: 'reply'; readonly reply: RawReply }
  | { readonly kind: 'noise' };

const NOISE: Incoming = { kind: 'noise' };

function withoutByteOrderMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

/** One message (or batch) that arrives in pieces. What it is for is known only once it is whole. */
export class IncomingMessage {
  readonly #mayStayBytes: () => boolean;
  /** Up to {@link FEW} pieces. */
  #pieces: Buffer[] = [];
  /** More pieces, and large messages. */
  #bytes: ByteParts | undefined;
  #scan: ReplyScan | undefined;
  #asked = false;
  #arrivedAt = 0;
  #size = 0;

  /** @param mayStayBytes asked once it is large: a reply may be left as bytes */
  constructor(mayStayBytes: () => boolean) {
    this.#mayStayBytes = mayStayBytes;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** `performance.now()` when it was whole. */
  get arrivedAt(): number {
    return this.#arrivedAt;
  }

  /** Takes `piece` over. */
  push(piece: Buffer): void {
    if (piece.length === 0) return;
    // A mark that is cut in two is rare enough to be read the other way.
    const bytes = this.#size === 0 ? withoutByteOrderMark(piece) : piece;
    this.#size += piece.length;
    if (this.#scan !== undefined) this.#scan.push(bytes);
    else if (this.#bytes !== undefined) this.#bytes.append(bytes);
    else this.#pieces.push(bytes);
    if (this.#scan === undefined) this.#mayGrow();
  }

  #mayGrow(): void {
    if (this.#size >= RAW_BYTES && !this.#asked) {
      this.#asked = true;
      if (this.#mayStayBytes()) {
        const held = this.#bytes === undefined ? this.#pieces : this.#bytes.slice(0, this.#bytes.length);
        this.#pieces = [];
        this.#bytes = new ByteParts();
        this.#scan = new ReplyScan(this.#bytes);
        for (const each of held) this.#scan.push(each);
        return;
      }
    }
    if (this.#pieces.length > FEW) {
      this.#bytes = new ByteParts();
      for (const each of this.#pieces) this.#bytes.append(each);
      this.#pieces = [];
    }
  }

  /** All bytes as one piece. */
  joined(): Buffer {
    if (this.#bytes !== undefined) return this.#bytes.bytes(0, this.#bytes.length);
    const [only] = this.#pieces;
    return this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
  }

  finish(): Incoming {
    this.#arrivedAt = performance.now();
    const reply = this.#scan?.finish();
    if (reply !== undefined) return { kind: 'reply', reply };
    const messages = readMessages(this.joined());
    return messages === undefined ? NOISE : { kind: 'messages', messages };
  }
}
