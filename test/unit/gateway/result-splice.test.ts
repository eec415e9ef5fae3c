/** Results that pass through as bytes say the same as those that are parsed, mapped and encoded. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RawResult } from '../../../src/client/raw-result.ts';
import { ReplyScan } from '../../../src/client/reply-scan.ts';
import { ByteParts } from '../../../src/core/byte-parts.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { LEGACY_REVISIONS } from '../../../src/core/revisions.ts';
import { mapResult } from '../../../src/gateway/result-mapping.ts';
import { forwardedResult } from '../../../src/gateway/result-splice.ts';
import type { Call } from '../../../src/protocol/call.ts';
import { jsCodec } from '../../../src/protocol/codec/index.ts';
import { LegacyCodec } from '../../../src/protocol/eras/legacy/codec.ts';
import { ModernCodec } from '../../../src/protocol/eras/modern/codec.ts';
import { METHODS, type MethodSpec } from '../../../src/protocol/methods.ts';

const legacy = new LegacyCodec(jsCodec, () => true);
const modern = new ModernCodec({
  identity: { serverInfo: { name: 'gateway', version: '1' } },
  codec: jsCodec,
  hints: { ttlMs: 7, cacheScope: 'private' },
  inputs: undefined as never,
});
const mapUri = (uri: string): string => (uri.startsWith('x') ? `ferromcp-up+${uri}` : uri);
type Method = 'tools/call' | 'prompts/get' | 'resources/read';

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [0, ...[...at].sort((a, b) => a - b).filter((each) => each < bytes.length), bytes.length];
  return cuts.slice(1).map((end, index) => Buffer.from(bytes.subarray(cuts[index], end)));
}

function scanned(text: string, cuts: readonly number[] = []): RawResult | undefined {
  const scan = new ReplyScan(new ByteParts());
  for (const piece of cut(Buffer.from(text), cuts)) scan.push(piece);
  return scan.finish()?.result;
}

const reply = (result: unknown, space?: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 7, result }, undefined, space);

const uri = fc.constantFrom('x:1', 'a:/é', 'x"\\:2', '', 'x\u2028y');
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const odd = fc.oneof(fc.constant(null), fc.integer(), text, fc.constant([]), fc.constant({}));
const annotations = fc.constantFrom(
  {},
  { annotations: { priority: 0.5, uri: 'x:no', type: 'resource_link' } },
);
const resource = fc.record({ uri: fc.oneof(uri, odd), text }, { requiredKeys: [] });
const block = fc.oneof(
  fc
    .tuple(annotations, fc.record({ type: fc.constant('text'), text, uri }))
    .map(([a, b]) => ({ ...a, ...b })),
  fc.record(
    { type: fc.constant('resource_link'), uri: fc.oneof(uri, odd), name: text },
    { requiredKeys: ['type'] },
  ),
  fc.record({ uri, type: fc.constant('resource_link'), resource }),
  fc.record(
    { type: fc.constant('resource'), resource: fc.oneof(resource, odd), uri },
    { requiredKeys: ['type'] },
  ),
  fc.record({ resource, type: fc.constantFrom('resource', 'other', 7) }),
  fc.record({ type: fc.constant('audio'), data: text, mimeType: text }),
  odd.filter((value) => !Array.isArray(value)),
);
const meta = fc.oneof(
  odd,
  fc.record(
    {
      own: text,
      progressToken: fc.integer(),
      'io.modelcontextprotocol/serverInfo': fc.constant({ name: 'up' }),
    },
    { requiredKeys: [] },
  ),
);
const hop = {
  resultType: fc.constant('complete'),
  ttlMs: fc.integer(),
  cacheScope: fc.constant('public'),
  requestState: text,
  inputRequests: fc.constant({ a: 1 }),
  _meta: meta,
  extra: fc
    .json({ maxDepth: 2 })
    .filter((json) => !/e\+?\d{3}/.test(json))
    .map((json) => JSON.parse(json) as unknown),
  isError: fc.boolean(),
};
const results: readonly (readonly [Method, fc.Arbitrary<object>])[] = [
  [
    'tools/call',
    fc.record(
      {
        ...hop,
        structuredContent: fc.oneof(odd, fc.constant({ uri: 'x:kept', type: 'resource_link' })),
        content: fc.array(block, { maxLength: 5 }),
      },
      { requiredKeys: ['content'] },
    ),
  ],
  [
    'resources/read',
    fc.record(
      { ...hop, contents: fc.array(fc.oneof(resource, resource, odd), { minLength: 1, maxLength: 4 }) },
      { requiredKeys: ['contents'] },
    ),
  ],
  [
    'prompts/get',
    fc.record(
      {
        ...hop,
        description: text,
        messages: fc.array(
          fc.oneof(
            fc.record({
              role: fc.constant('user'),
              content: fc.oneof(block, fc.array(block, { maxLength: 3 })),
            }),
            odd,
          ),
          { maxLength: 4 },
        ),
      },
      { requiredKeys: ['messages'] },
    ),
  ],
];

/** Members in a different order say the same. */
const read = (parts: readonly Uint8Array[]): unknown => JSON.parse(Buffer.concat(parts).toString());

describe.each(results)('%s', (method, arbitrary) => {
  const spec: MethodSpec = METHODS[method];

  it('says the same as bytes and as a value, in every revision, however it is cut and spaced', () => {
    fc.assert(
      fc.property(
        arbitrary,
        fc.array(fc.nat(600), { maxLength: 6 }),
        fc.constantFrom('', '\n ', ' '),
        (result, cuts, space) => {
          const raw = scanned(reply(result, space), cuts);
          expect(raw).toBeDefined();
          if (raw === undefined) return;
          expect(raw.toJson()).toEqual(JSON.parse(JSON.stringify(result)));
          const learnt: string[] = [];
          const forwarded = forwardedResult(method, raw, (each) => {
            learnt.push(each);
            return mapUri(each);
          });
          expect(forwarded).toBeDefined();
          if (forwarded === undefined) return;
          const expectedLearnt: string[] = [];
          const value = mapResult(JSON.parse(JSON.stringify(result)) as JsonObject, (each) => {
            expectedLearnt.push(each);
            return mapUri(each);
          });
          expect(learnt.sort()).toEqual(expectedLearnt.sort());
          expect(forwarded.toJson()).toEqual(value);
          const call = { method, revision: '2026-07-28' } as Call;
          const bytes = Buffer.concat(modern.encodeForwarded(call, spec, forwarded));
          expect(bytes.toString()).not.toMatch(/[\r\n]/);
          expect(JSON.parse(bytes.toString())).toEqual(JSON.parse(modern.encode(spec, value)));
          for (const revision of LEGACY_REVISIONS) {
            const old = { method, revision } as Call;
            expect(read(legacy.encodeForwarded(old, spec, forwarded))).toEqual(
              JSON.parse(legacy.encode(method, value, revision)),
            );
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('what is not passed through', () => {
  const ok = '"content":[{"type":"text","text":"x"}]';
  const message = (result: string, rest = ''): string => `{"jsonrpc":"2.0","id":7,${rest}"result":${result}}`;

  it.each([
    ['a member twice', message(`{${ok},"isError":false,"isError":true}`)],
    ['a member twice, once with an escape', message(`{${ok},"c\\u006fntent":[]}`)],
    ['result twice', message(`{${ok}}`, '"result":{},')],
    ['id twice', message(`{${ok}}`, '"id":8,')],
    ['error beside result', message(`{${ok}}`, '"error":{"code":1,"message":""},')],
    ['a method beside result', message(`{${ok}}`, '"method":"x",')],
    ['a block with two types', message('{"content":[{"type":"text","type":"resource_link","uri":"x:1"}]}')],
    ['a block with two URIs', message('{"content":[{"type":"resource_link","uri":"a","uri":"x:1"}]}')],
    ['a type with an escape', message('{"content":[{"type":"resource\\u005flink","uri":"x:1"}]}')],
    ['a key with an escape in a block', message('{"content":[{"ty\\u0070e":"resource_link","uri":"x:1"}]}')],
    ['a list among the blocks', message('{"content":[[{"type":"resource_link","uri":"x:1"}]]}')],
    ['another version', `{"jsonrpc":"1.0","id":7,"result":{${ok}}}`],
    ['no version', `{"id":7,"result":{${ok}}}`],
    ['an id that is no id', `{"jsonrpc":"2.0","id":1.5,"result":{${ok}}}`],
    ['no id', `{"jsonrpc":"2.0","result":{${ok}}}`],
    ['a result that is no object', message('[]')],
    ['a batch', `[${message(`{${ok}}`)}]`],
    ['broken JSON', message(`{${ok},}`)],
    ['half of it', message(`{${ok}`)],
    ['something behind it', `${message(`{${ok}}`)}x`],
    ['a control character in a text', message('{"content":[{"type":"text","text":"\u0001"}]}')],
    ['nesting without end', message(`{${ok},"x":${'['.repeat(600)}${']'.repeat(600)}}`)],
    ['a number that becomes infinite', message(`{${ok},"x":1e400}`)],
    [
      'more members than a result has',
      message(`{${ok},${Array.from({ length: 80 }, (_, i) => `"${i}":1`).join(',')}}`),
    ],
    ['a URI of 100 KB', message(`{"content":[{"type":"resource_link","uri":"${'x'.repeat(100_000)}"}]}`)],
    [
      '20,000 links',
      message(`{"content":[${Array(20_000).fill('{"type":"resource_link","uri":"x:1"}').join(',')}]}`),
    ],
  ])('C11 %s', (_what, text) => {
    expect(scanned(text)).toBeUndefined();
    expect(
      scanned(
        text,
        [...Array(40).keys()].map((at) => at * 7),
      ),
    ).toBeUndefined();
  });

  it('C04 invalid UTF-8', () => {
    const scan = new ReplyScan(new ByteParts());
    scan.push(Buffer.from(message('{"content":[{"type":"text","text":"\u00e9"}]}'), 'latin1'));
    expect(scan.finish()).toBeUndefined();
  });

  it.each([
    ['tools/call', '{}'],
    ['tools/call', '{"content":{}}'],
    ['resources/read', '{"contents":[]}'],
    ['resources/read', '{}'],
    ['tools/call', `{${ok},"resultType":"input_required"}`],
    ['tools/call', `{${ok},"resultType":null}`],
    ['prompts/get', '{"messages":[],"resultType":"task"}'],
  ])('%s answered with %s', (method, result) => {
    const raw = scanned(message(result));
    expect(raw).toBeDefined();
    if (raw !== undefined) expect(forwardedResult(method, raw, mapUri)).toBeUndefined();
  });
});
