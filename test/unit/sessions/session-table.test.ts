import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { secureId } from '../../../src/core/ids.ts';
import { DEFAULT_LIMITS, resolveLimits } from '../../../src/core/limits.ts';
import { ANONYMOUS, LOCAL_USER, type Principal } from '../../../src/core/principal.ts';
import { LegacySession } from '../../../src/protocol/eras/legacy/session.ts';
import { SessionTable } from '../../../src/runtime/sessions/session-table.ts';

const principal = (id: string): Principal => ({ id, kind: 'token', scopes: [] });
const ALICE = principal('issuer#alice');
const BOB = principal('issuer#bob');

const tables: SessionTable<LegacySession>[] = [];
afterEach(() => {
  for (const table of tables.splice(0)) table.close();
});

function table(limits = DEFAULT_LIMITS, now: () => number = Date.now): SessionTable<LegacySession> {
  const made = new SessionTable<LegacySession>(limits, now);
  tables.push(made);
  return made;
}
function session(of: Principal, id = secureId()): LegacySession {
  return new LegacySession(id, of, DEFAULT_LIMITS);
}

describe('a session and its principal', () => {
  it.each([
    ['nobody', ANONYMOUS],
    ['another user', BOB],
    ['the same name at another issuer', principal('other#alice')],
    ['a name that begins alike', principal('issuer#alice2')],
    ['another case', principal('ISSUER#alice')],
    ['the local user', LOCAL_USER],
  ])('D10 %s with a valid id finds nothing, as with an unknown one', (_title, other) => {
    const sessions = table();
    const owned = session(ALICE);
    sessions.add(owned);
    expect(sessions.find(owned.id, other)).toBe(sessions.find('unknown', other));
    expect(sessions.find(owned.id, other)).toBeUndefined();
    expect(sessions.find(owned.id, ALICE)).toBe(owned);
  });

  it('D10 being asked for by another does not keep a session alive', () => {
    let now = 0;
    const sessions = table(resolveLimits({ sessionIdleMs: 100 }), () => now);
    const owned = session(ALICE);
    sessions.add(owned);
    now = 90;
    expect(sessions.find(owned.id, BOB)).toBeUndefined();
    now = 110;
    sessions.sweep();
    expect(owned.closed).toBe(true);
  });

  it('D11 a million guesses find none of a thousand sessions', () => {
    const sessions = table();
    for (let i = 0; i < 1_000; i += 1) sessions.add(session(ANONYMOUS));
    let found = 0;
    const bytes = randomBytes(18);
    for (let i = 0; i < 1_000_000; i += 1) {
      bytes.writeUInt32LE(i, i % 15);
      if (sessions.find(bytes.toString('base64url'), ANONYMOUS) !== undefined) found += 1;
    }
    expect(found).toBe(0);
    expect(sessions.size).toBe(1_000);
  });

  it('D11 keys of every object are no sessions', () => {
    const sessions = table();
    for (const id of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])
      expect(sessions.find(id, ANONYMOUS)).toBeUndefined();
  });
});

describe('quotas', () => {
  const limits = resolveLimits({ sessions: 5, sessionsPerPrincipal: 2 });

  it('bound the sessions of one principal, and a closed one makes room', () => {
    const sessions = table(limits);
    const first = session(ALICE);
    sessions.add(first);
    sessions.add(session(ALICE));
    expect(() => sessions.add(session(ALICE))).toThrow(expect.objectContaining({ code: 'QUOTA_SESSIONS' }));
    sessions.add(session(BOB));
    first.close();
    sessions.add(session(ALICE));
    expect(sessions.size).toBe(3);
  });

  it('bound the anonymous by the whole table only', () => {
    const sessions = table(limits);
    for (let i = 0; i < 5; i += 1) sessions.add(session(ANONYMOUS));
    expect(() => sessions.add(session(ANONYMOUS))).toThrow(
      expect.objectContaining({ code: 'QUOTA_SESSIONS' }),
    );
    expect(() => sessions.add(session(BOB))).toThrow(expect.objectContaining({ code: 'QUOTA_SESSIONS' }));
  });
});

describe('expiry', () => {
  it('spares what is held, used or young', () => {
    let now = 0;
    const sessions = table(resolveLimits({ sessionIdleMs: 100 }), () => now);
    const [held, used, idle] = [session(ALICE), session(ALICE), session(ALICE)];
    for (const each of [held, used, idle]) sessions.add(each);
    const release = sessions.hold(held.id);
    now = 80;
    sessions.find(used.id, ALICE);
    now = 150;
    sessions.sweep();
    expect([held.closed, used.closed, idle.closed]).toEqual([false, false, true]);
    release();
    release();
    now = 240;
    sessions.sweep();
    expect([held.closed, used.closed]).toEqual([false, true]);
    now = 251;
    sessions.sweep();
    expect(held.closed).toBe(true);
    expect(sessions.size).toBe(0);
  });

  it('a hold on what is not there does nothing', () => {
    const sessions = table();
    expect(() => sessions.hold('none')()).not.toThrow();
  });
});

it('counts as a model does, whatever happens', () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), who: fc.constantFrom(ALICE, BOB, ANONYMOUS) }),
    fc.record({ kind: fc.constant('close' as const), pick: fc.nat() }),
    fc.record({
      kind: fc.constant('find' as const),
      pick: fc.nat(),
      who: fc.constantFrom(ALICE, BOB, ANONYMOUS),
    }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const sessions = table(resolveLimits({ sessions: 6, sessionsPerPrincipal: 3 }));
      const open: LegacySession[] = [];
      for (const each of actions) {
        if (each.kind === 'add') {
          const owned = open.filter((one) => one.principal.id === each.who.id).length;
          const full = open.length >= 6 || owned >= (each.who.kind === 'anonymous' ? 6 : 3);
          const fresh = session(each.who);
          if (full) expect(() => sessions.add(fresh)).toThrow();
          else {
            sessions.add(fresh);
            open.push(fresh);
          }
        } else if (each.kind === 'close') {
          open.splice(each.pick % Math.max(open.length, 1), 1)[0]?.close();
        } else {
          const one = open[each.pick % Math.max(open.length, 1)];
          const expected = one?.principal.id === each.who.id ? one : undefined;
          expect(one === undefined ? undefined : sessions.find(one.id, each.who)).toBe(expected);
        }
        expect(sessions.size).toBe(open.length);
      }
      sessions.close();
      expect(open.every((each) => each.closed)).toBe(true);
    }),
  );
});
