import { describe, expect, it } from 'vitest';
import { createSona, type SonaOptions } from '../../../src/index.ts';
import { fallback } from '../../../src/native/fallback.ts';
import { native } from '../../../src/native/loader.ts';
import type { NativeSonaPort } from '../../../src/native/sona-port.ts';
import { SONA, SONA_STATE } from '../../../src/native/sona-port.ts';

const KEY = Buffer.from('key');
const query = {
  epoch: Uint8Array.of(1),
  revision: '2026-07-28',
  method: 'tools/call',
  name: 't',
  principal: undefined,
  params: { arguments: { a: 1 } },
};

describe.each([
  ['js', fallback],
  ['as loaded', native().port],
])('sona (%s)', (_name, port) => {
  it('keeps results under keys of requests', () => {
    let now = 1_000;
    const sona = createSona({ cacheSize: 1024 * 1024 }, { port, now: () => now });
    const out = Buffer.alloc(16);
    const key = sona.cacheKey(query);
    const same = sona.cacheKey({ ...query, params: { _meta: {}, arguments: { a: 1 } } });
    if (key === undefined || same === undefined) throw new Error('no key');
    expect(sona.cacheLookup(key, out)).toBe(-1);
    expect(sona.cacheWrite(key, Buffer.from('result'), 50)).toBe(true);
    expect(sona.cacheLookup(same, out)).toBe(6);
    expect(out.toString('utf8', 0, 6)).toBe('result');
    expect(sona.cacheLookup(key, out.subarray(0, 5))).toBe(6);
    now += 50;
    expect(sona.cacheLookup(key, out)).toBe(-1);
    sona.cacheWrite(key, Buffer.from('result'), 50);
    expect(sona.cacheRemove(key)).toBe(true);
    expect(sona.cacheLookup(key, out)).toBe(-1);
    expect(sona.stats()).toMatchObject({ state: 'up', shared: false, puts: 2, hits: 2 });
    expect(sona.cacheKey({ ...query, params: { requestState: 'x' } })).toBeUndefined();
    sona.close();
  });

  it('routes what it knows and proposes for the rest', () => {
    const sona = createSona({}, { port });
    sona.setRoutes([{ name: 'files__read', aliases: ['cat'] }, { name: 'web__read' }, { name: 'get_user' }]);
    expect(sona.routeRequest('cat')).toEqual({ kind: 'routed', name: 'files__read', by: 'alias' });
    expect(sona.routeRequest('web/read')).toEqual({ kind: 'routed', name: 'web__read', by: 'namespace' });
    expect(sona.routeRequest('read')).toEqual({ kind: 'unknown', didYouMean: ['files__read', 'web__read'] });
    expect(sona.routeRequest('getUser')).toEqual({ kind: 'unknown', didYouMean: ['get_user'] });
    for (const name of ['', 'x'.repeat(257), '\ud800']) {
      expect(sona.routeRequest(name)).toEqual({ kind: 'unknown', didYouMean: [] });
    }
    sona.close();
  });

  it('is quiet after it is closed, except for writing', () => {
    const sona = createSona({}, { port });
    sona.setRoutes([{ name: 'a' }]);
    sona.close();
    sona.close();
    expect(sona.cacheLookup(KEY, Buffer.alloc(1))).toBe(-1);
    expect(sona.routeRequest('a')).toEqual({ kind: 'unknown', didYouMean: [] });
    expect(sona.cacheRemove(KEY)).toBe(false);
    expect(() => sona.cacheWrite(KEY, KEY, 1)).toThrow(expect.objectContaining({ code: 'SONA_CLOSED' }));
    expect(() => sona.setRoutes([])).toThrow(expect.objectContaining({ code: 'SONA_CLOSED' }));
    expect(() => sona.stats()).toThrow(expect.objectContaining({ code: 'SONA_CLOSED' }));
  });

  it('stores nothing when it is not enabled', () => {
    const sona = createSona({ enabled: false }, { port });
    expect(sona.cacheWrite(KEY, KEY, 1_000)).toBe(false);
    expect(sona.cacheLookup(KEY, Buffer.alloc(8))).toBe(-1);
    sona.close();
  });
});

describe('limits', () => {
  const bad: readonly (readonly [string, unknown, string])[] = [
    ['an unknown key', { size: 1 }, 'CONFIG_UNKNOWN_KEY'],
    ['too small a size', { cacheSize: 1024 * 1024 - 1 }, 'CONFIG_INVALID'],
    ['a size that is no number', { cacheSize: '1' }, 'CONFIG_INVALID'],
    ['NaN', { cacheSize: Number.NaN }, 'CONFIG_INVALID'],
    ['a timeout of 0', { timeoutMs: 0 }, 'CONFIG_INVALID'],
    ['a name with a path', { shared: '../x' }, 'CONFIG_INVALID'],
    ['an empty name', { shared: '' }, 'CONFIG_INVALID'],
    ['enabled that is a text', { enabled: 'yes' }, 'CONFIG_INVALID'],
  ];
  it.each(bad)('refuses %s', (_title, options, code) => {
    expect(() => createSona(options as SonaOptions)).toThrow(expect.objectContaining({ code }));
  });

  it('refuses arguments out of range', () => {
    const sona = createSona({}, { port: fallback });
    const refused = (call: () => unknown, code: string): void =>
      expect(call).toThrow(expect.objectContaining({ code }));
    refused(() => sona.cacheWrite(KEY, KEY, 0), 'SONA_ARGUMENT');
    refused(() => sona.cacheWrite(KEY, KEY, Number.NaN), 'SONA_ARGUMENT');
    refused(() => sona.cacheWrite(Buffer.alloc(0), KEY, 1), 'SONA_ARGUMENT');
    refused(() => sona.cacheWrite(Buffer.alloc(65_537), KEY, 1), 'SONA_ARGUMENT');
    refused(() => sona.setRoutes([{ name: '' }]), 'NAME_INVALID');
    refused(() => sona.setRoutes([{ name: '\udc00' }]), 'NAME_INVALID');
    refused(() => sona.setRoutes([{ name: 'a' }, { name: 'b', aliases: ['a'] }]), 'NAME_TAKEN');
    refused(
      () => sona.setRoutes([{ name: 'a', aliases: Array.from({ length: 33 }, (_, i) => `${i}`) }]),
      'SONA_ARGUMENT',
    );
    sona.close();
  });

  it('J01 a store that fails is off, with one warning, and everything is a miss', () => {
    const off: NativeSonaPort = {
      ...fallback,
      sonaGet: () => SONA.panic,
      sonaPut: () => SONA.off,
      sonaStats: (handle) => {
        const stats = fallback.sonaStats(handle);
        return stats === null ? null : { ...stats, state: SONA_STATE.slow };
      },
    };
    const lines: unknown[] = [];
    const sona = createSona(
      {},
      { port: off, logger: { log: (level, message, fields) => lines.push([level, message, fields]) } },
    );
    for (let round = 0; round < 3; round += 1) {
      expect(sona.cacheLookup(KEY, Buffer.alloc(8))).toBe(-1);
      expect(sona.cacheWrite(KEY, KEY, 1_000)).toBe(false);
    }
    expect(lines).toEqual([['warn', expect.stringContaining('took too long'), { code: 'SONA_OFF' }]]);
    sona.close();
  });

  it('warns when sharing was asked for and cannot be had', () => {
    const lines: unknown[] = [];
    const logger = { log: (...line: readonly unknown[]) => lines.push(line) };
    const sona = createSona({ shared: 'test-name' }, { port: fallback, logger });
    expect(lines).toEqual([['warn', expect.any(String), { code: 'SONA_NOT_SHARED' }]]);
    expect(sona.stats().shared).toBe(false);
    sona.close();
  });
});
