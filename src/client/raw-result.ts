import type { ByteParts } from '../core/byte-parts.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { RequestId } from '../core/jsonrpc.ts';
import type { RequestOptions } from './contract.ts';

/** One member of a result, as byte offsets. */
export interface RawMember {
  readonly name: string;
  /** Of its key, quotes included. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
  readonly shape: 'object' | 'array' | 'scalar';
}

/** Byte offsets of a JSON string, quotes included. */
export interface RawText {
  readonly start: number;
  readonly end: number;
}

/** What a scan tells of a result besides its members. */
export interface RawFacts {
  /** URIs of resource links and embedded resources in `content` and `messages`, and of `contents`; in order. */
  readonly uris: readonly RawText[];
  /** A content block is a resource link. */
  readonly hasLinks: boolean;
  /** A content block is audio. */
  readonly hasAudio: boolean;
  /** Items of `contents`. */
  readonly contents: number;
}

/** Longest URI that is read apart from its result. */
export const MAX_URI_BYTES = 64 * 1024;

/**
 * A large result, strictly checked and left as the bytes it came in. What a caller has to know of it was found in the
 * same pass; line breaks between tokens have become spaces.
 */
export class RawResult {
  readonly bytes: ByteParts;
  /** Of the object, braces included. */
  readonly start: number;
  readonly end: number;
  readonly members: readonly RawMember[];
  readonly facts: RawFacts;

  constructor(bytes: ByteParts, start: number, end: number, members: readonly RawMember[], facts: RawFacts) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.members = members;
    this.facts = facts;
  }

  member(name: string): RawMember | undefined {
    return this.members.find((member) => member.name === name);
  }

  /** Parses one member; undefined when it is not there. */
  value(name: string): unknown {
    const member = this.member(name);
    if (member === undefined) return undefined;
    return JSON.parse(this.bytes.text(member.valueStart, member.end));
  }

  /** True when `resultType` says no more than that this is the result: absent, or one of `types`. */
  isComplete(types: ReadonlySet<string>): boolean {
    const type = this.value('resultType');
    return type === undefined || (typeof type === 'string' && types.has(type));
  }

  /** Parses all of it. */
  toJson(): JsonObject {
    const value: unknown = JSON.parse(this.bytes.text(this.start, this.end));
    return isJsonObject(value) ? value : {};
  }
}

/** The answer to one request, with its result left as bytes. */
export interface RawReply {
  readonly id: RequestId;
  readonly result: RawResult;
}

/** Options of a request whose result may be left as bytes. */
export interface ExchangeOptions extends RequestOptions {
  readonly bytes?: boolean;
}
