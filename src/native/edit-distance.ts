/**
 * Insertions, deletions, replacements and swaps of neighbours that turn `left` into `right` (optimal string alignment);
 * undefined when there are more than `bound`. The twin of `crates/sona/src/distance.rs`.
 */
export function editDistance(
  left: readonly number[],
  right: readonly number[],
  bound: number,
): number | undefined {
  if (Math.abs(left.length - right.length) > bound) return undefined;
  // What is equal at both ends costs nothing.
  let start = 0;
  while (start < left.length && left[start] === right[start]) start += 1;
  let [leftEnd, rightEnd] = [left.length, right.length];
  while (leftEnd > start && rightEnd > start && left[leftEnd - 1] === right[rightEnd - 1]) {
    leftEnd -= 1;
    rightEnd -= 1;
  }
  if (leftEnd === start || rightEnd === start) return Math.max(leftEnd, rightEnd) - start;
  return between(left.slice(start, leftEnd), right.slice(start, rightEnd), bound);
}

function between(left: readonly number[], right: readonly number[], bound: number): number | undefined {
  const width = right.length + 1;
  const far = bound + 1;
  // Row i holds the distances of the first i characters of `left` to all beginnings of `right`.
  let before: number[] = new Array<number>(width).fill(far);
  let above = Array.from({ length: width }, (_, index) => index);
  let row: number[] = new Array<number>(width).fill(far);
  for (let i = 0; i < left.length; i++) {
    const from = Math.max(0, i + 1 - bound);
    const to = Math.min(i + 1 + bound, right.length);
    row.fill(far);
    if (from === 0) row[0] = i + 1;
    let least = far;
    for (let j = Math.max(from, 1); j <= to; j++) {
      const same = left[i] === right[j - 1];
      let best = Math.min(at(above, j) + 1, at(row, j - 1) + 1, at(above, j - 1) + (same ? 0 : 1));
      const swapped = i > 0 && j > 1 && left[i] === right[j - 2] && left[i - 1] === right[j - 1];
      if (swapped) best = Math.min(best, at(before, j - 2) + 1);
      row[j] = best;
      least = Math.min(least, best);
    }
    if (least > bound && at(row, 0) > bound) return undefined;
    [before, above, row] = [above, row, before];
  }
  const distance = at(above, right.length);
  return distance <= bound ? distance : undefined;
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
