/** Routes and cached results: one suite for the addon and for TypeScript, and both against each other. */
import { describe, expect, test } from 'vitest';
import type { NativePort } from '../../src/native/port.ts';
import { MAX_KEY_BYTES, SONA, SONA_STATE } from '../../src/native/sona-port.ts';
import { randomNumbers } from './json-text.ts';
import { ADDON, PORTS } from './ports.ts';

const MIB = 1024 * 1024;
const OPTIONS = { cacheSize: MIB, maxEntry: 64 * 1024, timeoutMs: 1_000 };
const room = Buffer.alloc(128 * 1024);

interface Sona {
  get(key: string, now?: number): string | number;
  put(key: string, value: string, expires?: number): number;
  remove(key: string): number;
  route(name: string): readonly number[] | number;
  readonly handle: number;
}

function sonaOf(port: NativePort, options = OPTIONS): Sona {
  const { handle } = port.sonaOpen(options);
  const words = new Uint32Array(4);
  return {
    handle,
    get(key, now = 1) {
      const bytes = Buffer.from(key);
      const length = port.sonaGet(handle, bytes, bytes.length, now, room);
      return length < 0 ? length : room.toString('utf8', 0, length);
    },
    put(key, value, expires = Number.POSITIVE_INFINITY) {
      const [k, v] = [Buffer.from(key), Buffer.from(value)];
      return port.sonaPut(handle, k, k.length, v, v.length, expires);
    },
    remove(key) {
      const bytes = Buffer.from(key);
      return port.sonaRemove(handle, bytes, bytes.length);
    },
    route(name) {
      const bytes = Buffer.from(name);
      const how = port.sonaRoute(handle, bytes, bytes.length, words);
      if (how < 0) return how;
      return how === 0 ? [0, ...words.subarray(1, 1 + (words[0] ?? 0))] : [how, words[0] ?? -1];
    },
  };
}

describe.each(PORTS)('sona of %s', (_name, port) => {
  test('gives back what was put until it expires', () => {
    const sona = sonaOf(port);
    expect(sona.get('k')).toBe(SONA.none);
    expect(sona.put('k', 'välue', 100)).toBe(1);
    expect(sona.get('k', 99.9)).toBe('välue');
    expect(sona.get('k', 100)).toBe(SONA.none);
    expect(sona.put('k', '')).toBe(1);
    expect(sona.get('k', Number.MAX_SAFE_INTEGER)).toBe('');
    expect(sona.put('k', 'newer')).toBe(1);
    expect(sona.get('k')).toBe('newer');
    expect(sona.remove('k')).toBe(1);
    expect(sona.remove('k')).toBe(0);
    sona.put('k', 'x');
    expect(port.sonaClear(sona.handle)).toBe(true);
    expect(sona.get('k')).toBe(SONA.none);
  });

  test('refuses what is too large, and forgets what was there before', () => {
    const sona = sonaOf(port);
    sona.put('k', 'old');
    expect(sona.put('k', 'x'.repeat(OPTIONS.maxEntry))).toBe(0);
    expect(sona.get('k')).toBe(SONA.none);
    expect(sona.put('', 'x')).toBe(0);
    expect(sona.put('x'.repeat(MAX_KEY_BYTES + 1), 'x')).toBe(0);
    expect(sona.put('k', 'x'.repeat(OPTIONS.maxEntry / 2))).toBe(1);
  });

  test('stays within its size', () => {
    const sona = sonaOf(port);
    for (let index = 0; index < 500; index += 1) sona.put(`key ${index}`, 'x'.repeat(10_000));
    const stats = port.sonaStats(sona.handle);
    expect(stats?.bytes).toBeLessThanOrEqual(MIB);
    expect(stats?.evictions).toBeGreaterThan(300);
    expect(stats?.entries).toBeGreaterThan(20);
    expect(sona.get('key 499')).toBe('x'.repeat(10_000));
  });

  test('tells the length of a value that does not fit, and writes nothing', () => {
    const sona = sonaOf(port);
    sona.put('k', 'value');
    const memory = Buffer.alloc(8, 0xaa);
    const key = Buffer.from('k');
    expect(port.sonaGet(sona.handle, key, 1, 1, memory.subarray(0, 4))).toBe(5);
    expect(memory.every((byte) => byte === 0xaa)).toBe(true);
    expect(port.sonaGet(sona.handle, key, 1, 1, memory.subarray(0, 5))).toBe(5);
    expect(memory.toString('latin1')).toBe('value\xaa\xaa\xaa');
  });

  test('keeps a value that its giver changes afterwards', () => {
    const sona = sonaOf(port);
    const [key, value] = [Buffer.from('k'), Buffer.from('value')];
    port.sonaPut(sona.handle, key, 1, value, 5, 100);
    value.fill(0);
    expect(sona.get('k')).toBe('value');
    room.fill(0);
    expect(sona.get('k')).toBe('value');
  });

  test('counts', () => {
    const sona = sonaOf(port);
    sona.put('a', '1');
    sona.get('a');
    sona.get('b');
    sona.put('c', 'x'.repeat(70_000));
    expect(port.sonaStats(sona.handle)).toMatchObject({
      hits: 1,
      misses: 1,
      puts: 1,
      evictions: 0,
      corrupt: 0,
      entries: 1,
      state: SONA_STATE.up,
    });
  });

  test('keeps handles apart and knows none that is closed', () => {
    const [one, other] = [sonaOf(port), sonaOf(port)];
    one.put('k', 'one');
    port.sonaSetRoutes(one.handle, [['tool']]);
    expect(other.get('k')).toBe(SONA.none);
    expect(other.route('tool')).toEqual([0]);
    expect(port.sonaClose(one.handle)).toBe(true);
    expect(port.sonaClose(one.handle)).toBe(false);
    expect(one.get('k')).toBe(SONA.argument);
    expect(one.put('k', 'v')).toBe(SONA.argument);
    expect(one.remove('k')).toBe(SONA.argument);
    expect(one.route('tool')).toBe(SONA.argument);
    expect(port.sonaStats(one.handle)).toBeNull();
    expect(port.sonaClear(one.handle)).toBe(false);
    expect(port.sonaSetRoutes(one.handle, [])).toBe(false);
  });

  test.each([
    ['a size that is too small', { cacheSize: 1_000 }],
    ['an entry that is too large', { maxEntry: MIB }],
    ['an entry of nothing', { maxEntry: 0 }],
  ])('L02 refuses to open with %s', (_title, change) => {
    expect(() => port.sonaOpen({ ...OPTIONS, ...change })).toThrow(/^CACHE_OPTION: /);
  });

  test('routes names, aliases and namespaces, and proposes but never guesses', () => {
    const sona = sonaOf(port);
    port.sonaSetRoutes(sona.handle, [
      ['files__read', 'cat', 'öffnen'],
      ['files__write'],
      ['web__read'],
      ['echo'],
      ['db/query'],
      ['a__b__c'],
      ['get_user'],
      ['get_users'],
    ]);
    for (const [name, found] of [
      ['files__read', [1, 0]],
      ['cat', [2, 0]],
      ['öffnen', [2, 0]],
      ['files/read', [3, 0]],
      ['write', [3, 1]],
      ['read', [0, 0, 2]],
      ['db__query', [3, 4]],
      ['b__c', [3, 5]],
      ['Get-User', [0, 6, 7]],
      ['get_usre', [0, 6, 7]],
      ['ehco', [0, 3]],
      ['ECHO', [0, 3]],
      ['something_else_entirely', [0]],
      ['', [0]],
      ['x'.repeat(257), [0]],
    ] as const) {
      expect(sona.route(name), name).toEqual(found);
    }
  });
});

describe('misuse', () => {
  const wrong: readonly unknown[] = [
    undefined,
    null,
    Number.NaN,
    -1,
    1.5,
    2 ** 32,
    1n,
    '1',
    Symbol('x'),
    {},
    [],
    new ArrayBuffer(8),
    new DataView(new ArrayBuffer(8)),
    new Int8Array(8),
    new Uint8ClampedArray(8),
    new Uint8Array(new SharedArrayBuffer(8)),
    new Proxy(new Uint8Array(8), {}),
  ];
  const functions = ['canonicalParams', 'sonaRoute', 'sonaGet', 'sonaPut', 'sonaRemove'] as const;

  describe.each(PORTS)('of %s', (_name, port) => {
    const sound = (name: (typeof functions)[number]): unknown[] => {
      const { handle } = sonaOf(port);
      const bytes = (): Uint8Array => Buffer.from('{} ');
      switch (name) {
        case 'canonicalParams':
          return [bytes(), 0, 2, Buffer.alloc(8)];
        case 'sonaRoute':
          return [handle, bytes(), 2, new Uint32Array(4)];
        case 'sonaGet':
          return [handle, bytes(), 2, 1, Buffer.alloc(8)];
        case 'sonaPut':
          return [handle, bytes(), 2, bytes(), 2, 1];
        case 'sonaRemove':
          return [handle, bytes(), 2];
      }
    };
    const call = (name: (typeof functions)[number], args: readonly unknown[]): unknown =>
      Reflect.apply(port[name], port, args);

    test.each(functions)('L02 %s answers every wrong argument with a status', (name) => {
      expect(call(name, sound(name))).toBeGreaterThanOrEqual(SONA.none);
      const arity = sound(name).length;
      for (let index = 0; index < arity; index += 1) {
        expect(call(name, sound(name).slice(0, index)), `${index} arguments`).toBe(SONA.argument);
        for (const [which, value] of wrong.entries()) {
          const args = sound(name);
          // Times may be any number that is not negative, words may be bytes of any kind but these.
          const isTime = (name === 'sonaGet' && index === 3) || (name === 'sonaPut' && index === 5);
          if (isTime && typeof value === 'number' && value >= 0) continue;
          args[index] = value;
          expect(call(name, args), `argument ${index}, wrong value ${which}`).toBe(SONA.argument);
        }
      }
    });

    test('L02 lengths beyond the memory, detached memory, overlapping memory', () => {
      const { handle } = sonaOf(port);
      const memory = Buffer.alloc(16);
      expect(port.canonicalParams(memory, 0, 17, Buffer.alloc(4))).toBe(SONA.argument);
      expect(port.canonicalParams(memory, 3, 2, Buffer.alloc(4))).toBe(SONA.argument);
      expect(port.canonicalParams(memory, 0, 2, memory)).toBe(SONA.argument);
      expect(port.sonaGet(handle, memory, 17, 1, Buffer.alloc(4))).toBe(SONA.argument);
      expect(port.sonaGet(handle, memory.subarray(0, 9), 1, 1, memory.subarray(8))).toBe(SONA.argument);
      expect(port.sonaPut(handle, memory, 17, memory, 1, 1)).toBe(SONA.argument);
      expect(port.sonaPut(handle, memory, 1, memory, 17, 1)).toBe(SONA.argument);
      expect(port.sonaRoute(handle, memory, 1, new Uint32Array(3))).toBe(SONA.argument);
      expect(port.sonaRoute(handle, Buffer.from([0xff]), 1, new Uint32Array(4))).toBe(SONA.argument);
      const detached = new Uint8Array(8);
      structuredClone(detached.buffer, { transfer: [detached.buffer] });
      expect(port.sonaRemove(handle, detached, 1)).toBe(SONA.argument);
    });
  });
});

test.runIf(ADDON !== undefined)('L09 Rust and TypeScript agree over random operations', () => {
  if (ADDON === undefined) return;
  const [js] = PORTS;
  const ports = [js?.[1] ?? ADDON, ADDON];
  const both = ports.map((port) => sonaOf(port, { ...OPTIONS, cacheSize: 64 * MIB }));
  const random = randomNumbers(7);
  const below = (count: number): number => Math.floor(random() * count);
  const part = (): string => ['a', 'b', 'read', 'réad', 'get', 'user', 'A'][below(7)] ?? '';
  const name = (): string =>
    Array.from({ length: 1 + below(3) }, part).join(['__', '/', '_', '-', ''][below(5)]);
  const every = (ask: (sona: Sona) => unknown): void => {
    const [one, other] = both.map(ask);
    expect(other).toEqual(one);
  };
  let routed = 0;
  for (let step = 0; step < 60_000; step += 1) {
    const key = `key ${below(300)}`;
    const choice = below(10);
    if (choice < 3) {
      const value = 'v'.repeat(below(200)) + below(10);
      const expires = 1 + below(100);
      every((sona) => sona.put(key, value, expires));
    } else if (choice < 6) {
      const now = below(100);
      every((sona) => sona.get(key, now));
    } else if (choice === 6) {
      every((sona) => sona.remove(key));
    } else if (step % 500 === 7) {
      const routes = Array.from({ length: below(20) }, () => Array.from({ length: 1 + below(3) }, name));
      ports.forEach((port, index) => {
        port.sonaSetRoutes(both[index]?.handle ?? 0, routes);
      });
    } else {
      const asked = name();
      every((sona) => sona.route(asked));
      const found = both[0]?.route(asked);
      if (Array.isArray(found) && found[0] > 0) routed += 1;
    }
  }
  expect(routed).toBeGreaterThan(500);
  every((sona) => sona.get('key 1', 0));
});
