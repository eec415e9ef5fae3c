import type { JsonCodec, ScanLimits, ScanResult } from '../../core/envelope.ts';
import { FerroError } from '../../core/errors.ts';
import type { JsonValue } from '../../core/json.ts';
import { fallback } from '../../native/fallback.ts';
import { native } from '../../native/loader.ts';
import { HEADER_WORDS, LIMIT_WORDS, type NativePort, STATUS, STATUS_CODES, WORD } from '../../native/port.ts';
import { encodeJson } from './encode.ts';
import { asBuffer, readEnvelope, readIdRaw } from './envelope-reader.ts';

/** Batch elements the shared memory has room for; a larger batch gets more when it comes. */
const USUAL_BATCH = 128;
const WORD_MAX = 0xffffffff;

/** A codec whose scanner is `port`. Parsing and encoding are V8's: nothing is faster for text that becomes objects. */
export function createCodec(id: string, port: NativePort): JsonCodec {
  const words = new Uint32Array(LIMIT_WORDS);
  let packed: ScanLimits | undefined;
  let out = new Uint32Array(HEADER_WORDS + 2 * USUAL_BATCH);

  function pack(limits: ScanLimits): void {
    const word = (value: number): number => Math.min(Math.max(value, 0), WORD_MAX);
    words[0] = word(limits.jsonDepth);
    words[1] = word(limits.jsonNodes);
    words[2] = word(limits.jsonNumber);
    words[3] = word(limits.idBytes);
    words[4] = word(limits.methodBytes);
    words[5] = word(limits.batchMessages);
    packed = limits;
  }

  function scan(bytes: Uint8Array, limits: ScanLimits, start = 0, end = bytes.length): ScanResult {
    if (limits !== packed) pack(limits);
    const status = port.scanEnvelope(bytes, start, end, words, out);
    if (status === STATUS.accepted) return { ok: true, envelope: readEnvelope(bytes, out) };
    if (status === STATUS.argument) return rescan(bytes, limits, start, end);
    const code = STATUS_CODES[status - 1];
    if (code === undefined) return { ok: false, code: 'NATIVE_PANIC', offset: start };
    const offset = out[WORD.offset] as number;
    if ((out[WORD.id + 1] as number) === 0) return { ok: false, code, offset };
    return { ok: false, code, offset, idRaw: readIdRaw(bytes, out) };
  }

  /** The port wants memory of its own and room for every element; whatever else it refuses is a wrong call. */
  function rescan(bytes: Uint8Array, limits: ScanLimits, start: number, end: number): ScanResult {
    if (bytes.buffer instanceof SharedArrayBuffer) return scan(Uint8Array.from(bytes), limits, start, end);
    const room = HEADER_WORDS + 2 * Math.min(words[5] as number, Math.ceil((end - start) / 2));
    const sound = start >= 0 && start <= end && end <= bytes.length;
    if (!sound || room <= out.length) return { ok: false, code: 'INTERNAL', offset: 0 };
    out = new Uint32Array(room);
    return scan(bytes, limits, start, end);
  }

  return { id, scan, parse, encode: encodeJson };
}

function parse(bytes: Uint8Array, start = 0, end = bytes.length): JsonValue {
  try {
    const value: JsonValue = JSON.parse(asBuffer(bytes).toString('utf8', start, end));
    return value;
  } catch (cause) {
    throw new FerroError('PARSE_SYNTAX', { cause });
  }
}

/** Scans in TypeScript. */
export const jsCodec: JsonCodec = createCodec('js', fallback);

let addonCodec: JsonCodec | undefined;

/** Scans in Rust; `undefined` when there is no addon (the loader's status says why). */
export function nativeCodec(): JsonCodec | undefined {
  const { port, status } = native();
  if (!status.loaded) return undefined;
  addonCodec ??= createCodec('native', port);
  return addonCodec;
}

/**
 * The codec a server uses.
 *
 * @param choice `native` (default) takes the addon and, without one, the TypeScript scanner: its `id` tells which.
 *   An own implementation must have all of {@link JsonCodec}; else `CONFIG_INVALID`.
 */
export function selectCodec(choice: 'native' | 'js' | JsonCodec = 'native'): JsonCodec {
  if (choice === 'js') return jsCodec;
  if (choice === 'native') return nativeCodec() ?? jsCodec;
  if (isCodec(choice)) return choice;
  throw new FerroError('CONFIG_INVALID', {
    detail: 'jsonCodec must be "native", "js" or an object with id, scan, parse and encode',
  });
}

function isCodec(value: unknown): value is JsonCodec {
  if (typeof value !== 'object' || value === null) return false;
  const has = (name: string): boolean => typeof Reflect.get(value, name) === 'function';
  return typeof Reflect.get(value, 'id') === 'string' && has('scan') && has('parse') && has('encode');
}
