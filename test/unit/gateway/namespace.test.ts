import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_NAME, MAX_PREFIX, offeredName, upstreamPrefix } from '../../../src/gateway/namespace.ts';
import { ResourceAddresses } from '../../../src/gateway/resource-addresses.ts';

const name = (upstream: string, tool: string): string => offeredName(upstreamPrefix(upstream), tool);

/** Names made of the parts that matter: separators, marks, hashes of others, odd characters. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom('a', 'b', '_', '__', '-', '-x', '_x', '0123456789', 'abc123', '.', '/', ' ', 'é', '🎉'),
      {
        maxLength: 12,
      },
    )
    .map((parts) => parts.join('')),
  fc.string({ minLength: 290, maxLength: 310 }),
);

describe('tool names', () => {
  it('stay readable when they can', () => {
    expect(name('everything', 'echo')).toBe('everything__echo');
    expect(name('brave_search', 'web-search')).toBe('brave_search__web-search');
  });

  it.each([
    ['files', 'read.file', /^files__read_file_x[0-9a-v]{10}$/],
    ['my server', 'echo', /^my-server-x[0-9a-v]{6}__echo$/],
    ['a__b', 'c', /^a-b-x[0-9a-v]{6}__c$/],
    ['a_', 'c', /^a-x[0-9a-v]{6}__c$/],
    ['', '', /^u-x[0-9a-v]{6}___x[0-9a-v]{10}$/],
    ['日本', '道具', /^u-x[0-9a-v]{6}_____x[0-9a-v]{10}$/],
    ['n'.repeat(300), 't'.repeat(300), /^n{16}-x[0-9a-v]{6}__t{26}_x[0-9a-v]{10}$/],
  ])('K05 %j / %j is changed in a stable way', (upstream, tool, expected) => {
    expect(name(upstream, tool)).toMatch(expected);
    expect(name(upstream, tool)).toBe(name(upstream, tool));
  });

  it('K05 always suit the strictest clients', () => {
    fc.assert(
      fc.property(nasty, nasty, (upstream, tool) => {
        expect(name(upstream, tool)).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
        expect(name(upstream, tool).length).toBeLessThanOrEqual(MAX_NAME);
        expect(upstreamPrefix(upstream).length).toBeLessThanOrEqual(MAX_PREFIX);
      }),
      { numRuns: 1_000 },
    );
  });

  it('K05 two tools never share a name, whatever they are called', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(nasty, nasty), {
          selector: ([a, b]) => JSON.stringify([a, b]),
          maxLength: 40,
        }),
        (pairs) => {
          expect(new Set(pairs.map(([upstream, tool]) => name(upstream, tool))).size).toBe(pairs.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('K05 a name that imitates a prefix, a separator or a hash stays in its own space', () => {
    const victim = name('bank', 'transfer');
    const hashed = name('bank', 'read.file');
    const [, mark = ''] = /__(.*)$/.exec(hashed) ?? [];
    for (const [upstream, tool] of [
      ['evil', 'bank__transfer'],
      ['bank__transfer', ''],
      ['bank_', 'transfer'],
      ['bank_', '_transfer'],
      ['bank', '_transfer'],
      ['bank', '__transfer'],
      ['bank', mark],
    ] as const) {
      expect([victim, hashed]).not.toContain(name(upstream, tool));
    }
  });

  it('K05 100 upstreams with 1,000 equally named tools each: 100,000 names', () => {
    const names = new Set<string>();
    for (let upstream = 0; upstream < 100; upstream += 1) {
      for (let tool = 0; tool < 1_000; tool += 1) names.add(name(`server${upstream}`, `tool.${tool}`));
    }
    expect(names.size).toBe(100_000);
  });
});

describe('resource addresses', () => {
  const lists = (prefix: string, uris: string[], templates: string[] = []) => ({ prefix, uris, templates });
  const none = (): boolean => false;

  it('keep their URI; the first in the configuration wins', () => {
    const addresses = new ResourceAddresses();
    addresses.assign([lists('a', ['memo://1', 'memo://2']), lists('b', ['memo://2', 'memo://3'])], none);
    expect(addresses.toClient('a', 'memo://2')).toBe('memo://2');
    expect(addresses.toClient('b', 'memo://2')).toBe('ferromcp-b+memo://2');
    expect(addresses.toClient('b', 'memo://3')).toBe('memo://3');
    expect(addresses.resolve('memo://2')).toEqual({ prefix: 'a', uri: 'memo://2' });
    expect(addresses.resolve('ferromcp-b+memo://2')).toEqual({ prefix: 'b', uri: 'memo://2' });
    expect(addresses.resolve('FERROMCP-B+memo://2')).toEqual({ prefix: 'b', uri: 'memo://2' });
    expect(addresses.resolve('memo://9')).toBeUndefined();
  });

  it('respect what the application itself offers', () => {
    const addresses = new ResourceAddresses();
    addresses.assign([lists('a', ['memo://1'])], (uri) => uri === 'memo://1');
    expect(addresses.toClient('a', 'memo://1')).toBe('memo://1');
    addresses.assign([lists('a', ['memo://1']), lists('b', ['memo://1'])], none);
    expect(addresses.toClient('b', 'memo://1')).toBe('ferromcp-b+memo://1');
  });

  it('follow templates and URIs found in results', () => {
    const addresses = new ResourceAddresses();
    addresses.assign(
      [lists('a', [], ['t://x/{id}']), lists('b', [], ['t://x/{id}', 't://x/deep/{id}'])],
      none,
    );
    expect(addresses.toClient('b', 't://x/{id}')).toBe('ferromcp-b+t://x/{id}');
    expect(addresses.resolve('t://x/5')).toEqual({ prefix: 'a', uri: 't://x/5' });
    expect(addresses.resolve('t://x/deep/5')).toEqual({ prefix: 'b', uri: 't://x/deep/5' });
    expect(addresses.toUpstream('b', 'ferromcp-b+t://x/5')).toBe('t://x/5');
    expect(addresses.learn('b', 'made-up://7')).toBe('made-up://7');
    expect(addresses.resolve('made-up://7')).toEqual({ prefix: 'b', uri: 'made-up://7' });
  });

  it('K05 no upstream can pose as another', () => {
    const prefixes = ['a', 'b', 'A', 'a_b', 'a-b', 'my_server', upstreamPrefix('日本')];
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom(...prefixes),
            fc.oneof(
              fc.webUrl(),
              fc.constantFrom(
                'x://1',
                'ferromcp-a+x://1',
                'ferromcp-b+x://1',
                'FERROMCP-a+x://1',
                'ferromcp-a+ferromcp-b+x://1',
              ),
            ),
          ),
          { maxLength: 30 },
        ),
        (listed) => {
          const addresses = new ResourceAddresses();
          const uris = prefixes.map((prefix) =>
            lists(
              prefix,
              listed.filter(([own]) => own === prefix).map(([, uri]) => uri),
            ),
          );
          addresses.assign(uris, none);
          const seen = new Map<string, string>();
          for (const [prefix, uri] of listed) {
            const shown = addresses.toClient(prefix, uri);
            const owner = JSON.stringify([prefix, uri]);
            expect(seen.get(shown) ?? owner).toBe(owner);
            seen.set(shown, owner);
            expect(addresses.resolve(shown)).toEqual({ prefix, uri });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
