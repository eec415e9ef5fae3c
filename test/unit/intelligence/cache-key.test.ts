import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { ANONYMOUS, LOCAL_USER, type Principal } from '../../../src/core/principal.ts';
import { type CacheQuery, principalKey, writeKey } from '../../../src/intelligence/cache-key.ts';
import { MAX_KEY_BYTES } from '../../../src/native/sona-port.ts';

const out = Buffer.alloc(MAX_KEY_BYTES);

function key(query: CacheQuery): string | undefined {
  out.fill(0xaa);
  const length = writeKey(query, out);
  return length === 0 ? undefined : out.toString('latin1', 0, length);
}

const QUERY: CacheQuery = {
  epoch: Uint8Array.of(1, 2),
  revision: 'r',
  method: 'm',
  name: '',
  principal: Buffer.from('p'),
  params: { b: 1, a: [] },
};

/** Texts of few characters, so that parts are often equal and often look like parts of each other. */
const part = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\0', '\u0001', 'é'), maxLength: 5 });
const params: fc.Arbitrary<JsonObject> = fc.constantFrom<JsonObject>(
  {},
  { a: 1 },
  { a: '1' },
  { a: 2 },
  { a: { b: 1 } },
  { b: 1, a: 1 },
  { a: null },
);
const query = fc.record({
  epoch: fc.uint8Array({ maxLength: 3 }),
  revision: fc.constantFrom('2025-06-18', '2025-11-25', '2026-07-28'),
  method: fc.constantFrom('tools/call', 'resources/read'),
  name: part,
  principal: fc.option(
    part.map((text) => Buffer.from(text)),
    { nil: undefined },
  ),
  params,
});

const meaning = ({ epoch, principal, ...rest }: CacheQuery): string =>
  JSON.stringify({ ...rest, epoch: [...epoch], principal: principal === undefined ? null : [...principal] });

describe('keys', () => {
  it('have the documented layout', () => {
    const expected = [
      '\x01\x02\0\0\0\x01\x02\x01\0\0\0r\x01\0\0\0m\0\0\0\0',
      '\x01\x01\0\0\0p\x0e\0\0\0',
      '{"a":[],"b":1}',
    ];
    expect(key(QUERY)).toBe(expected.join(''));
  });

  it('J01 differ exactly when the requests do, over epochs, eras, methods, names, principals and params', () => {
    fc.assert(
      fc.property(query, query, fc.constantFrom(...Object.keys(QUERY), 'all'), (left, right, changed) => {
        // Mostly alike: one part of the other request at most.
        const other = changed === 'all' ? right : { ...left, [changed]: Reflect.get(right, changed) };
        expect(key(left) === key(other)).toBe(meaning(left) === meaning(other));
      }),
      { numRuns: 20_000 },
    );
  });

  it('do not depend on the order of members or on _meta', () => {
    fc.assert(
      fc.property(fc.dictionary(part, fc.jsonValue()), fc.jsonValue(), (members, meta) => {
        const { _meta: _, inputResponses, requestState, task, ...own } = members as Record<string, never>;
        const turned = Object.fromEntries(Object.entries(own).reverse());
        const left = key({ ...QUERY, params: own });
        expect(left).toBeDefined();
        expect(key({ ...QUERY, params: { ...turned, _meta: { other: meta as never } } })).toBe(left);
      }),
    );
  });

  it.each(['inputResponses', 'requestState', 'task'])('J04 do not exist for requests with %s', (member) => {
    expect(key({ ...QUERY, params: { [member]: {} } })).toBeUndefined();
    expect(key({ ...QUERY, params: { arguments: { [member]: {} } } })).toBeDefined();
  });

  it.each(['progressToken', 'io.modelcontextprotocol/logLevel'])(
    'do not exist for requests with %s in _meta',
    (member) => {
      expect(key({ ...QUERY, params: { _meta: { [member]: 1 } } })).toBeUndefined();
      expect(key({ ...QUERY, params: { _meta: { inner: { [member]: 1 } } } })).toBeDefined();
    },
  );

  it('C14 do not exist for what is too long or too deep', () => {
    const rest = (key({ ...QUERY, params: { a: '' } }) ?? '').length;
    expect(key({ ...QUERY, params: { a: 'x'.repeat(MAX_KEY_BYTES - rest) } })).toHaveLength(MAX_KEY_BYTES);
    expect(key({ ...QUERY, params: { a: 'x'.repeat(MAX_KEY_BYTES - rest + 1) } })).toBeUndefined();
    expect(key({ ...QUERY, params: { a: 'é'.repeat((MAX_KEY_BYTES - rest) / 2 + 1) } })).toBeUndefined();
    for (const long of ['name', 'revision', 'method'] as const) {
      expect(key({ ...QUERY, [long]: 'x'.repeat(MAX_KEY_BYTES) })).toBeUndefined();
    }
    expect(key({ ...QUERY, epoch: new Uint8Array(MAX_KEY_BYTES) })).toBeUndefined();
    expect(key({ ...QUERY, principal: new Uint8Array(MAX_KEY_BYTES - 20) })).toBeUndefined();
    let deep: JsonObject = {};
    for (let level = 1; level < 128; level += 1) deep = { a: deep };
    expect(key({ ...QUERY, params: deep })).toBeDefined();
    expect(key({ ...QUERY, params: { a: deep } })).toBeUndefined();
  });
});

describe('the key of a principal', () => {
  const text = (principal: Principal): string => Buffer.from(principalKey(principal)).toString();

  it('is the word of the native front for whoever is not authenticated', () => {
    expect(text(ANONYMOUS)).toBe('anonymous');
  });

  it('J02 differs for another id, kind or set of scopes, and for nothing else', () => {
    const principal = fc.record({
      id: part,
      kind: fc.constantFrom('anonymous' as const, 'local' as const, 'token' as const),
      scopes: fc.array(part, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(principal, principal, fc.boolean(), (left, other, alike) => {
        const right = alike ? { ...left, scopes: [...left.scopes].reverse() } : other;
        const same = (one: Principal): string =>
          JSON.stringify([one.kind, one.id, [...new Set(one.scopes)].sort()]);
        expect(text(left) === text(right)).toBe(same(left) === same(right));
      }),
      { numRuns: 5_000 },
    );
    expect(text(LOCAL_USER)).not.toBe(text({ ...LOCAL_USER, scopes: ['read'] }));
    expect(text({ id: 'anonymous', kind: 'token', scopes: [] })).not.toBe(text(ANONYMOUS));
  });
});
