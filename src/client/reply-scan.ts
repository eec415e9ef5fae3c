/**
 * Finds in a reply that arrives in pieces what may have to be changed before it is handed on, without parsing it:
 * `result` and its members, and the URIs in it (2026-07-28, tools, resources, prompts: content blocks).
 *
 * Whatever is not plainly what it should be (a known key twice or with escapes, another kind of message, broken text) is
 * no reply for this scan; the caller then reads the whole text as it reads any other message.
 */
import type { ByteParts } from '../core/byte-parts.ts';
import type { RequestId } from '../core/jsonrpc.ts';
import { type JsonObserver, JsonStream, SHAPE } from './json-stream.ts';
import { isRequestId, MAX_PEER_DEPTH } from './message.ts';
import { MAX_URI_BYTES, type RawMember, type RawReply, RawResult, type RawText } from './raw-result.ts';
import { Utf8Check } from './utf8-check.ts';

/** Containers that are looked into; `blocks` is `content` of a result or a prompt message when it is a list. */
const PLACE = {
  none: 0,
  message: 1,
  result: 2,
  blocks: 3,
  block: 4,
  contents: 5,
  /** An item of `contents`, or what a block embeds. */
  resource: 6,
  messages: 7,
  promptMessage: 8,
} as const;

/** Keys that mean something. */
const KEY = {
  other: 0,
  jsonrpc: 1,
  id: 2,
  result: 3,
  foreign: 4,
  type: 5,
  uri: 6,
  resource: 7,
  content: 8,
} as const;

const BLOCK = { other: 0, link: 1, embedded: 2, audio: 3 } as const;

type Words = readonly (readonly [Buffer, number])[];
const words = (entries: Readonly<Record<string, number>>): Words =>
  Object.entries(entries).map(([word, meaning]) => [Buffer.from(word), meaning] as const);

const NO_WORDS: Words = [];
const MESSAGE_KEYS = words({
  jsonrpc: KEY.jsonrpc,
  id: KEY.id,
  result: KEY.result,
  error: KEY.foreign,
  method: KEY.foreign,
  params: KEY.foreign,
});
const BLOCK_KEYS = words({ type: KEY.type, uri: KEY.uri, resource: KEY.resource });
const RESOURCE_KEYS = words({ uri: KEY.uri });
const PROMPT_MESSAGE_KEYS = words({ content: KEY.content });
const BLOCK_TYPES = words({
  '"resource_link"': BLOCK.link,
  '"resource"': BLOCK.embedded,
  '"audio"': BLOCK.audio,
});

const MAX_ID_BYTES = 256;
const MAX_KEY_BYTES = 256;
const MAX_MEMBERS = 64;
const MAX_URIS = 10_000;
const NO_TEXT: RawText = { start: 0, end: 0 };
const NOTHING: Buffer = Buffer.alloc(0);

function keysOf(place: number): Words {
  switch (place) {
    case PLACE.message:
      return MESSAGE_KEYS;
    case PLACE.block:
      return BLOCK_KEYS;
    case PLACE.resource:
      return RESOURCE_KEYS;
    case PLACE.promptMessage:
      return PROMPT_MESSAGE_KEYS;
    default:
      return NO_WORDS;
  }
}

/** Scans one message. */
export class ReplyScan implements JsonObserver {
  readonly #bytes: ByteParts;
  readonly #json: JsonStream;
  readonly #utf8 = new Utf8Check();
  /** The piece that is being read, and its offset. */
  #piece: Buffer = NOTHING;
  #base = 0;
  #regular = true;
  /** Places of the watched containers, the innermost last, and the known keys each has had, one bit a key. */
  readonly #places: number[] = [];
  readonly #seen: number[] = [];
  #place: number = PLACE.none;
  /** Key whose value comes next, in the innermost container. */
  #key: number = KEY.other;
  #version = false;
  #id: RequestId | undefined;
  #result: RawText | undefined;
  #resultStart = 0;
  readonly #members: RawMember[] = [];
  readonly #names = new Set<string>();
  #member: { name: string; start: number; valueStart: number; shape: RawMember['shape'] } | undefined;
  readonly #uris: RawText[] = [];
  #hasLinks = false;
  #hasAudio = false;
  #contents = 0;
  #blockType: number = BLOCK.other;
  #blockUri = NO_TEXT;
  #resourceUri = NO_TEXT;

  /** @param bytes takes what is scanned; empty */
  constructor(bytes: ByteParts) {
    this.#bytes = bytes;
    this.#json = new JsonStream(this, MAX_PEER_DEPTH + 1);
  }

  push(chunk: Buffer): void {
    this.#base = this.#bytes.length;
    const piece = this.#bytes.append(chunk);
    if (!this.#regular || !this.#json.sound) return;
    this.#piece = piece;
    this.#json.push(piece);
    this.#utf8.push(piece);
    this.#piece = NOTHING;
  }

  /** The reply, when all of it was one and nothing about it was odd. */
  finish(): RawReply | undefined {
    const whole = this.#regular && this.#json.finish() && this.#utf8.finish();
    if (!whole || !this.#version || this.#id === undefined || this.#result === undefined) return undefined;
    const { start, end } = this.#result;
    const facts = {
      uris: this.#uris,
      hasLinks: this.#hasLinks,
      hasAudio: this.#hasAudio,
      contents: this.#contents,
    };
    return { id: this.#id, result: new RawResult(this.#bytes, start, end, this.#members, facts) };
  }

  open(isObject: boolean, start: number): boolean {
    const place = this.#placeOf(isObject);
    if (this.#place === PLACE.result) this.#memberBegins(start, isObject ? 'object' : 'array');
    if (place === PLACE.none) return false;
    if (place === PLACE.result) this.#resultStart = start;
    if (place === PLACE.block) {
      this.#blockType = BLOCK.other;
      this.#blockUri = NO_TEXT;
    }
    if (place === PLACE.block || place === PLACE.resource) this.#resourceUri = NO_TEXT;
    this.#places.push(place);
    this.#seen.push(0);
    this.#place = place;
    return true;
  }

  /** Place of a container that begins in the innermost one; `none`: it is not looked into. */
  #placeOf(isObject: boolean): number {
    switch (this.#place) {
      case PLACE.none:
        if (!isObject) this.#regular = false;
        return isObject ? PLACE.message : PLACE.none;
      case PLACE.message:
        if (this.#key === KEY.result && isObject) return PLACE.result;
        if (this.#key !== KEY.other) this.#regular = false;
        return PLACE.none;
      case PLACE.result:
        return isObject ? PLACE.none : this.#listPlace();
      case PLACE.blocks:
        if (!isObject) this.#regular = false;
        return isObject ? PLACE.block : PLACE.none;
      case PLACE.block:
        return isObject && this.#key === KEY.resource ? PLACE.resource : PLACE.none;
      case PLACE.contents:
        this.#contents += 1;
        return isObject ? PLACE.resource : PLACE.none;
      case PLACE.messages:
        return isObject ? PLACE.promptMessage : PLACE.none;
      case PLACE.promptMessage:
        if (this.#key !== KEY.content) return PLACE.none;
        return isObject ? PLACE.block : PLACE.blocks;
      default:
        return PLACE.none;
    }
  }

  #listPlace(): number {
    switch (this.#member?.name) {
      case 'content':
        return PLACE.blocks;
      case 'contents':
        return PLACE.contents;
      case 'messages':
        return PLACE.messages;
      default:
        return PLACE.none;
    }
  }

  close(watched: boolean, end: number): void {
    if (watched) {
      const place = this.#places.pop();
      this.#seen.pop();
      this.#place = this.#places.at(-1) ?? PLACE.none;
      if (place === PLACE.result) this.#result = { start: this.#resultStart, end };
      else if (place === PLACE.block) this.#blockEnds();
      else if (place === PLACE.resource && this.#place === PLACE.contents) this.#addUri(this.#resourceUri);
    }
    if (this.#place === PLACE.result) this.#memberEnds(end);
  }

  #blockEnds(): void {
    if (this.#blockType === BLOCK.link) {
      this.#hasLinks = true;
      this.#addUri(this.#blockUri);
    } else if (this.#blockType === BLOCK.embedded) {
      this.#addUri(this.#resourceUri);
    } else if (this.#blockType === BLOCK.audio) {
      this.#hasAudio = true;
    }
  }

  #addUri(uri: RawText): void {
    if (uri === NO_TEXT) return;
    this.#uris.push(uri);
    if (this.#uris.length > MAX_URIS || uri.end - uri.start > MAX_URI_BYTES) this.#regular = false;
  }

  key(start: number, end: number, escaped: boolean): void {
    if (this.#place === PLACE.result) {
      this.#resultKey(start, end, escaped);
      return;
    }
    const keys = keysOf(this.#place);
    if (escaped) {
      this.#regular &&= keys === NO_WORDS;
      this.#key = KEY.other;
      return;
    }
    const key = this.#meaning(keys, start + 1, end - 1);
    this.#key = key;
    if (key === KEY.other) return;
    const last = this.#seen.length - 1;
    const seen = this.#seen[last] ?? 0;
    if ((seen & (1 << key)) !== 0 || key === KEY.foreign) this.#regular = false;
    this.#seen[last] = seen | (1 << key);
  }

  #resultKey(start: number, end: number, escaped: boolean): void {
    if (escaped || end - start > MAX_KEY_BYTES || this.#members.length >= MAX_MEMBERS) {
      this.#regular = false;
      return;
    }
    const name = this.#bytes.text(start + 1, end - 1);
    if (this.#names.has(name)) this.#regular = false;
    this.#names.add(name);
    this.#member = { name, start, valueStart: 0, shape: 'scalar' };
  }

  #memberBegins(valueStart: number, shape: RawMember['shape']): void {
    if (this.#member === undefined) return;
    this.#member.valueStart = valueStart;
    this.#member.shape = shape;
  }

  #memberEnds(end: number): void {
    const member = this.#member;
    // An irregular key has opened none.
    if (member === undefined || !this.#regular) return;
    this.#members.push({ ...member, end });
    this.#member = undefined;
  }

  scalar(shape: number, start: number, end: number, escaped: boolean): void {
    switch (this.#place) {
      case PLACE.message:
        this.#envelopeScalar(start, end);
        return;
      case PLACE.result:
        this.#memberBegins(start, 'scalar');
        this.#memberEnds(end);
        return;
      case PLACE.block:
        if (this.#key === KEY.type) this.#typeOfBlock(start, end, escaped);
        else if (this.#key === KEY.uri && shape === SHAPE.string) this.#blockUri = { start, end };
        return;
      case PLACE.resource:
        if (this.#key === KEY.uri && shape === SHAPE.string) this.#resourceUri = { start, end };
        return;
      case PLACE.contents:
        this.#contents += 1;
    }
  }

  #envelopeScalar(start: number, end: number): void {
    switch (this.#key) {
      case KEY.jsonrpc:
        this.#version = this.#bytes.text(start, end) === '"2.0"';
        return;
      case KEY.id: {
        const id: unknown = end - start > MAX_ID_BYTES ? undefined : JSON.parse(this.#bytes.text(start, end));
        if (isRequestId(id)) this.#id = id;
        else this.#regular = false;
        return;
      }
      case KEY.result:
        this.#regular = false;
    }
  }

  #typeOfBlock(start: number, end: number, escaped: boolean): void {
    if (escaped) this.#regular = false;
    else this.#blockType = this.#meaning(BLOCK_TYPES, start, end);
  }

  /** What the bytes `[start, end)` mean among `known`; 0 for nothing. */
  #meaning(known: Words, start: number, end: number): number {
    const length = end - start;
    for (const [word, meaning] of known) {
      if (word.length === length && this.#reads(word, start, end)) return meaning;
    }
    return 0;
  }

  #reads(word: Buffer, start: number, end: number): boolean {
    if (start < this.#base) return this.#bytes.bytes(start, end).equals(word);
    const from = start - this.#base;
    for (let at = 0; at < word.length; at += 1) if (this.#piece[from + at] !== word[at]) return false;
    return true;
  }
}
