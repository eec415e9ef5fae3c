/** Cached results: nobody gets what is not theirs, and nothing that must not be stored is. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Principal } from '../../src/core/principal.ts';
import { ANONYMOUS, LOCAL_USER } from '../../src/core/principal.ts';
import { LATEST_MODERN, type Revision } from '../../src/core/revisions.ts';
import { inputRequired } from '../../src/protocol/input-required.ts';
import { randomNumbers } from '../contract/json-text.ts';
import { answerIn, Bench, type Peer } from './cached-peers.ts';

const HOUR = 3_600_000;
const CACHE = { ttlMs: HOUR };
const PUBLIC = { ttlMs: HOUR, scope: 'public' } as const;
const REVISIONS: readonly Revision[] = ['2025-06-18', '2025-11-25', LATEST_MODERN];
const token = (id: string, scopes: readonly string[] = ['read']): Principal => ({
  id,
  kind: 'token',
  scopes,
});
const ALICE = token('https://issuer#alice');
const BOB = token('https://issuer#bob');

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.close();
});
function benchOf(options?: ConstructorParameters<typeof Bench>[0]): Bench {
  const bench = new Bench(options);
  benches.push(bench);
  return bench;
}

describe.each(REVISIONS)('%s', (revision) => {
  test('J01 a private result is a miss for another principal, byte for byte the same request', async () => {
    const bench = benchOf();
    let runs = 0;
    bench.tool('mine', { cache: CACHE }, () => {
      runs += 1;
      return `secret ${runs}`;
    });
    const asked = { name: 'mine', arguments: {} };
    const alice = bench.peer(ALICE, revision);
    expect(answerIn(await alice.ask('tools/call', asked, '5'))).toBe('secret 1');
    expect(answerIn(await bench.peer(ALICE, revision).ask('tools/call', asked, '5'))).toBe('secret 1');
    expect(answerIn(await bench.peer(BOB, revision).ask('tools/call', asked, '5'))).toBe('secret 2');
    expect(answerIn(await bench.peer(ANONYMOUS, revision).ask('tools/call', asked, '5'))).toBe('secret 3');
    expect(answerIn(await bench.peer(LOCAL_USER, revision).ask('tools/call', asked, '5'))).toBe('secret 4');
    expect(answerIn(await alice.ask('tools/call', asked, '5'))).toBe('secret 1');
  });

  test('J02 a private result is a miss for a narrower or wider token of the same user', async () => {
    const bench = benchOf();
    let runs = 0;
    bench.tool('mine', { cache: CACHE }, () => {
      runs += 1;
      return `${runs}`;
    });
    const call = async (scopes: readonly string[]): Promise<string | undefined> =>
      answerIn(await bench.peer(token(ALICE.id, scopes), revision).call('mine'));
    expect(await call(['read', 'write'])).toBe('1');
    expect(await call(['read'])).toBe('2');
    expect(await call([])).toBe('3');
    expect(await call(['read', 'write', 'admin'])).toBe('4');
    expect(await call(['readwrite'])).toBe('5');
    expect(await call(['write', 'read', 'read'])).toBe('1');
  });

  test.each([
    ['absent', undefined],
    ['unknown', 'everyone'],
    ['null', null],
  ])('J03 a scope that is %s means private', async (_title, scope) => {
    const bench = benchOf();
    bench.tool('who', { cache: { ttlMs: HOUR, scope: scope as 'public' } }, (_args, ctx) => ctx.principal.id);
    expect(answerIn(await bench.peer(ALICE, revision).call('who'))).toBe(ALICE.id);
    expect(answerIn(await bench.peer(BOB, revision).call('who'))).toBe(BOB.id);
  });

  test('J03 a public tool that looks at the principal gives nobody the result of another', async () => {
    const bench = benchOf();
    let runs = 0;
    bench.tool('who', { cache: PUBLIC }, async (args, ctx) => {
      runs += 1;
      await delay(5);
      return (args as { quiet?: boolean }).quiet === true ? 'same' : ctx.principal.id;
    });
    const [alice, bob] = [bench.peer(ALICE, revision), bench.peer(BOB, revision)];
    expect(answerIn(await alice.call('who', { quiet: true }))).toBe('same');
    expect(answerIn(await bob.call('who', { quiet: true }))).toBe('same');
    expect(runs).toBe(1);
    // At the same time: who waits for the other's run must not be given its result.
    const answers = await Promise.all([alice, bob, alice, bob].map((peer) => peer.call('who')));
    expect(answers.map(answerIn)).toEqual([ALICE.id, BOB.id, ALICE.id, BOB.id]);
    expect(runs).toBe(3);
    expect(answerIn(await bob.call('who'))).toBe(BOB.id);
    expect(runs).toBe(3);
  });

  test('J03 a result for which the handler looked at the client, the session or the metadata is not kept', async () => {
    const bench = benchOf();
    let runs = 0;
    const looks = {
      session: (ctx) => ctx.peerKey,
      client: (ctx) => ctx.clientInfo?.name,
      capabilities: (ctx) => Object.keys(ctx.clientCapabilities).join(),
      metadata: (ctx) => Object.keys(ctx.meta).join(),
      later: async (ctx) => {
        await delay(1);
        return ctx.peerKey;
      },
    } satisfies Record<string, (ctx: Parameters<Parameters<Bench['tool']>[2]>[1]) => unknown>;
    for (const [name, look] of Object.entries(looks)) {
      bench.tool(name, { cache: PUBLIC }, async (_args, ctx) => {
        runs += 1;
        await look(ctx);
        return `${runs}`;
      });
      runs = 0;
      const peer = bench.peer(ALICE, revision);
      expect(answerIn(await peer.call(name)), name).toBe('1');
      expect(answerIn(await peer.call(name)), name).toBe('2');
    }
  });

  test('J04 failures are not stored: isError, thrown errors, refused arguments, results that do not fit', async () => {
    const bench = benchOf({ limits: { resultBytes: 2_000 } });
    let runs = 0;
    const failing: Readonly<Record<string, () => unknown>> = {
      result: () => ({ content: [{ type: 'text', text: 'bad' }], isError: true }),
      thrown: () => {
        throw new Error('bad');
      },
      rejected: () => Promise.reject(new Error('bad')),
      cyclic: () => {
        const cycle: Record<string, unknown> = {};
        cycle['self'] = cycle;
        return { content: [], structuredContent: cycle };
      },
      large: () => 'x'.repeat(3_000),
      task: () => ({ content: [], task: { taskId: 't' } }),
      other: () => ({ content: [], resultType: 'something' }),
    };
    for (const [name, fail] of Object.entries(failing)) {
      bench.tool(name, { cache: PUBLIC }, () => {
        runs += 1;
        return fail();
      });
      runs = 0;
      const peer = bench.peer(ALICE, revision);
      for (let round = 1; round <= 3; round += 1) {
        await peer.call(name);
        expect(runs, name).toBe(round);
      }
      // Those who came meanwhile must not be left without an answer.
      expect(await Promise.all([1, 2, 3].map(() => peer.call(name)))).toHaveLength(3);
      expect(runs, name).toBe(6);
    }
    bench.resource('test://gone', { cache: PUBLIC }, () => {
      runs += 1;
      return undefined;
    });
    runs = 0;
    const peer = bench.peer(ALICE, revision);
    for (let round = 1; round <= 2; round += 1) {
      expect(await peer.ask('resources/read', { uri: 'test://gone' })).toContain('"error"');
      expect(runs).toBe(round);
    }
  });

  test('J05 a result of a former definition, handler or identity is out of reach', async () => {
    const bench = benchOf();
    let runs = 0;
    const register = (description: string): void =>
      bench.tool('t', { description, cache: { ...PUBLIC, version: '1' } }, () => {
        runs += 1;
        return description;
      });
    const peer = bench.peer(ALICE, revision);
    const twice = async (): Promise<readonly (string | undefined)[]> => [
      answerIn(await peer.call('t')),
      answerIn(await peer.call('t')),
    ];
    register('one');
    expect(await twice()).toEqual(['one', 'one']);
    register('two');
    expect(await twice()).toEqual(['two', 'two']);
    register('one');
    expect(await twice()).toEqual(['one', 'one']);
    expect(runs).toBe(3);
    // The identity is part of results in the modern era; in the other it merely makes a miss.
    bench.serverInfo = { name: 'bench', version: '2.0.0' };
    const reply = await peer.call('t');
    expect(runs).toBe(4);
    if (revision === LATEST_MODERN) expect(reply).toContain('"version":"2.0.0"');
  });

  test('J11 replies from the cache carry the id exactly as it came', async () => {
    const bench = benchOf();
    bench.tool('t', { cache: PUBLIC }, () => 'é "x" \\ \u2028');
    const asked = { name: 't', arguments: {} };
    const peer = bench.peer(ALICE, revision);
    const body = (await peer.ask('tools/call', asked, '0')).replace('"id":0', '"id":ID');
    for (const id of [
      '9007199254740993',
      '-9007199254740993',
      '"\\u0061\\"\\\\☃"',
      '""',
      `"${'x'.repeat(200)}"`,
    ]) {
      expect(await peer.ask('tools/call', asked, id)).toBe(body.replace('"id":ID', `"id":${id}`));
    }
  });

  test('D16 a caller that goes takes nobody with it, and one that waits can go by itself', async () => {
    const bench = benchOf();
    let runs = 0;
    bench.tool('slow', { cache: PUBLIC }, async (_args, ctx) => {
      runs += 1;
      await delay(30, undefined, { signal: ctx.signal });
      return 'done';
    });
    const [alice, bob] = [bench.peer(ALICE, revision), bench.peer(BOB, revision)];
    alice.cancelled('tools/call', { name: 'slow', arguments: {} });
    const waiting = bob.call('slow');
    const others = [alice.call('slow'), bob.call('slow')];
    bob.cancelled('tools/call', { name: 'slow', arguments: {} });
    expect((await Promise.all([waiting, ...others])).map(answerIn)).toEqual(['done', 'done', 'done']);
    // The cancelled run, and one for all the others.
    expect(runs).toBe(2);
    expect([...alice.others, ...bob.others].filter((text) => text.includes('"error"'))).toEqual([]);
  });
});

test('J04 answers that took input are not stored, nor given to requests that bring input', async () => {
  const bench = benchOf();
  let runs = 0;
  bench.tool('ask', { cache: PUBLIC }, async (_args, ctx) => {
    runs += 1;
    const answer = await ctx.elicit({ message: 'Who?', requestedSchema: { type: 'object', properties: {} } });
    return `${answer.action} ${runs}`;
  });
  bench.tool('plain', { cache: PUBLIC }, () => {
    runs += 1;
    return `plain ${runs}`;
  });
  const peer = bench.peer(ALICE);
  const first = JSON.parse(await peer.call('ask')) as {
    result: { resultType: string; requestState: string };
  };
  expect(first.result.resultType).toBe('input_required');
  const answered = {
    inputResponses: { 'elicit-1': { action: 'decline' } },
    requestState: first.result.requestState,
  };
  expect(answerIn(await peer.call('ask', {}, answered))).toBe('decline 2');
  const again = JSON.parse(await peer.call('ask')) as typeof first;
  expect(again.result.resultType).toBe('input_required');
  runs = 0;
  expect(answerIn(await peer.call('plain'))).toBe('plain 1');
  expect(answerIn(await peer.call('plain', {}, { inputResponses: {} }))).toBe('plain 2');
  expect(answerIn(await peer.call('plain'))).toBe('plain 1');
});

test.each(REVISIONS)(
  'J04 the answers to questions that a handler returned are not stored (%s)',
  async (revision) => {
    const bench = benchOf();
    let runs = 0;
    bench.tool('ask', { cache: PUBLIC }, (_args, ctx) => {
      runs += 1;
      if (ctx.inputResponses !== undefined) return JSON.stringify(ctx.inputResponses['q']?.['action']);
      const params = { message: 'Who?', requestedSchema: { type: 'object', properties: {} } };
      return inputRequired({ inputRequests: { q: { method: 'elicitation/create', params } } });
    });
    const peer = bench.peer(ALICE, revision);
    for (const [round, action] of ['decline', 'cancel'].entries()) {
      if (revision === LATEST_MODERN) {
        const { result } = JSON.parse(await peer.call('ask')) as { result: { requestState: string } };
        const answered = { inputResponses: { q: { action } }, requestState: result.requestState };
        expect(answerIn(await peer.call('ask', {}, answered))).toBe(JSON.stringify(action));
      } else {
        const reply = peer.call('ask');
        peer.send({ jsonrpc: '2.0', id: await questionTo(peer), result: { action } });
        expect(answerIn(await reply)).toBe(JSON.stringify(action));
      }
      expect(runs).toBe(2 * (round + 1));
    }
  },
);

async function questionTo(peer: Peer): Promise<unknown> {
  let question: string | undefined;
  while (question === undefined) {
    await delay(1);
    question = peer.others.find((text) => text.includes('elicitation/create'));
  }
  peer.others.length = 0;
  return (JSON.parse(question) as { id: unknown }).id;
}

test('J04 the answer of a user in a legacy session is not stored', async () => {
  const bench = benchOf();
  let runs = 0;
  bench.tool('ask', { cache: PUBLIC }, async (_args, ctx) => {
    runs += 1;
    const answer = await ctx.elicit({ message: 'Who?', requestedSchema: { type: 'object', properties: {} } });
    return answer.action;
  });
  const [alice, bob] = [bench.peer(ALICE, '2025-11-25'), bench.peer(BOB, '2025-11-25')];
  const first = alice.call('ask');
  const question = await questionTo(alice);
  // Nobody waits for the answer of another's user.
  const second = bob.call('ask');
  bob.send({ jsonrpc: '2.0', id: await questionTo(bob), result: { action: 'decline' } });
  expect(answerIn(await second)).toBe('decline');
  alice.send({ jsonrpc: '2.0', id: question, result: { action: 'accept', content: {} } });
  expect(answerIn(await first)).toBe('accept');
  const third = alice.call('ask');
  alice.send({ jsonrpc: '2.0', id: await questionTo(alice), result: { action: 'cancel' } });
  expect(answerIn(await third)).toBe('cancel');
  expect(runs).toBe(3);
});

test('J01 J02 J05 no wrong or foreign answer over 20,000 random requests of many principals', async () => {
  const bench = benchOf({ sona: { cacheSize: 1024 * 1024 } });
  const random = randomNumbers(5);
  const below = (count: number): number => Math.floor(random() * count);
  const principals = [ALICE, BOB, token(ALICE.id, []), token(ALICE.id, ['read', 'x']), ANONYMOUS, LOCAL_USER];
  const peers: { readonly peer: Peer; readonly who: string; readonly era: string }[] = [];
  for (const principal of principals) {
    const who = `${principal.kind} ${principal.id} ${principal.scopes.join()}`;
    for (const revision of REVISIONS) {
      const era = revision === LATEST_MODERN ? 'modern' : 'legacy';
      peers.push({ peer: bench.peer(principal, revision), who, era });
    }
  }
  let version = 0;
  let runs = 0;
  const register = (): void => {
    const mine = version;
    bench.tool('private', { cache: CACHE }, (args) => {
      runs += 1;
      // What a private result may depend on without looking at the context: whoever the process thinks is asking.
      return JSON.stringify({ who: asking, version: mine, args });
    });
    bench.tool('public', { cache: PUBLIC }, (args, ctx) => {
      runs += 1;
      const { era } = ctx;
      return JSON.stringify({ era, version: mine, args });
    });
  };
  let asking = '';
  register();
  for (let step = 0; step < 20_000; step += 1) {
    if (below(2_000) === 0) {
      version += 1;
      register();
    }
    const one = peers[below(peers.length)];
    if (one === undefined) throw new Error('no peers');
    const { peer, who, era } = one;
    const tool = below(2) === 0 ? 'private' : 'public';
    const args = { [`k${below(3)}`]: below(4), nested: { z: below(2), a: [below(2), 'é'] } };
    asking = who;
    const found = JSON.parse(answerIn(await peer.call(tool, args)) ?? '{}') as Record<string, unknown>;
    expect(found).toMatchObject({ version, args, ...(tool === 'private' ? { who } : { era }) });
  }
  // Most of them were hits, or nothing was shown.
  expect(runs).toBeLessThan(12_000);
});
