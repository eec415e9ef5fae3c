import type { JsonObject } from '../core/json.ts';

/** Bytes in order, in the parts they came in. */
export type Parts = readonly Uint8Array[];

export interface ForwardedMember {
  readonly name: string;
  /** `"name":value` */
  readonly parts: Parts;
}

export interface ForwardedFacts {
  /** True when `structuredContent`, if there is any, is an object: all that the legacy revisions know. */
  readonly structuredIsObject: boolean;
  /** Some content block is a resource link (known since 2025-06-18). */
  readonly hasLinks: boolean;
  /** Some content block is audio (known since 2025-03-26). */
  readonly hasAudio: boolean;
}

/**
 * A result that passes through: strictly checked JSON, era-neutral like the object it stands for, but left as bytes. The
 * codec of an era puts its own members beside them. No line breaks.
 */
export class ForwardedResult {
  /** Without `_meta` and what belongs to one hop. */
  readonly members: readonly ForwardedMember[];
  readonly meta: JsonObject | undefined;
  readonly facts: ForwardedFacts;

  constructor(members: readonly ForwardedMember[], meta: JsonObject | undefined, facts: ForwardedFacts) {
    this.members = members;
    this.meta = meta;
    this.facts = facts;
  }

  /** The result as an object, for whoever has to look into it or to change it. */
  toJson(): JsonObject {
    const text = Buffer.concat(objectOf([], this.members)).toString('utf8');
    const result = JSON.parse(text) as JsonObject;
    return this.meta === undefined ? result : { ...result, _meta: this.meta };
  }
}

const COMMA = Buffer.from(',');
const END = Buffer.from('}');

/** `{head…,members…}` as parts; `head` are members as text. */
export function objectOf(head: readonly string[], members: readonly ForwardedMember[]): Uint8Array[] {
  const parts: Uint8Array[] = [Buffer.from(`{${head.join(',')}`)];
  let first = head.length === 0;
  for (const member of members) {
    if (!first) parts.push(COMMA);
    first = false;
    parts.push(...member.parts);
  }
  parts.push(END);
  return parts;
}

export function lengthOf(parts: Parts): number {
  return parts.reduce((length, part) => length + part.length, 0);
}
