/** Index of an object that is in no roster. */
export const NOT_LISTED = -1;

export interface RosterMember {
  /** Kept by the roster; {@link NOT_LISTED} at first. */
  rosterIndex: number;
}

/**
 * A set of objects that come and go with every request. Unlike a `Set` it allocates nothing for that: the tables a `Set`
 * leaves behind refer to their successors, so that garbage which has grown old keeps the younger alive.
 */
export class Roster<T extends RosterMember> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** A snapshot: members may leave while it is gone through. */
  members(): readonly T[] {
    return [...this.#members];
  }

  add(member: T): void {
    if (member.rosterIndex !== NOT_LISTED) return;
    member.rosterIndex = this.#members.length;
    this.#members.push(member);
  }

  delete(member: T): void {
    const index = member.rosterIndex;
    if (index === NOT_LISTED) return;
    member.rosterIndex = NOT_LISTED;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    this.#members[index] = last;
    last.rosterIndex = index;
  }
}
