/** From the words of a scan to an {@link Envelope}. */
import type { Envelope, MessageKind, Span } from '../../core/envelope.ts';
import { FLAG, KINDS, WORD } from '../../native/port.ts';
import { internedText } from './interned-text.ts';

/** The same memory as a Buffer, whose methods read text. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Every message has the same fields in the same order, so that the code that reads them stays monomorphic. */
class ScannedEnvelope implements Envelope {
  readonly kind: MessageKind;
  readonly idRaw: string | undefined;
  readonly method: string | undefined;
  readonly name: string | undefined;
  readonly uri: string | undefined;
  readonly protocolVersion: string | undefined;
  readonly hasMeta: boolean;
  readonly progressTokenRaw: string | undefined;
  readonly requestIdRaw: string | undefined;
  readonly params: Span | undefined;
  readonly arguments: Span | undefined;
  readonly isError: boolean | undefined;
  readonly elements: readonly Span[] | undefined;

  constructor(bytes: Buffer, out: Uint32Array) {
    const flags = out[WORD.flags] as number;
    const ascii = (flags & FLAG.ascii) !== 0;
    this.kind = KINDS[flags & FLAG.kindMask] as MessageKind;
    this.idRaw = rawAt(bytes, out, WORD.id, ascii);
    this.method = textAt(bytes, out, WORD.method, ascii, (flags & FLAG.methodEscaped) !== 0);
    this.name = textAt(bytes, out, WORD.name, ascii, (flags & FLAG.nameEscaped) !== 0);
    this.uri = textAt(bytes, out, WORD.uri, ascii, (flags & FLAG.uriEscaped) !== 0);
    this.protocolVersion = textAt(
      bytes,
      out,
      WORD.protocolVersion,
      ascii,
      (flags & FLAG.protocolVersionEscaped) !== 0,
    );
    this.hasMeta = (flags & FLAG.hasMeta) !== 0;
    this.progressTokenRaw = rawAt(bytes, out, WORD.progressToken, ascii);
    this.requestIdRaw = rawAt(bytes, out, WORD.requestId, ascii);
    this.params = spanAt(out, WORD.params);
    this.arguments = spanAt(out, WORD.arguments);
    this.isError = this.kind === 'response' ? (flags & FLAG.isError) !== 0 : undefined;
    this.elements = this.kind === 'batch' ? elementsOf(out) : undefined;
  }
}

export function readEnvelope(bytes: Uint8Array, out: Uint32Array): Envelope {
  return new ScannedEnvelope(asBuffer(bytes), out);
}

/** `id` of a refused message; its word is present. */
export function readIdRaw(bytes: Uint8Array, out: Uint32Array): string {
  return rawAt(asBuffer(bytes), out, WORD.id, false) as string;
}

function rawAt(bytes: Buffer, out: Uint32Array, word: number, ascii: boolean): string | undefined {
  const start = out[word] as number;
  const end = out[word + 1] as number;
  if (end === 0) return undefined;
  if (end - start === 1) return String.fromCharCode(bytes[start] as number);
  if (end - start === 2) return String.fromCharCode(bytes[start] as number, bytes[start + 1] as number);
  return bytes.toString(ascii ? 'latin1' : 'utf8', start, end);
}

function textAt(
  bytes: Buffer,
  out: Uint32Array,
  word: number,
  ascii: boolean,
  escaped: boolean,
): string | undefined {
  const start = out[word] as number;
  const end = out[word + 1] as number;
  if (end === 0) return undefined;
  if (escaped) return String(JSON.parse(`"${bytes.toString('utf8', start, end)}"`));
  return ascii ? internedText(bytes, start, end) : bytes.toString('utf8', start, end);
}

function spanAt(out: Uint32Array, word: number): Span | undefined {
  const end = out[word + 1] as number;
  return end === 0 ? undefined : { start: out[word] as number, end };
}

function elementsOf(out: Uint32Array): Span[] {
  const elements: Span[] = [];
  const end = WORD.elements + 2 * (out[WORD.elementCount] as number);
  for (let word = WORD.elements; word < end; word += 2) {
    elements.push({ start: out[word] as number, end: out[word + 1] as number });
  }
  return elements;
}
