import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOT_LISTED, Roster, type RosterMember } from '../../../src/protocol/roster.ts';

class Member implements RosterMember {
  rosterIndex = NOT_LISTED;
}

describe('a roster', () => {
  it('holds what a set would hold', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(7)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (all) => {
        const members = Array.from({ length: 8 }, () => new Member());
        const roster = new Roster<Member>();
        const model = new Set<Member>();
        for (const [enter, index] of all) {
          const member = members[index] as Member;
          if (enter) {
            roster.add(member);
            model.add(member);
          } else {
            roster.delete(member);
            model.delete(member);
          }
          expect(roster.size).toBe(model.size);
        }
        expect(new Set(roster.members())).toEqual(model);
        for (const member of members) expect(member.rosterIndex !== NOT_LISTED).toBe(model.has(member));
      }),
    );
  });

  it('may change while its members are gone through', () => {
    const roster = new Roster<Member>();
    const members = Array.from({ length: 5 }, () => new Member());
    for (const member of members) roster.add(member);
    let seen = 0;
    for (const member of roster.members()) {
      seen += 1;
      roster.delete(member);
    }
    expect([seen, roster.size]).toEqual([5, 0]);
  });
});
