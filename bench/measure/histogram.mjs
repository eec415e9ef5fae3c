/** Times of single calls in one process, as a histogram in nanoseconds. */
import { createHistogram } from 'node:perf_hooks';

/** Calls before times count. */
const WARM = 20_000;

/**
 * Times one call after the other. The time of reading the clock twice is part of every value; {@link clockCost} says how
 * much that is.
 * @param {() => unknown} call
 * @param {number} calls
 */
export function timeEach(call, calls) {
  for (let i = 0; i < WARM; i += 1) call();
  const histogram = createHistogram();
  for (let i = 0; i < calls; i += 1) {
    const started = process.hrtime.bigint();
    call();
    const took = process.hrtime.bigint() - started;
    histogram.record(took > 0n ? took : 1n);
  }
  return {
    calls,
    p50: histogram.percentile(50),
    p95: histogram.percentile(95),
    p99: histogram.percentile(99),
    p999: histogram.percentile(99.9),
    max: histogram.max,
  };
}

/** Nanoseconds that an empty call seems to take. @param {number} calls */
export function clockCost(calls) {
  return timeEach(() => undefined, calls).p50;
}

/**
 * Mean nanoseconds of a call, timed a thousand at a time: without the clock in it, and so without percentiles. The
 * least of the batches: on a busy machine the others measure the neighbours.
 * @param {() => unknown} call
 * @param {number} batches
 */
export function timeBatches(call, batches) {
  const SIZE = 1_000;
  for (let i = 0; i < WARM; i += 1) call();
  let least = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < batches; batch += 1) {
    const started = process.hrtime.bigint();
    for (let i = 0; i < SIZE; i += 1) call();
    least = Math.min(least, Number(process.hrtime.bigint() - started) / SIZE);
  }
  return least;
}
