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

/** Known keys of a place by their length, so that most keys are told from all known ones by that alone. */
function byLength(...entries: readonly (readonly [string, number])[]): readonly (readonly KnownKey[])[] {
  const longest = Math.max(0, ...entries.map(([text]) => text.length));
  return Array.from({ length: longest + 1 }, (_, length) =>
    entries
      .filter(([text]) => text.length === length)
      .map(([text, role]) => ({ bytes: Uint8Array.from(Buffer.from(text)), role })),
  );
}

const KNOWN: readonly (readonly (readonly KnownKey[])[])[] = [
  byLength(),
  byLength(
    ['jsonrpc', ROLE.jsonrpc],
    ['id', ROLE.id],
    ['method', ROLE.method],
    ['params', ROLE.params],
    ['result', ROLE.result],
    ['error', ROLE.error],
  ),
  byLength(
    ['name', ROLE.name],
    ['arguments', ROLE.arguments],
    ['_meta', ROLE.meta],
    ['uri', ROLE.uri],
    ['requestId', ROLE.requestId],
  ),
  byLength(
    ['io.modelcontextprotocol/protocolVersion', ROLE.protocolVersion],
    ['progressToken', ROLE.progressToken],
  ),
  byLength(),
];

/** Role of the decoded key `bytes[start, end)` in `place`. */
export function roleOf(place: number, bytes: Uint8Array, start: number, end: number): number {
  const lengths = KNOWN[place] as readonly (readonly KnownKey[])[];
  const length = end - start;
  if (length >= lengths.length) return ROLE.none;
  const keys = lengths[length] as readonly KnownKey[];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as KnownKey;
    const expected = key.bytes;
    let at = 0;
    while (at < length && bytes[start + at] === expected[at]) at++;
    if (at === length) return key.role;
  }
  return ROLE.none;
}
