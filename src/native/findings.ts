/**
 * What the loop of the scanner found, in fixed memory that the next scan reuses: scans are synchronous and never nest.
 */

import { decoded, decodeEscaped, fail, NOWHERE } from './json-tokens.ts';
import { ROLE, ROLES } from './known-keys.ts';
import { FLAG, HEADER_WORDS, STATUS, WORD } from './port.ts';

/** What stands in the message for a role. `text` and `escaped` are strings without lone surrogates. */
export const SHAPE = { absent: 0, text: 1, escaped: 2, integer: 3, null: 4, object: 5, other: 6 } as const;

export const shapes = new Uint8Array(ROLES);
export const starts = new Uint32Array(ROLES);
export const ends = new Uint32Array(ROLES);

export const found = {
  /** First byte of the message. */
  start: 0,
  duplicateId: false,
  ascii: true,
  /** First content error, status 0 for none. */
  contentStatus: 0,
  contentOffset: 0,
};

export function clearFindings(): void {
  // A loop: for so few bytes the call of fill() costs more than the stores.
  for (let role = 0; role < ROLES; role++) shapes[role] = SHAPE.absent;
  found.start = 0;
  found.duplicateId = false;
  found.ascii = true;
  found.contentStatus = 0;
  found.contentOffset = 0;
}

/** Remembers a content error unless there is an earlier one. */
export function noteContent(status: number, offset: number): void {
  if (found.contentStatus !== 0) return;
  found.contentStatus = status;
  found.contentOffset = offset;
}

/** Remembers what is wrong with a string; only `named` ones may not have control characters. */
export function noteString(control: number, surrogate: number, named: boolean): void {
  if (named && control < surrogate) noteContent(STATUS.control, control);
  else if (surrogate !== NOWHERE) noteContent(STATUS.surrogate, surrogate);
}

const isText = (role: number): boolean => shapes[role] === SHAPE.text || shapes[role] === SHAPE.escaped;
const isToken = (role: number): boolean => isText(role) || shapes[role] === SHAPE.integer;
const present = (role: number): boolean => shapes[role] !== SHAPE.absent;
/** Where a role is reported; a missing member at the message itself. */
const place = (role: number): number => (present(role) ? (starts[role] as number) : found.start);

function isVersion2(bytes: Uint8Array): boolean {
  if (!isText(ROLE.jsonrpc)) return false;
  const start = (starts[ROLE.jsonrpc] as number) + 1;
  const end = (ends[ROLE.jsonrpc] as number) - 1;
  if (shapes[ROLE.jsonrpc] === SHAPE.text) return spellsVersion2(bytes, start, end);
  const length = decodeEscaped(bytes, start, end);
  return spellsVersion2(decoded, 0, length);
}

function spellsVersion2(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 3) return false;
  return bytes[start] === 0x32 && bytes[start + 1] === 0x2e && bytes[start + 2] === 0x30;
}

function writeToken(out: Uint32Array, word: number, role: number): void {
  out[word] = starts[role] as number;
  out[word + 1] = ends[role] as number;
}

/** Writes the inside of a string and returns `flag` when it has escapes. */
function writeText(out: Uint32Array, word: number, role: number, flag: number): number {
  if (!isText(role)) return 0;
  out[word] = (starts[role] as number) + 1;
  out[word + 1] = (ends[role] as number) - 1;
  return shapes[role] === SHAPE.escaped ? flag : 0;
}

/**
 * The checks that need the whole message object, in their fixed order; fills `out`, whose header is zero.
 * Returns 0, or -1 with the reason in `stop` and the id, when it is valid, in `out`.
 */
export function checkMessage(bytes: Uint8Array, limits: Uint32Array, out: Uint32Array): number {
  const idLength = (ends[ROLE.id] as number) - (starts[ROLE.id] as number);
  const hasId = isToken(ROLE.id) && !found.duplicateId && idLength <= (limits[3] as number);
  if (hasId) writeToken(out, WORD.id, ROLE.id);

  if (found.contentStatus !== 0) return fail(found.contentStatus, found.contentOffset);
  if (!isVersion2(bytes)) return fail(STATUS.version, place(ROLE.jsonrpc));
  const isResult = present(ROLE.result);
  const isError = present(ROLE.error);
  if (present(ROLE.method)) {
    if (isResult || isError) return fail(STATUS.shape, place(ROLE.method));
    return checkCall(limits, out, hasId);
  }
  if (isResult === isError || (isError && shapes[ROLE.error] !== SHAPE.object)) {
    return fail(STATUS.shape, place(ROLE.error));
  }
  const nobody = shapes[ROLE.id] === SHAPE.absent || shapes[ROLE.id] === SHAPE.null;
  if (!hasId && !(nobody && isError)) return fail(STATUS.id, place(ROLE.id));
  out[WORD.flags] = 2 | (isError ? FLAG.isError : 0) | (found.ascii ? FLAG.ascii : 0);
  return 0;
}

/** A request or a notification. */
function checkCall(limits: Uint32Array, out: Uint32Array, hasId: boolean): number {
  if (!hasId && present(ROLE.id)) return fail(STATUS.id, place(ROLE.id));
  const methodBytes = (ends[ROLE.method] as number) - (starts[ROLE.method] as number) - 2;
  if (!isText(ROLE.method) || methodBytes < 1 || methodBytes > (limits[4] as number)) {
    return fail(STATUS.method, place(ROLE.method));
  }
  const hasParams = shapes[ROLE.params] === SHAPE.object;
  if (!hasParams && present(ROLE.params)) return fail(STATUS.params, place(ROLE.params));
  let flags = (hasId ? 0 : 1) | (found.ascii ? FLAG.ascii : 0);
  flags |= writeText(out, WORD.method, ROLE.method, FLAG.methodEscaped);
  if (hasParams) {
    writeToken(out, WORD.params, ROLE.params);
    flags |= writeText(out, WORD.name, ROLE.name, FLAG.nameEscaped);
    flags |= writeText(out, WORD.uri, ROLE.uri, FLAG.uriEscaped);
    flags |= writeText(out, WORD.protocolVersion, ROLE.protocolVersion, FLAG.protocolVersionEscaped);
    if (isToken(ROLE.progressToken)) writeToken(out, WORD.progressToken, ROLE.progressToken);
    if (isToken(ROLE.requestId)) writeToken(out, WORD.requestId, ROLE.requestId);
    if (present(ROLE.arguments)) writeToken(out, WORD.arguments, ROLE.arguments);
    if (shapes[ROLE.meta] === SHAPE.object) flags |= FLAG.hasMeta;
  }
  out[WORD.flags] = flags;
  return 0;
}

/** Writes a refusal over whatever the checks have written, except for the id. */
export function writeFailure(out: Uint32Array, status: number, offset: number): void {
  out.fill(0, WORD.method, HEADER_WORDS);
  out[WORD.status] = status;
  out[WORD.offset] = offset;
  out[WORD.flags] = 0;
}
