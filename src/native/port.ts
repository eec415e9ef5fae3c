import type { ErrorCode } from '../core/errors.ts';
import type { NativeSonaPort } from './sona-port.ts';

/**
 * What the addon offers. Rust (`native/`) and TypeScript (`scanner.ts`, `sona.ts`) implement it; one contract suite holds
 * both to the same verdicts, words and bytes.
 */
export interface NativePort extends NativeSonaPort {
  /** Version of the implementation; equals the package's. */
  version(): string;
  /** Names of the statuses from 1 on, separated by commas; equals {@link STATUS_CODES}. */
  statusCodes(): string;
  /**
   * Scans the JSON-RPC message in `body[start, end)` and writes what it found to `out`, word by word as {@link WORD}
   * names them. Never throws: a wrong argument is {@link STATUS.argument}.
   *
   * @param limits {@link LIMIT_WORDS} words: depth, nodes, number, id bytes, method bytes, batch messages.
   * @param out At least {@link HEADER_WORDS} words and two for each batch element, in memory that is not `body`'s.
   * @returns {@link STATUS.accepted}, a number of {@link STATUS_CODES} from 1 on, or another {@link STATUS}.
   */
  scanEnvelope(body: Uint8Array, start: number, end: number, limits: Uint32Array, out: Uint32Array): number;
}

/** Refusals in the order of their statuses: the first is status 1. */
export const STATUS_CODES = [
  'PARSE_SYNTAX',
  'PARSE_UTF8',
  'PARSE_EMPTY',
  'JSON_DEPTH',
  'JSON_NODES',
  'JSON_NUMBER',
  'JSON_DUPLICATE_KEY',
  'JSON_SURROGATE',
  'JSON_CONTROL',
  'ENVELOPE_TYPE',
  'ENVELOPE_VERSION',
  'ENVELOPE_ID',
  'ENVELOPE_METHOD',
  'ENVELOPE_PARAMS',
  'ENVELOPE_SHAPE',
  'BATCH_EMPTY',
  'BATCH_SIZE',
] as const satisfies readonly ErrorCode[];

/** The statuses that are no refusals, and those the scanner names. */
export const STATUS = {
  accepted: 0,
  syntax: 1,
  utf8: 2,
  empty: 3,
  depth: 4,
  nodes: 5,
  number: 6,
  duplicateKey: 7,
  surrogate: 8,
  control: 9,
  type: 10,
  version: 11,
  id: 12,
  method: 13,
  params: 14,
  shape: 15,
  batchEmpty: 16,
  batchSize: 17,
  /** An argument has the wrong type or range, or `out` is too small for the batch; `out` is undefined. */
  argument: 100,
  /** The implementation failed; `out` is undefined. */
  panic: 101,
} as const;

export const LIMIT_WORDS = 6;
export const HEADER_WORDS = 22;

/** Index of each word in `out`. A span is two words, start and end; end 0 means absent. */
export const WORD = {
  status: 0,
  /** Byte of a failure. */
  offset: 1,
  flags: 2,
  /** With its quotes, like {@link WORD.progressToken} and {@link WORD.requestId}; the strings below are without. */
  id: 3,
  method: 5,
  name: 7,
  uri: 9,
  protocolVersion: 11,
  progressToken: 13,
  requestId: 15,
  params: 17,
  arguments: 19,
  elementCount: 21,
  /** Batch elements, two words each. */
  elements: 22,
} as const;

/** Bits of `out[WORD.flags]`; the lowest two are an index of {@link KINDS}. */
export const FLAG = {
  kindMask: 3,
  hasMeta: 1 << 2,
  isError: 1 << 3,
  ascii: 1 << 4,
  methodEscaped: 1 << 5,
  nameEscaped: 1 << 6,
  uriEscaped: 1 << 7,
  protocolVersionEscaped: 1 << 8,
} as const;

export const KINDS = ['request', 'notification', 'response', 'batch'] as const;
