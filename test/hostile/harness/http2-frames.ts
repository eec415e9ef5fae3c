/** HTTP/2 made by hand: frames no honest client sends, or not so many of them. */
import { type HeaderLine, postLines } from './messages.ts';
import type { RawConnection } from './raw-connection.ts';

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;

const HEAD_BYTES = 9;
/** `:method: POST` and `:scheme: http` in the static table (RFC 7541, appendix A). */
const POST_HTTP = Buffer.from([0x83, 0x86]);

export interface Frame {
  readonly kind: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(kind: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(kind, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A text as HPACK writes it without Huffman coding. */
function hpackText(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** A field; `first` says what becomes of it: 0 = it enters no table, 0x40 = it enters the dynamic table. */
export function field(name: string, value: string, first = 0): Buffer {
  return Buffer.concat([Buffer.from([first]), hpackText(name), hpackText(value)]);
}

/** The header block of a sound POST. */
export function postBlock(port: number, headers: Readonly<Record<string, string>>): Buffer {
  const lines = postLines(port, 0, { Host: undefined, 'Content-Length': undefined, ...headers });
  const all: HeaderLine[] = [[':path', '/mcp'], [':authority', `127.0.0.1:${port}`], ...lines];
  return Buffer.concat([POST_HTTP, ...all.map(([name, value]) => field(name.toLowerCase(), value))]);
}

/** The start of a connection with prior knowledge. */
export function preface(settings: Buffer | string = ''): Buffer {
  return Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0, settings)]);
}

/** Whole frames received so far. */
export function framesOf({ bytes }: RawConnection): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const end = at + HEAD_BYTES + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push({
      kind: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
      payload: bytes.subarray(at + HEAD_BYTES, end),
    });
    at = end;
  }
  return frames;
}

/** Waits for a frame of this kind, on this stream when it is given. */
export async function untilFrame(connection: RawConnection, kind: number, stream?: number): Promise<Frame> {
  let found: Frame | undefined;
  await connection.until(`a frame of kind ${kind}`, () => {
    found = framesOf(connection).find(
      (each) => each.kind === kind && (stream ?? each.stream) === each.stream,
    );
    return found !== undefined || connection.closed;
  });
  if (found === undefined) throw new Error(`closed without a frame of kind ${kind}`);
  return found;
}

/** The error code a GOAWAY carries. */
export const reasonOf = ({ payload }: Frame): number => payload.readUInt32BE(4);
