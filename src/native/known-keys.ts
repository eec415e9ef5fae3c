/** The keys an envelope is made of, and the objects they stand in. */

/** Objects whose keys are tracked. */
export const PLACE = { other: 0, message: 1, params: 2, meta: 3, arguments: 4 } as const;

/** What the value of a known key means. */
export const ROLE = {
  none: 0,
  jsonrpc: 1,
  id: 2,
  method: 3,
  params: 4,
  result: 5,
  error: 6,
  name: 7,
  uri: 8,
  meta: 9,
  arguments: 10,
  requestId: 11,
  progressToken: 12,
  protocolVersion: 13,
} as const;
export const ROLES = 14;

interface KnownKey {
  readonly bytes: Uint8Array;
  readonly role: number;
}

const known = (entries: readonly (readonly [string, number])[]): readonly KnownKey[] =>
  entries.map(([text, role]) => ({ bytes: Uint8Array.from(Buffer.from(text)), role }));

/** By place. */
const KNOWN: readonly (readonly KnownKey[])[] = [
  [],
  known([
    ['jsonrpc', ROLE.jsonrpc],
    ['id', ROLE.id],
    ['method', ROLE.method],
    ['params', ROLE.params],
    ['result', ROLE.result],
    ['error', ROLE.error],
  ]),
  known([
    ['name', ROLE.name],
    ['arguments', ROLE.arguments],
    ['_meta', ROLE.meta],
    ['uri', ROLE.uri],
    ['requestId', ROLE.requestId],
  ]),
  known([
    ['io.modelcontextprotocol/protocolVersion', ROLE.protocolVersion],
    ['progressToken', ROLE.progressToken],
  ]),
  [],
];

/** Role of the decoded key `bytes[start, end)` in `place`. */
export function roleOf(place: number, bytes: Uint8Array, start: number, end: number): number {
  const keys = KNOWN[place] as readonly KnownKey[];
  const length = end - start;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as KnownKey;
    const expected = key.bytes;
    if (expected.length !== length) continue;
    let at = 0;
    while (at < length && bytes[start + at] === expected[at]) at++;
    if (at === length) return key.role;
  }
  return ROLE.none;
}
