const MAX_LENGTH = 64;
const MAX_CANDIDATES = 500;

/** Edit distance with adjacent swaps (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? a.length;
}

function fold(text: string): string {
  return text.toLowerCase().replace(/[-_ ]/g, '');
}

/** The candidate a misspelt word most likely stands for, if one is near enough; bounded work for any input. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = fold(word);
  if (wanted === '' || wanted.length > MAX_LENGTH) return undefined;
  // Two letters have a neighbour everywhere: only another case or separator is a misspelling of them.
  const limit = wanted.length < 3 ? 0 : Math.max(1, Math.floor(wanted.length / 3));
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of candidates.slice(0, MAX_CANDIDATES)) {
    const folded = fold(name);
    if (Math.abs(folded.length - wanted.length) > limit) continue;
    const found = distance(wanted, folded);
    if (found <= limit && found < (best?.distance ?? Number.POSITIVE_INFINITY))
      best = { name, distance: found };
  }
  return best?.name;
}
