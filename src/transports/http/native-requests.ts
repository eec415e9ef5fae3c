import type { Envelope } from '../../core/envelope.ts';
import { RECORD_KIND, REQUEST_FIELD, REQUEST_FLAG, REQUEST_HEAD_BYTES } from '../../native/front-port.ts';
import type { HeaderView } from '../../protocol/call.ts';
import { internedText, readEnvelope } from '../../protocol/codec/index.ts';
import type { Accepted } from './accept.ts';

const TWO_32 = 2 ** 32;
const ACCEPTED: readonly Accepted[] = [
  { json: false, sse: false },
  { json: true, sse: false },
  { json: false, sse: true },
  { json: true, sse: true },
];

/** Header names by field id. */
const NAMES: Readonly<Record<number, string>> = {
  [REQUEST_FIELD.sessionId]: 'mcp-session-id',
  [REQUEST_FIELD.protocolVersion]: 'mcp-protocol-version',
  [REQUEST_FIELD.lastEventId]: 'last-event-id',
  [REQUEST_FIELD.authorization]: 'authorization',
  [REQUEST_FIELD.method]: 'mcp-method',
  [REQUEST_FIELD.name]: 'mcp-name',
  [REQUEST_FIELD.host]: 'host',
  [REQUEST_FIELD.origin]: 'origin',
};

/** The head of a request as the front hands it over. */
export interface NativeHead {
  readonly headers: HeaderView;
  readonly accepted: Accepted;
  readonly httpMethod: string;
  readonly target: string;
  /** What the token table has for the client; empty when it has nothing. */
  readonly principal: string;
}

/** Reads the records of one slab; the memory is the slab's until the next one is taken. */
export class RequestSlab {
  readonly bytes: Buffer;
  readonly #words: Uint32Array;
  #at = 0;
  #end = 0;
  #meta = 0;

  constructor(size: number) {
    const memory = new ArrayBuffer(size);
    this.bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
  }

  /** Begins at the first of the records that `length` bytes hold. */
  fill(length: number): void {
    this.#at = 0;
    this.#end = length;
    this.#read();
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  next(): void {
    this.#at += this.#word(0);
    this.#read();
  }

  get kind(): number {
    return this.#meta & 0xff;
  }

  get token(): number {
    return this.#word(2) + this.#word(3) * TWO_32;
  }

  /** True when the body waits outside of the slab. */
  get detached(): boolean {
    return ((this.#meta >>> 16) & REQUEST_FLAG.detached) !== 0;
  }

  /** The body within the slab. */
  body(): Buffer {
    const start = this.#at + this.#word(7);
    return this.bytes.subarray(start, start + this.#word(6));
  }

  envelope(body: Uint8Array): Envelope {
    const start = (this.#at + REQUEST_HEAD_BYTES) >> 2;
    return readEnvelope(body, this.#words.subarray(start, start + this.#word(4)));
  }

  head(): NativeHead {
    const { bytes } = this;
    const headers: Record<string, string | undefined> = {
      'mcp-protocol-version': undefined,
      'mcp-method': undefined,
      'mcp-name': undefined,
      'mcp-session-id': undefined,
    };
    let httpMethod = this.kind === RECORD_KIND.get ? 'GET' : 'POST';
    let target = '';
    let principal = '';
    let at = this.#at + REQUEST_HEAD_BYTES + this.#word(4) * 4;
    for (let left = this.#word(5); left > 0; left -= 1) {
      const id = bytes.readUInt16LE(at);
      const name = at + 8;
      const value = name + bytes.readUInt16LE(at + 2);
      const end = value + bytes.readUInt32LE(at + 4);
      at = end;
      const header = NAMES[id];
      if (header !== undefined) headers[header] = internedText(bytes, value, end);
      else if (id === REQUEST_FIELD.other)
        headers[internedText(bytes, name, value)] = bytes.toString('latin1', value, end);
      else if (id === REQUEST_FIELD.target) target = bytes.toString('latin1', value, end);
      else if (id === REQUEST_FIELD.httpMethod) httpMethod = internedText(bytes, value, end);
      else if (id === REQUEST_FIELD.principal) principal = bytes.toString('utf8', value, end);
    }
    const accepted = ACCEPTED[(this.#meta >>> 16) & (REQUEST_FLAG.json | REQUEST_FLAG.sse)] as Accepted;
    return { headers, accepted, httpMethod, target, principal };
  }

  #read(): void {
    if (this.#at < this.#end) this.#meta = this.#word(1);
  }

  #word(index: number): number {
    return this.#words[(this.#at >> 2) + index] as number;
  }
}
