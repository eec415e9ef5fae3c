import { editDistance } from './edit-distance.ts';
import { MAX_SUGGESTIONS } from './sona-port.ts';

/** Characters of a name for which suggestions are sought. */
const MAX_QUERY = 256;
/** Most edits a suggestion may be away. */
const MAX_EDITS = 3;

/** By which form of a route's name it was found; the numbers of `sonaRoute`. */
export const FOUND_BY = { name: 1, alias: 2, namespace: 3 } as const;

interface Found {
  readonly index: number;
  readonly how: number;
}

interface Folded {
  readonly index: number;
  readonly text: readonly number[];
}

/**
 * Which route a name means. The twin of `crates/sona/src/router.rs`; what was said first wins: names before aliases,
 * both before namespaced forms, and among equals the earlier route.
 */
export class Router {
  readonly #forms = new Map<string, Found>();
  /** Plain names that several servers have, with the first routes that have them. */
  readonly #ambiguous = new Map<string, readonly number[]>();
  readonly #folded: Folded[] = [];

  /** @param routes each a name and its aliases */
  constructor(routes: readonly (readonly string[])[]) {
    routes.forEach(([name], index) => {
      if (name !== undefined) this.#add(name, index, FOUND_BY.name);
    });
    routes.forEach((route, index) => {
      for (const alias of route.slice(1)) this.#add(alias, index, FOUND_BY.alias);
    });
    const plain = new Map<string, number[]>();
    routes.forEach(([name], index) => {
      const parts = namespaced(name);
      if (parts === undefined) return;
      const [server, tool] = parts;
      this.#add(`${server}__${tool}`, index, FOUND_BY.namespace);
      this.#add(`${server}/${tool}`, index, FOUND_BY.namespace);
      const known = plain.get(tool);
      if (known === undefined) plain.set(tool, [index]);
      else known.push(index);
    });
    for (const [tool, indices] of plain) {
      if (this.#forms.has(tool)) continue;
      const [index] = indices;
      if (index !== undefined && indices.length === 1) this.#add(tool, index, FOUND_BY.namespace);
      else this.#ambiguous.set(tool, indices.slice(0, MAX_SUGGESTIONS));
    }
    routes.forEach((route, index) => {
      const parts = namespaced(route[0]);
      for (const form of parts === undefined ? route : [...route, parts[1]]) {
        this.#folded.push({ index, text: fold(form) });
      }
    });
  }

  /** The route, or up to {@link MAX_SUGGESTIONS} that may have been meant, the nearest first. */
  route(name: string): Found | readonly number[] {
    return this.#forms.get(name) ?? this.#ambiguous.get(name) ?? this.#suggest(name);
  }

  #add(form: string, index: number, how: number): void {
    if (!this.#forms.has(form)) this.#forms.set(form, { index, how });
  }

  #suggest(name: string): readonly number[] {
    // A character is at most two units, so this spares counting most names.
    if (name.length > MAX_QUERY && [...name].length > MAX_QUERY) return [];
    const text = fold(name);
    const bound = Math.min(Math.max(Math.floor(text.length / 3), 1), MAX_EDITS);
    const best: { index: number; distance: number }[] = [];
    for (const candidate of this.#folded) {
      // Once there are enough, only what is nearer than the last of them matters.
      const limit = (best[MAX_SUGGESTIONS - 1]?.distance ?? bound + 1) - 1;
      if (limit < 0) break;
      const distance = editDistance(text, candidate.text, limit);
      if (distance === undefined) continue;
      const known = best.find(({ index }) => index === candidate.index);
      if (known === undefined) best.push({ index: candidate.index, distance });
      else known.distance = Math.min(known.distance, distance);
      best.sort((a, b) => a.distance - b.distance || a.index - b.index);
      best.length = Math.min(best.length, MAX_SUGGESTIONS);
    }
    return best.map(({ index }) => index);
  }
}

/** Server and tool of `server__tool` or, without `__`, of `server/tool`. */
function namespaced(name: string | undefined): readonly [string, string] | undefined {
  if (name === undefined) return undefined;
  const double = name.indexOf('__');
  const cut = double === -1 ? name.indexOf('/') : double;
  if (cut <= 0) return undefined;
  const tool = name.slice(cut + (double === -1 ? 1 : 2));
  return tool === '' ? undefined : [name.slice(0, cut), tool];
}

const UNDERSCORE = 0x5f;
const SLASH = 0x2f;

/** What people mix up is made equal: case, `-` `.` and space for `_`, `/` for `__`. */
function fold(name: string): readonly number[] {
  const text: number[] = [];
  let open = false;
  for (const character of name) {
    const plain = plainPoint(character.codePointAt(0) ?? 0);
    if (plain === UNDERSCORE && open) {
      text[text.length - 1] = SLASH;
      open = false;
    } else {
      text.push(plain);
      open = plain === UNDERSCORE;
    }
  }
  return text;
}

/** ASCII letters in lower case; `-`, `.` and space as `_`. */
function plainPoint(point: number): number {
  if (point >= 0x41 && point <= 0x5a) return point + 0x20;
  return point === 0x2d || point === 0x2e || point === 0x20 ? UNDERSCORE : point;
}
