import { afterEach, describe, expect, it } from 'vitest';
import { LOCAL_USER, type Principal } from '../../../src/core/principal.ts';
import type { CacheAttempt, CachedRequest, CacheSubject } from '../../../src/core/result-cache.ts';
import { SonaResultCache } from '../../../src/intelligence/index.ts';
import { fallback } from '../../../src/native/fallback.ts';

const SHAPE = { serverInfo: { name: 's', version: '1' } };
const ALICE: Principal = { id: 'alice', kind: 'token', scopes: ['read'] };
const BOB: Principal = { id: 'bob', kind: 'token', scopes: ['read'] };

const open: SonaResultCache[] = [];
afterEach(() => {
  for (const cache of open.splice(0)) cache.close();
});

interface Clock {
  now: number;
}

function cacheOf(
  clock: Clock = { now: 1_000 },
  shape = () => SHAPE,
  cacheSize = 1024 * 1024,
): SonaResultCache {
  const cache = new SonaResultCache({
    options: { cacheSize },
    logger: { log: () => {} },
    now: () => clock.now,
    shape,
    port: fallback,
  });
  open.push(cache);
  return cache;
}

function subject(
  change: Partial<CacheSubject['policy']> = {},
  definition: object = { name: 't' },
): CacheSubject {
  return {
    method: 'tools/call',
    definition,
    answer: () => {},
    policy: { ttlMs: 100, scope: 'private', version: undefined, ...change },
  };
}

function request(of: CacheSubject, change: Partial<CachedRequest> = {}): CachedRequest {
  return {
    subject: of,
    name: 't',
    params: { name: 't', arguments: { a: 1 } },
    revision: '2026-07-28',
    principal: LOCAL_USER,
    form: 'wire',
    ...change,
  };
}

function lead(attempt: CacheAttempt | undefined): Extract<CacheAttempt, { kind: 'lead' }>['flight'] {
  if (attempt?.kind !== 'lead') throw new Error(`expected to lead, got ${attempt?.kind}`);
  return attempt.flight;
}

function landing(attempt: CacheAttempt | undefined): Extract<CacheAttempt, { kind: 'wait' }>['landing'] {
  if (attempt?.kind !== 'wait') throw new Error(`expected to wait, got ${attempt?.kind}`);
  return attempt.landing;
}

function keep(cache: SonaResultCache, of: CachedRequest, text: string, personal = false): void {
  lead(cache.begin(of)).keep(text, personal);
}

function textOf(attempt: CacheAttempt | undefined): string | undefined {
  if (attempt?.kind === 'lead') attempt.flight.drop();
  return attempt?.kind === 'hit' ? attempt.text : undefined;
}

describe('what is kept', () => {
  it('is given until it expires, counted from when it was made', () => {
    const clock = { now: 1_000 };
    const cache = cacheOf(clock);
    const tool = subject();
    const flight = lead(cache.begin(request(tool)));
    clock.now = 1_050;
    flight.keep('text', false);
    clock.now = 1_149;
    expect(textOf(cache.begin(request(tool)))).toBe('text');
    clock.now = 1_150;
    expect(textOf(cache.begin(request(tool)))).toBeUndefined();
  });

  it('comes from the store when it is no longer in front, whatever its length', () => {
    const cache = cacheOf();
    const tool = subject();
    const of = (index: number): CachedRequest => request(tool, { params: { index } });
    const text = (index: number): string => `${index} é`.repeat(index === 7 ? 9_000 : 100);
    for (let index = 0; index < 200; index += 1) keep(cache, of(index), text(index));
    const front = cache.sona.stats().hits;
    for (let index = 0; index < 200; index += 1) expect(textOf(cache.begin(of(index)))).toBe(text(index));
    expect(cache.sona.stats().hits).toBeGreaterThan(front);
  });

  it('is not what is larger than an entry may be', () => {
    const cache = cacheOf();
    const tool = subject();
    keep(cache, request(tool), 'x'.repeat(70_000));
    expect(textOf(cache.begin(request(tool)))).toBeUndefined();
    keep(cache, request(tool), 'x'.repeat(60_000));
    expect(textOf(cache.begin(request(tool)))).toHaveLength(60_000);
  });

  it('is apart by form, revision, name, params and method', () => {
    const cache = cacheOf();
    const tool = subject();
    keep(cache, request(tool), 'text');
    for (const change of [
      { form: 'plain' },
      { revision: '2025-11-25' },
      { name: 'u' },
      { params: { name: 't', arguments: { a: 2 } } },
      { subject: { ...tool, method: 'resources/read' } },
    ] as const) {
      // The same function under another method is not a thing that happens; its definition tells them apart.
      const other = 'subject' in change ? subject({}, { uri: 't' }) : tool;
      expect(textOf(cache.begin(request(other, { ...change, subject: other }))), JSON.stringify(change)).toBe(
        undefined,
      );
    }
    expect(
      textOf(cache.begin(request(tool, { params: { arguments: { a: 1 }, name: 't', _meta: {} } }))),
    ).toBe('text');
  });

  it.each([
    [{ inputResponses: {} }],
    [{ requestState: 'x' }],
    [{ task: {} }],
    [{ _meta: { progressToken: 1 } }],
    [{ _meta: { 'io.modelcontextprotocol/logLevel': 'info' } }],
  ])('J04 is nothing for %j', (params) => {
    expect(cacheOf().begin(request(subject(), { params }))).toBeUndefined();
  });
});

describe('scopes', () => {
  it('J01 J02 a private result is for its principal with the same scopes only', () => {
    const cache = cacheOf();
    const tool = subject();
    keep(cache, request(tool, { principal: ALICE }), 'for alice');
    expect(textOf(cache.begin(request(tool, { principal: ALICE })))).toBe('for alice');
    for (const principal of [
      BOB,
      LOCAL_USER,
      { ...ALICE, scopes: [] },
      { ...ALICE, kind: 'local' as const },
    ]) {
      expect(textOf(cache.begin(request(tool, { principal })))).toBeUndefined();
    }
  });

  it('a public result is for everyone', () => {
    const cache = cacheOf();
    const tool = subject({ scope: 'public' });
    keep(cache, request(tool, { principal: ALICE }), 'for all');
    expect(textOf(cache.begin(request(tool, { principal: BOB })))).toBe('for all');
    expect(cache.ruleOf(tool).public).toBe(true);
  });

  it('J03 a public result that depends on who asks makes the subject private, also for those who wait', async () => {
    const cache = cacheOf();
    const tool = subject({ scope: 'public' });
    keep(cache, request(tool, { principal: ALICE, params: { other: 1 } }), 'earlier');
    const before = cache.ruleOf(tool).epoch;
    let changes = 0;
    cache.onRulesChanged(() => {
      changes += 1;
    });
    const flight = lead(cache.begin(request(tool, { principal: ALICE })));
    const bob = landing(cache.begin(request(tool, { principal: BOB })));
    flight.keep('for alice', true);
    expect(await bob).toEqual({ kind: 'retry' });
    expect(changes).toBe(1);
    expect(cache.ruleOf(tool).public).toBe(false);
    expect(cache.ruleOf(tool).epoch).not.toEqual(before);
    expect(textOf(cache.begin(request(tool, { principal: BOB })))).toBeUndefined();
    expect(textOf(cache.begin(request(tool, { principal: ALICE })))).toBe('for alice');
    expect(textOf(cache.begin(request(tool, { principal: ALICE, params: { other: 1 } })))).toBeUndefined();
  });
});

describe('epochs', () => {
  it('J05 change with the function, the definition, the identity of the server, and when told to', () => {
    let shape = SHAPE;
    const cache = cacheOf({ now: 1 }, () => shape);
    const tool = subject();
    const seen = new Set<string>();
    const epoch = (of: CacheSubject): string => Buffer.from(cache.ruleOf(of).epoch).toString('hex');
    const fresh = (of: CacheSubject): void => {
      expect(epoch(of)).toBe(epoch(of));
      expect(seen.has(epoch(of))).toBe(false);
      seen.add(epoch(of));
    };
    fresh(tool);
    fresh({ ...tool, answer: () => {} });
    fresh({ ...tool, definition: { name: 't', description: 'new' } });
    shape = { serverInfo: { name: 's', version: '2' } };
    fresh(tool);
    cache.forget(tool);
    fresh(tool);
    keep(cache, request(tool), 'text');
    cache.forget(tool);
    expect(textOf(cache.begin(request(tool)))).toBeUndefined();
  });

  it('J05 a result that was under way when it was made unreachable is not found', () => {
    const cache = cacheOf();
    const tool = subject();
    const flight = lead(cache.begin(request(tool)));
    cache.forget(tool);
    flight.keep('old', false);
    expect(textOf(cache.begin(request(tool)))).toBeUndefined();
  });

  it('are those of other processes only with a version, and for the first function of it only', () => {
    const epoch = (cache: SonaResultCache, of: CacheSubject): string =>
      Buffer.from(cache.ruleOf(of).epoch).toString('hex');
    const [one, other] = [cacheOf(), cacheOf()];
    expect(epoch(one, subject())).not.toBe(epoch(other, subject()));
    const versioned = (version = '1'): CacheSubject => subject({ version });
    const shared = epoch(one, versioned());
    expect(epoch(other, versioned())).toBe(shared);
    expect(epoch(one, versioned())).not.toBe(shared);
    expect(epoch(other, versioned('2'))).not.toBe(shared);
    expect(epoch(other, subject({ version: '1' }, { name: 'u' }))).not.toBe(shared);
  });
});

describe('one flight', () => {
  it('serves everyone who asks the same meanwhile', async () => {
    const cache = cacheOf();
    const tool = subject();
    const flight = lead(cache.begin(request(tool)));
    const waits = Array.from({ length: 50 }, () => landing(cache.begin(request(tool))));
    const apart = cache.begin(request(tool, { principal: BOB }));
    expect(apart?.kind).toBe('lead');
    flight.keep('text', false);
    for (const landed of await Promise.all(waits)) expect(landed).toEqual({ kind: 'hit', text: 'text' });
  });

  it('lets the next one run when its caller goes', async () => {
    const cache = cacheOf();
    const tool = subject();
    const first = lead(cache.begin(request(tool)));
    const waits = [landing(cache.begin(request(tool))), landing(cache.begin(request(tool)))];
    first.abandon();
    expect(await Promise.all(waits)).toEqual([{ kind: 'retry' }, { kind: 'retry' }]);
    const second = lead(cache.begin(request(tool)));
    first.keep('too late', false);
    first.drop();
    const third = landing(cache.begin(request(tool)));
    second.keep('text', false);
    expect(await third).toEqual({ kind: 'hit', text: 'text' });
  });

  it('lets everyone run when it brings nothing to keep', async () => {
    const cache = cacheOf();
    const tool = subject();
    const flight = lead(cache.begin(request(tool)));
    const wait = landing(cache.begin(request(tool)));
    flight.drop();
    expect(await wait).toEqual({ kind: 'alone' });
    expect(cache.begin(request(tool))?.kind).toBe('lead');
  });
});
