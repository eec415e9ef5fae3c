import { describe, expect, it } from 'vitest';
import { Latencies } from '../../../bench/load/latencies.mjs';
import { orders } from '../../../bench/measure/order.mjs';
import { line, median, percentile, ratiosByRound, spread } from '../../../bench/measure/statistics.mjs';

describe('statistics', () => {
  it('takes the middle, and leaves out what is no number', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, Number.NaN, 2, undefined, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(spread([5, 1, 3, undefined])).toEqual({ median: 3, min: 1, max: 5, count: 3 });
  });

  it('finds percentiles by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0, 0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([1, 50, 99, 100]);
    expect(percentile([7], 0.99)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('compares within a round only', () => {
    const mine = [
      { round: 0, rate: 10 },
      { round: 1, rate: 40 },
      { round: 3, rate: 1 },
    ];
    const base = [
      { round: 1, rate: 4 },
      { round: 0, rate: 5 },
    ];
    expect(ratiosByRound(mine, base, (a, b) => a.rate / b.rate)).toEqual([2, 10]);
    expect(ratiosByRound(mine, [], (a, b) => a.rate / b.rate)).toEqual([]);
  });

  it('fits a line', () => {
    expect(
      line([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).toEqual({ slope: 2, intercept: 1 });
    expect(line([[1, 1]]).slope).toBeNaN();
  });
});

describe('the order of the peers', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];

  it('holds every peer once a round and is the same for the same seed', () => {
    const plan = orders(names, 7, 42);
    expect(plan).toHaveLength(7);
    for (const order of plan) expect([...order].sort()).toEqual(names);
    expect(orders(names, 7, 42)).toEqual(plan);
    expect(orders(names, 7, 43)).not.toEqual(plan);
  });

  it('is begun by another peer each time, by each once before any again', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const firsts = orders(names, 5, seed).map(([first]) => first);
      expect([...firsts].sort()).toEqual(names);
    }
  });

  it('does not keep neighbours together', () => {
    const pairs = orders(names, 40, 1).map((order) => order[order.indexOf('a') + 1]);
    expect(new Set(pairs).size).toBeGreaterThan(2);
  });

  it('takes one peer and none', () => {
    expect(orders(['a'], 2, 5)).toEqual([['a'], ['a']]);
    expect(orders([], 2, 5)).toEqual([[], []]);
  });
});

describe('latencies', () => {
  it('are within one percent', () => {
    const latencies = new Latencies();
    for (let value = 1; value <= 10_000; value += 1) latencies.add(value / 100);
    const { p50, p95, p99, max } = latencies.report();
    expect(Math.abs(p50 / 50 - 1)).toBeLessThan(0.011);
    expect(Math.abs(p95 / 95 - 1)).toBeLessThan(0.011);
    expect(Math.abs(p99 / 99 - 1)).toBeLessThan(0.011);
    expect(max).toBe(100);
  });

  it('stay bounded whatever comes', () => {
    const latencies = new Latencies();
    for (const value of [0, 1e-9, 1e12]) latencies.add(value);
    expect(latencies.at(0.01)).toBeLessThanOrEqual(0.001);
    expect(latencies.max).toBe(1e12);
    expect(new Latencies().report()).toEqual({
      p50: undefined,
      p95: undefined,
      p99: undefined,
      max: undefined,
    });
  });
});
