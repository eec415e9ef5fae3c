import type { ToolFilter } from '../runtime/config/upstream-options.ts';

/** A test for tool names; linear in the name for any number of `*`. */
export function toolFilter(filter: ToolFilter): (name: string) => boolean {
  const { allow, deny = [] } = filter;
  return (name) =>
    (allow === undefined || allow.some((glob) => matchesGlob(glob, name))) &&
    !deny.some((glob) => matchesGlob(glob, name));
}

/** `*` stands for any characters, `?` for one. Backtracks to the last `*` only. */
export function matchesGlob(glob: string, text: string): boolean {
  let star = -1;
  let retry = 0;
  let at = 0;
  let index = 0;
  while (index < text.length) {
    const char = glob[at];
    if (char === '*') {
      star = at;
      retry = index;
      at += 1;
    } else if (char === '?' || (char !== undefined && char === text[index])) {
      at += 1;
      index += 1;
    } else if (star !== -1) {
      at = star + 1;
      retry += 1;
      index = retry;
    } else return false;
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}
