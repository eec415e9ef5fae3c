/** The order in which peers take their turn: another one every round, the same again for the same seed. */

/**
 * A generator of numbers in [0, 1) (mulberry32).
 * @param {number} seed 32 bits
 */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed for a run that was given none. */
export function freshSeed() {
  return Math.floor(Math.random() * 2 ** 31);
}

/**
 * An order for each round: shuffled anew, and begun by another name each time, so that nobody keeps the first place or
 * the same neighbour before it.
 * @template T
 * @param {readonly T[]} names
 * @param {number} rounds
 * @param {number} seed
 * @returns {T[][]}
 */
export function orders(names, rounds, seed) {
  const next = random(seed);
  const firsts = shuffle(names, next);
  return Array.from({ length: rounds }, (_, round) => {
    const order = shuffle(names, next);
    const turn = Math.max(0, order.indexOf(/** @type {T} */ (firsts[round % firsts.length])));
    return [...order.slice(turn), ...order.slice(0, turn)];
  });
}

/**
 * @template T
 * @param {readonly T[]} values
 * @param {() => number} next
 */
function shuffle(values, next) {
  const shuffled = [...values];
  for (let last = shuffled.length - 1; last > 0; last -= 1) {
    const other = Math.floor(next() * (last + 1));
    [shuffled[last], shuffled[other]] = [
      /** @type {T} */ (shuffled[other]),
      /** @type {T} */ (shuffled[last]),
    ];
  }
  return shuffled;
}
