/** From samples to the rows of a table: medians, spreads, ratios within a round. */
import { median, ratiosByRound, spread } from '../measure/statistics.mjs';
import { BASE } from '../peers/table.mjs';

/**
 * @typedef {import('../suites/http.mjs').Sample} Sample
 * @typedef {import('../measure/statistics.mjs').Spread} Spread
 * @typedef {object} Row
 * @property {string} peer
 * @property {Spread} rate
 * @property {Spread} ratio of rates to the base, within a round
 * @property {Spread} cpu microseconds a request
 * @property {Spread} cpuRatio of processor time, base to this
 * @property {number} p50
 * @property {number} p99
 * @property {number} resident bytes
 * @property {number} failures
 * @property {number} rounds
 * @property {boolean} generatorBound in most rounds
 * @property {number} others share of a core used by strangers
 * @typedef {{ operation: string, connections: number, cores: 1 | 2, rows: Row[] }} Group
 */

/**
 * One group for each operation, number of connections and cores, in the order they were first measured.
 * @param {readonly Sample[]} samples
 * @param {readonly string[]} names order of the rows
 * @returns {Group[]}
 */
export function summarize(samples, names, base = BASE) {
  /** @type {Map<string, Sample[]>} */
  const groups = new Map();
  for (const sample of samples) {
    const key = `${sample.cores} ${sample.operation} ${sample.connections}`;
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return [...groups.values()].map((group) => {
    const [{ operation, connections, cores }] = /** @type {[Sample]} */ (/** @type {unknown} */ (group));
    const bases = group.filter(({ peer }) => peer === base);
    const rows = names.flatMap((name) => {
      const mine = group.filter(({ peer }) => peer === name);
      return mine.length === 0 ? [] : [row(name, mine, bases)];
    });
    return { operation, connections, cores, rows };
  });
}

/**
 * @param {string} peer
 * @param {readonly Sample[]} mine
 * @param {readonly Sample[]} bases
 * @returns {Row}
 */
function row(peer, mine, bases) {
  return {
    peer,
    rate: spread(mine.map(({ rate }) => rate)),
    ratio: spread(ratiosByRound(mine, bases, (a, b) => a.rate / b.rate)),
    cpu: spread(mine.map(({ cpu }) => cpu)),
    cpuRatio: spread(ratiosByRound(mine, bases, (a, b) => (b.cpu ?? Number.NaN) / (a.cpu ?? Number.NaN))),
    p50: median(mine.map(({ p50 }) => p50)),
    p99: median(mine.map(({ p99 }) => p99)),
    resident: median(mine.map(({ resident }) => resident)),
    failures: mine.reduce((sum, { failures }) => sum + failures, 0),
    rounds: mine.length,
    generatorBound: mine.filter(({ generatorBound }) => generatorBound).length * 2 > mine.length,
    others: median(mine.map(({ others }) => others)),
  };
}
