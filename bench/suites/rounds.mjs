/** What the suites have in common that take turns: peers in another order every round, failures that end one peer only. */
import { chooseCores } from '../measure/cores.mjs';
import { orders } from '../measure/order.mjs';
import { Unavailable } from '../peers/start.mjs';
import { PEERS } from '../peers/table.mjs';

/**
 * @typedef {{ peer: string, operation: string, reason: string }} Missing
 * @typedef {object} Turn
 * @property {string} name
 * @property {import('../peers/table.mjs').Peer} peer
 * @property {number} round
 * @property {1 | 2} coresEachSide
 * @property {import('../measure/cores.mjs').Cores} cores
 */

/**
 * Measures every peer once a round.
 * @template {{ peer: string }} T
 * @param {readonly string[]} names
 * @param {import('../measure/options.mjs').Options} options
 * @param {Missing[]} missing
 * @param {(turn: Turn) => Promise<T[]>} measure
 * @returns {Promise<T[]>}
 */
export async function takeTurns(names, options, missing, measure) {
  /** @type {T[]} */
  const samples = [];
  for (const coresEachSide of options.cores) {
    const cores = chooseCores(coresEachSide);
    console.log(`${cores.text}; seed ${options.seed}`);
    for (const [round, order] of orders(names, options.rounds, options.seed).entries()) {
      for (const name of order) {
        const peer = /** @type {import('../peers/table.mjs').Peer} */ (PEERS[name]);
        try {
          samples.push(...(await measure({ name, peer, round, coresEachSide, cores })));
        } catch (error) {
          const { message } = /** @type {Error} */ (error);
          console.log(`  ${name}: ${error instanceof Unavailable ? 'unavailable' : 'FAILED'}: ${message}`);
          if (!missing.some((one) => one.peer === name && one.reason === message))
            missing.push({ peer: name, operation: '*', reason: message });
        }
      }
    }
  }
  return samples.sort((a, b) => names.indexOf(a.peer) - names.indexOf(b.peer));
}

/**
 * One entry for all operations of a peer that could not be measured for the same reason.
 * @param {readonly Missing[]} missing
 * @returns {Missing[]}
 */
export function unique(missing) {
  /** @type {Map<string, { peer: string, operations: Set<string>, reason: string }>} */
  const seen = new Map();
  for (const { peer, operation, reason } of missing) {
    const key = `${peer} ${reason.replace(/\d+/g, '')}`;
    const entry = seen.get(key) ?? { peer, operations: new Set(), reason };
    entry.operations.add(operation);
    seen.set(key, entry);
  }
  return [...seen.values()].map(({ peer, operations, reason }) => ({
    peer,
    operation: [...operations].join(', '),
    reason,
  }));
}

/**
 * Samples that belong together, by the text `key` makes of them, in the order they came.
 * @template T
 * @param {readonly T[]} samples
 * @param {(sample: T) => string} key
 * @returns {Map<string, T[]>}
 */
export function grouped(samples, key) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const sample of samples) {
    const name = key(sample);
    groups.set(name, [...(groups.get(name) ?? []), sample]);
  }
  return groups;
}
