import { type NativeFrontPort, REPLY_FIELD, REPLY_FLAG, REPLY_HEAD_BYTES } from '../../native/front-port.ts';
import type { Body, Fields } from './exchange.ts';

/** Larger bodies get memory of their own, so that the slab stays as large as usual replies need. */
const OWN_MEMORY = 64 * 1024;
const SLAB_BYTES = 512 * 1024;
const FIELDS_BYTES = 1_024;
/** One UTF-16 unit is at most so many bytes of UTF-8. */
const UTF8_MAX = 3;
const ALIGNMENT = 8;
const TWO_32 = 2 ** 32;
const NONE: Fields = [];

/** Gathers the replies of one turn of the loop and sends them together. */
export class ReplySlab {
  readonly #port: NativeFrontPort;
  readonly #handle: number;
  readonly #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #length = 0;
  #scheduled = false;

  constructor(port: NativeFrontPort, handle: number) {
    this.#port = port;
    this.#handle = handle;
  }

  /** The whole reply to a request. */
  reply(token: number, status: number, fields: Fields, body: Body): void {
    this.#add(token, REPLY_FLAG.end, status, fields, body, undefined);
  }

  /** Begins a stream; sent with its first event unless it is silent. */
  open(token: number, fields: Fields): void {
    this.#add(token, REPLY_FLAG.open, 200, fields, '', undefined);
  }

  event(token: number, text: Body, last: boolean, name: string | undefined): void {
    this.#add(token, last ? REPLY_FLAG.event | REPLY_FLAG.end : REPLY_FLAG.event, 200, NONE, text, name);
  }

  /** Ends a stream. */
  close(token: number): void {
    this.#add(token, REPLY_FLAG.abandon | REPLY_FLAG.end, 200, NONE, '', undefined);
  }

  /** Sends what has been gathered. */
  flush(): void {
    if (this.#length === 0) return;
    const length = this.#length;
    this.#length = 0;
    this.#send(this.#slab, length);
  }

  #add(
    token: number,
    flags: number,
    status: number,
    fields: Fields,
    body: Body,
    name: string | undefined,
  ): void {
    const room = REPLY_HEAD_BYTES + FIELDS_BYTES + ALIGNMENT + roomFor(body);
    if (room > OWN_MEMORY + FIELDS_BYTES) {
      // In line behind what waits.
      this.flush();
      const memory = Buffer.allocUnsafeSlow(room);
      this.#send(memory, this.#write(memory, 0, token, flags, status, fields, body, name));
      return;
    }
    if (this.#length + room > SLAB_BYTES) this.flush();
    this.#length = this.#write(this.#slab, this.#length, token, flags, status, fields, body, name);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Runs when the promises of this turn have settled, so that their replies go along.
    process.nextTick(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  #write(
    slab: Buffer,
    start: number,
    token: number,
    flags: number,
    status: number,
    fields: Fields,
    body: Body,
    name: string | undefined,
  ): number {
    let at = start + REPLY_HEAD_BYTES;
    let count = 0;
    for (let index = 0; index < fields.length; index += 2) {
      at = field(slab, at, fieldId(fields[index] as string), fields[index + 1] as string);
      count += 1;
    }
    if (name !== undefined) {
      at = field(slab, at, REPLY_FIELD.eventName, name);
      count += 1;
    }
    const bodyAt = at;
    if (typeof body === 'string') {
      at += slab.write(body, at);
    } else {
      for (const part of body) {
        slab.set(part, at);
        at += part.length;
      }
    }
    const end = (at + ALIGNMENT - 1) & -ALIGNMENT;
    slab.fill(0, at, end);
    slab.writeUInt32LE(end - start, start);
    slab[start + 4] = flags;
    slab[start + 5] = count;
    slab.writeUInt16LE(status, start + 6);
    slab.writeUInt32LE(token % TWO_32, start + 8);
    slab.writeUInt32LE(Math.floor(token / TWO_32), start + 12);
    slab.writeUInt32LE(at - bodyAt, start + 16);
    slab.writeUInt32LE(0, start + 20);
    return end;
  }

  #send(slab: Buffer, length: number): void {
    if (this.#port.frontReply(this.#handle, slab, length) < 0)
      throw new Error('the front refused reply records');
  }
}

function field(slab: Buffer, at: number, id: number, value: string): number {
  const end = at + 4 + slab.write(value, at + 4, 'latin1');
  slab.writeUInt16LE(id, at);
  slab.writeUInt16LE(end - at - 4, at + 2);
  return end;
}

function fieldId(name: string): number {
  if (Object.hasOwn(REPLY_FIELD, name)) return REPLY_FIELD[name as keyof typeof REPLY_FIELD];
  throw new Error(`no reply field ${name}`);
}

function roomFor(body: Body): number {
  if (typeof body === 'string') return body.length * UTF8_MAX;
  return body.reduce((room, part) => room + part.length, 0);
}
