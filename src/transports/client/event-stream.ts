/**
 * `text/event-stream` as bytes (WHATWG HTML, Server-sent events): what an event carries may be many megabytes and is
 * never made a string here.
 */
import type { Readable } from 'node:stream';
import { IncomingMessage } from '../../client/incoming-message.ts';
import { Utf8Check } from '../../client/utf8-check.ts';
import { FerroError } from '../../core/errors.ts';
import { abandonBody } from './http-body.ts';
import { networkFailure } from './http-failure.ts';

export interface StreamEvent {
  /** `event` field. */
  readonly event: string | undefined;
  readonly id: string | undefined;
  /** The `data` lines, joined with LF. */
  readonly data: IncomingMessage;
}

export interface EventStreamHandler {
  /** Bytes of data one event may have. */
  readonly limit: number;
  /** True when a large reply may be left as bytes. */
  mayStayBytes?(): boolean;
  event(event: StreamEvent): void;
  retry?(ms: number): void;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const JOIN = Buffer.from('\n');
const NEVER = (): boolean => false;
/** No field we know is longer. */
const LONGEST_NAME = 5;
/** Bytes of `event`, `id` and `retry`; a longer value is dropped. */
const LONGEST_VALUE = 4_096;

/** Where in a line the next byte stands. */
const AT = { name: 0, space: 1, value: 2 } as const;

export class EventStreamParser {
  readonly #handler: EventStreamHandler;
  #at: number = AT.name;
  #name = '';
  /** A comment or a field nobody knows. */
  #ignored = false;
  #value: Buffer[] = [];
  #valueBytes = 0;
  #afterCr = false;
  #atStart = true;
  #event: string | undefined;
  #id: string | undefined;
  #data: IncomingMessage | undefined;
  readonly #utf8 = new Utf8Check();

  constructor(handler: EventStreamHandler) {
    this.#handler = handler;
  }

  /** Takes the next bytes over. @throws FerroError UPSTREAM_PROTOCOL for an event over the limit, or no UTF-8 */
  push(chunk: Buffer): void {
    this.#utf8.push(chunk);
    if (!this.#utf8.sound) {
      throw new FerroError('UPSTREAM_PROTOCOL', { detail: 'an event stream is not UTF-8' });
    }
    let pos = 0;
    let nextCr = chunk.indexOf(CR);
    while (pos < chunk.length) {
      if (this.#afterCr) {
        this.#afterCr = false;
        if (chunk[pos] === LF) {
          pos += 1;
          continue;
        }
      }
      if (this.#at === AT.name) {
        pos = this.#readName(chunk, pos);
        continue;
      }
      if (this.#at === AT.space) {
        this.#at = AT.value;
        if (chunk[pos] === SPACE) pos += 1;
        continue;
      }
      if (nextCr !== -1 && nextCr < pos) nextCr = chunk.indexOf(CR, pos);
      const lf = chunk.indexOf(LF, pos);
      const end = lf === -1 ? nextCr : nextCr === -1 ? lf : Math.min(lf, nextCr);
      if (end === -1) {
        this.#takeValue(pos === 0 ? chunk : chunk.subarray(pos));
        return;
      }
      if (end > pos) this.#takeValue(chunk.subarray(pos, end));
      this.#lineEnds(chunk[end] === CR);
      pos = end + 1;
    }
  }

  #readName(chunk: Buffer, from: number): number {
    for (let pos = from; pos < chunk.length; pos += 1) {
      const byte = chunk[pos] as number;
      if (byte === LF || byte === CR) {
        this.#lineEnds(byte === CR);
        return pos + 1;
      }
      if (byte === COLON) {
        this.#at = AT.space;
        this.#fieldBegins();
        return pos + 1;
      }
      this.#name += String.fromCharCode(byte);
      if (this.#atStart && this.#name === 'ï»¿') this.#name = '';
      if (this.#name.length > LONGEST_NAME) {
        // The rest of the line is passed over as a value nobody wants.
        this.#ignored = true;
        this.#at = AT.value;
        return pos + 1;
      }
    }
    return chunk.length;
  }

  #fieldBegins(): void {
    this.#ignored = !['data', 'event', 'id', 'retry'].includes(this.#name);
    if (this.#name !== 'data') return;
    if (this.#data === undefined) this.#data = new IncomingMessage(this.#handler.mayStayBytes ?? NEVER);
    else this.#data.push(JOIN);
  }

  #takeValue(bytes: Buffer): void {
    if (this.#ignored) return;
    if (this.#name === 'data') {
      const { limit } = this.#handler;
      if ((this.#data?.size ?? 0) + bytes.length > limit) {
        throw new FerroError('UPSTREAM_PROTOCOL', { detail: `an event is larger than ${limit} bytes` });
      }
      this.#data?.push(bytes);
      return;
    }
    this.#valueBytes += bytes.length;
    if (this.#valueBytes <= LONGEST_VALUE) this.#value.push(bytes);
  }

  #lineEnds(afterCr: boolean): void {
    this.#afterCr = afterCr;
    this.#atStart = false;
    const name = this.#name;
    if (this.#at === AT.name) {
      if (name === '') this.#dispatch();
      else this.#fieldBegins();
    }
    const value = this.#valueBytes > LONGEST_VALUE ? undefined : Buffer.concat(this.#value).toString('utf8');
    if (!this.#ignored && value !== undefined) this.#field(name, value);
    this.#at = AT.name;
    this.#name = '';
    this.#ignored = false;
    this.#value = [];
    this.#valueBytes = 0;
  }

  #field(name: string, value: string): void {
    if (name === 'event') this.#event = value === '' ? undefined : value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.#handler.retry?.(Number(value));
  }

  /** An event with an id counts although it carries nothing: the stream may be taken up after it. */
  #dispatch(): void {
    const event = this.#event;
    const id = this.#id;
    const data = this.#data;
    this.#event = undefined;
    this.#id = undefined;
    this.#data = undefined;
    if (data !== undefined || id !== undefined) {
      this.#handler.event({ event, id, data: data ?? new IncomingMessage(NEVER) });
    }
  }
}

/**
 * Reads a `text/event-stream` body to its end. Rejects with a coded error when the stream breaks or has an event over
 * the limit or is not UTF-8.
 */
export async function readEventStream(body: Readable, handler: EventStreamHandler): Promise<void> {
  const parser = new EventStreamParser(handler);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) parser.push(chunk);
  } catch (error) {
    throw networkFailure(error);
  } finally {
    abandonBody(body);
  }
}
