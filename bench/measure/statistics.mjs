/** Statistics of repeated measurements. Values that are no finite numbers are left out. */

/**
 * Middle value; NaN when there is none.
 * @param {readonly (number | undefined)[]} values
 */
export function median(values) {
  const sorted = finite(values);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return Number.NaN;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * @typedef {{ median: number, min: number, max: number, count: number }} Spread
 * @param {readonly (number | undefined)[]} values
 * @returns {Spread}
 */
export function spread(values) {
  const sorted = finite(values);
  return {
    median: median(sorted),
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    count: sorted.length,
  };
}

/**
 * Value below which a share of the sorted values lies (nearest rank).
 * @param {ArrayLike<number>} sorted ascending
 * @param {number} share 0 to 1
 */
export function percentile(sorted, share) {
  if (sorted.length === 0) return Number.NaN;
  const rank = Math.ceil(share * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] ?? Number.NaN;
}

/**
 * Ratios of two measurements that belong to the same round: what slows the machine down for a minute slows both.
 * @template {{ round: number }} T
 * @param {readonly T[]} mine
 * @param {readonly T[]} base
 * @param {(mine: T, base: T) => number} ratio
 */
export function ratiosByRound(mine, base, ratio) {
  const byRound = new Map(base.map((sample) => [sample.round, sample]));
  return finite(
    mine.map((sample) => {
      const other = byRound.get(sample.round);
      return other === undefined ? Number.NaN : ratio(sample, other);
    }),
  );
}

/**
 * Least squares line through points.
 * @param {readonly (readonly [number, number])[]} points
 * @returns {{ slope: number, intercept: number }}
 */
export function line(points) {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = count < 2 || under === 0 ? Number.NaN : over / under;
  return { slope, intercept: meanY - slope * meanX };
}

/**
 * @param {readonly (number | undefined)[]} values
 * @returns {number[]} ascending
 */
function finite(values) {
  return values.flatMap((value) => (Number.isFinite(value) ? [Number(value)] : [])).sort((a, b) => a - b);
}
