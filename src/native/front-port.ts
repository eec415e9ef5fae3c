/** A further route of a front. */
export interface NativeRoute {
  readonly method: string;
  readonly path: string;
}

/** What a front is started with. Sizes are bytes, times are milliseconds, all numbers are unsigned 32-bit integers. */
export interface NativeFrontOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly routes: readonly NativeRoute[];
  readonly hosts: readonly string[] | undefined;
  readonly origins: readonly string[];
  readonly loopbackOrigins: boolean;
  readonly threads: number;
  readonly headerLines: number;
  readonly headerBytes: number;
  readonly bodyBytes: number;
  readonly jsonDepth: number;
  readonly jsonNodes: number;
  readonly jsonNumber: number;
  readonly idBytes: number;
  readonly methodBytes: number;
  readonly batchMessages: number;
  readonly headersMs: number;
  readonly requestMs: number;
  readonly idleMs: number;
  readonly checkMs: number;
  readonly writeBufferBytes: number;
  readonly writeStallMs: number;
  readonly connections: number;
  readonly requestsPerSocket: number;
  readonly keepAliveMs: number;
  readonly streams: number;
  readonly queueRequests: number;
  readonly queueBytes: number;
  readonly requestsPerSession: number;
  /** Tokens the front may know. */
  readonly tokens: number;
  /** Only requests with a known token are answered without JavaScript. */
  readonly authentication: boolean;
  readonly tls: NativeTls | undefined;
}

/** The JSON text of a result that is known before its request comes. */
export interface PreparedReply {
  readonly revision: string;
  readonly method: string;
  readonly result: string;
}

/** Whose results may be looked up in the cache; `epoch` is part of their keys. */
export interface CacheRule {
  readonly method: string;
  /** Name or URI. */
  readonly name: string;
  readonly epoch: Uint8Array;
  /** The result is the same for everyone. */
  readonly isPublic: boolean;
}

/** What a front may answer by itself; replaced as a whole. */
export interface PreparedTable {
  /** False: JavaScript answers everything. */
  readonly open: boolean;
  /** Notifications that JavaScript has no use for are accepted without it. */
  readonly notifications: boolean;
  readonly replies: readonly PreparedReply[];
  readonly rules: readonly CacheRule[];
}

/** A token that JavaScript has verified. */
export interface TokenGrant {
  /** The whole value of `Authorization`. */
  readonly authorization: string;
  /** Key of the principal. */
  readonly principal: string;
  /** Which prepared replies it may see. */
  readonly scope: string;
  /** Milliseconds since 1970. */
  readonly expiresMs: number;
}

export interface NativeTls {
  /** PEM, the server's own certificate first. */
  readonly certificates: Uint8Array;
  readonly key: Uint8Array;
  readonly clients: 'off' | 'request' | 'require';
  /** PEM of the roots of client certificates. */
  readonly authorities?: Uint8Array;
}

export interface Counted {
  readonly name: string;
  readonly count: number;
}

/** What became of the requests of a front so far. */
export interface FrontCounters {
  readonly connections: number;
  /** Answered from prepared replies, by method. */
  readonly prepared: readonly Counted[];
  /** Notifications accepted. */
  readonly accepted: number;
  /** Cached results found, not found, and look-ups that failed. */
  readonly hits: number;
  readonly misses: number;
  readonly failures: number;
  /** Brought to JavaScript. */
  readonly handedOver: number;
  /** Refused since too many waited. */
  readonly busy: number;
  /** Refused, by code. */
  readonly refused: readonly Counted[];
}

/**
 * The HTTP front of the addon: connections, guard and prepared replies on threads of its own; what it cannot answer is
 * taken in batches. The records of both directions are described in `crates/front/src/slab.rs`. There is no TypeScript
 * implementation of this interface: without the addon the whole front is another one.
 */
export interface NativeFrontPort {
  /**
   * Binds and serves. `wake` runs when there is something to take, and not again before {@link frontTake} has returned 0.
   * Throws what the operating system says about the address.
   */
  frontStart(
    options: NativeFrontOptions,
    wake: () => void,
  ): { readonly handle: number; readonly port: number };
  /** Writes request records to `slab` and returns their bytes; 0 when nothing waits, -1 for a wrong argument. */
  frontTake(handle: number, slab: Uint8Array): number;
  /** Sends the reply records in `slab[0, length)`; -1 for a wrong argument. */
  frontReply(handle: number, slab: Uint8Array, length: number): number;
  /** The body of a request that was too large for the slab; once. */
  frontTakeBody(handle: number, token: number): Uint8Array | null;
  /** Accepts nothing more, ends idle connections, lets requests finish for so long. */
  frontDrain(handle: number, waitMs: number): void;
  /** Drains for so long, then ends everything; settles when every thread is gone. */
  frontStop(handle: number, waitMs: number): Promise<void>;
  /** Replaces what the front may answer by itself; requests that come later see it. */
  frontSetReplies(handle: number, table: PreparedTable): void;
  /** Looks results up in the cache of this handle from now on; 0 = nowhere. */
  frontSetCache(handle: number, cache: number): void;
  /** Makes a legacy session known; false when it cannot be. */
  frontSessionOpened(handle: number, id: string, principal: string, revision: string): boolean;
  frontSessionClosed(handle: number, id: string): void;
  /** When the front last answered in a session, in milliseconds since 1970; -1 when it does not know it. */
  frontSessionUsedAt(handle: number, id: string): number;
  /** Makes a verified token known; false when there is no room. */
  frontToken(handle: number, grant: TokenGrant): boolean;
  frontRevokeToken(handle: number, authorization: string): boolean;
  /** Forgets all tokens of a principal and returns how many there were. */
  frontRevokePrincipal(handle: number, principal: string): number;
  /** Shows another certificate to connections that come later. */
  frontSetTls(handle: number, tls: NativeTls): void;
  frontCounters(handle: number): FrontCounters | null;
}

export const FRONT_EXPORTS = [
  'frontStart',
  'frontTake',
  'frontReply',
  'frontTakeBody',
  'frontDrain',
  'frontStop',
  'frontSetReplies',
  'frontSetCache',
  'frontSessionOpened',
  'frontSessionClosed',
  'frontSessionUsedAt',
  'frontToken',
  'frontRevokeToken',
  'frontRevokePrincipal',
  'frontSetTls',
  'frontCounters',
] as const satisfies readonly (keyof NativeFrontPort)[];

/** A slab must have room for the largest record. */
export const MIN_SLAB_BYTES = 192 * 1024;
export const REQUEST_HEAD_BYTES = 32;
export const REPLY_HEAD_BYTES = 24;

export const RECORD_KIND = { message: 1, get: 2, delete: 3, route: 4, gone: 5 } as const;

export const REQUEST_FLAG = { json: 1, sse: 1 << 1, detached: 1 << 2, http2: 1 << 3 } as const;

/** Ids of the fields of a request record. */
export const REQUEST_FIELD = {
  sessionId: 1,
  protocolVersion: 2,
  lastEventId: 3,
  authorization: 4,
  method: 5,
  name: 6,
  other: 7,
  httpMethod: 8,
  target: 9,
  peer: 10,
  host: 11,
  origin: 12,
  principal: 13,
} as const;

export const REPLY_FLAG = { end: 1, event: 1 << 1, abandon: 1 << 2, result: 1 << 3, open: 1 << 4 } as const;

/** Ids of the fields of a reply record. */
export const REPLY_FIELD = {
  'Mcp-Session-Id': 1,
  Allow: 2,
  'Retry-After': 3,
  'WWW-Authenticate': 4,
  'Content-Type': 5,
  eventId: 6,
  eventName: 7,
} as const;
