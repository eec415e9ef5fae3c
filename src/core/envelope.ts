import type { ErrorCode } from './errors.ts';
import type { JsonValue } from './json.ts';

/** Byte range `[start, end)` in the scanned buffer. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type MessageKind = 'request' | 'notification' | 'response' | 'batch';

/**
 * What the strict scan of a JSON-RPC message found. The whole text was checked (syntax, UTF-8, depth, size, duplicate
 * keys, surrogates); the strings below are decoded, the `raw` ones are exactly the bytes of the message.
 */
export interface Envelope {
  readonly kind: MessageKind;
  /** `id` as it stands in the message (`7`, `"a\u0062"`), so that a reply can repeat it byte for byte. */
  readonly idRaw?: string | undefined;
  readonly method?: string | undefined;
  /** `params.name` when it is a string. */
  readonly name?: string | undefined;
  /** `params.uri` when it is a string. */
  readonly uri?: string | undefined;
  /** `params._meta["io.modelcontextprotocol/protocolVersion"]` when it is a string. */
  readonly protocolVersion?: string | undefined;
  /** True when `params._meta` is an object. */
  readonly hasMeta: boolean;
  /** `params._meta.progressToken` as it stands in the message, when it is a string or an integer. */
  readonly progressTokenRaw?: string | undefined;
  /** `params.requestId` as it stands in the message (cancellation), when it is a string or an integer. */
  readonly requestIdRaw?: string | undefined;
  /** Byte range of `params`, when present. */
  readonly params?: Span | undefined;
  /** Byte range of `params.arguments`, when present. */
  readonly arguments?: Span | undefined;
  /** Response only: true when it carries `error` instead of `result`. */
  readonly isError?: boolean | undefined;
  /** Batch only: byte ranges of the messages; scan each on its own. */
  readonly elements?: readonly Span[] | undefined;
}

export interface ScanFailure {
  readonly code: ErrorCode;
  /** Byte offset at which the scan stopped, for diagnostics. */
  readonly offset: number;
  /** `id` when it was readable and valid, so that the error can be addressed. */
  readonly idRaw?: string;
}

export type ScanResult =
  | { readonly ok: true; readonly envelope: Envelope }
  | ({ readonly ok: false } & ScanFailure);

/** Bounds the scanner enforces; see `Limits`. */
export interface ScanLimits {
  readonly jsonDepth: number;
  readonly jsonNodes: number;
  readonly jsonNumber: number;
  readonly idBytes: number;
  readonly methodBytes: number;
  readonly batchMessages: number;
}

/**
 * Reads and writes the JSON text of messages. `native` and `js` ship with the package and give the same verdicts and
 * bytes; an own implementation may be plugged in as `jsonCodec`.
 */
export interface JsonCodec {
  readonly id: string;
  /** Checks one message strictly; never throws on any input. */
  scan(bytes: Uint8Array, limits: ScanLimits, start?: number, end?: number): ScanResult;
  /** Parses bytes that `scan` has accepted. */
  parse(bytes: Uint8Array, start?: number, end?: number): JsonValue;
  /** JSON text of a value; throws `RESULT_INVALID` for cycles, BigInt and other values JSON cannot carry. */
  encode(value: unknown): string;
}

/**
 * Key under which a request id is tracked: equal ids in different spelling (`"a"`, `"\u0061"`) share one key, and
 * integers never pass through a float.
 */
export function idKey(idRaw: string): string {
  return idRaw.startsWith('"') ? `s:${String(JSON.parse(idRaw))}` : `n:${idRaw === '-0' ? '0' : idRaw}`;
}
