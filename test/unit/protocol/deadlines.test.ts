import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Deadlines } from '../../../src/protocol/deadlines.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const TICK = 10;
/** Deadlines need not be exact; one more tick they may take. */
const pass = (ms: number): void => void vi.advanceTimersByTime(ms);

describe('a deadline', () => {
  it('expires once, not before its time', () => {
    const expire = vi.fn();
    new Deadlines(TICK).start(100, expire);
    pass(99);
    expect(expire).not.toHaveBeenCalled();
    pass(2 * TICK);
    expect(expire).toHaveBeenCalledTimes(1);
    pass(1_000);
    expect(expire).toHaveBeenCalledTimes(1);
  });

  it('that is stopped never expires', () => {
    const expire = vi.fn();
    const deadline = new Deadlines(TICK).start(100, expire);
    pass(50);
    deadline.stop();
    pass(1_000);
    expect(expire).not.toHaveBeenCalled();
  });

  it('stands still while it is paused, however often', () => {
    const expire = vi.fn();
    const deadline = new Deadlines(TICK).start(100, expire);
    pass(60);
    deadline.pause();
    pass(500);
    deadline.pause();
    pass(500);
    deadline.resume();
    pass(500);
    expect(expire).not.toHaveBeenCalled();
    deadline.resume();
    pass(30);
    expect(expire).not.toHaveBeenCalled();
    pass(10 + 2 * TICK);
    expect(expire).toHaveBeenCalledTimes(1);
  });

  it('may stop others, itself, or start new ones as it expires', () => {
    const deadlines = new Deadlines(TICK);
    const seen: string[] = [];
    const second = deadlines.start(100, () => seen.push('second'));
    const first = deadlines.start(50, () => {
      seen.push('first');
      first.stop();
      second.stop();
      deadlines.start(50, () => seen.push('third'));
    });
    pass(200);
    expect(seen).toEqual(['first', 'third']);
  });
});

it('no timer runs while there is no deadline, and one for all of them', () => {
  const deadlines = new Deadlines(TICK);
  expect(vi.getTimerCount()).toBe(0);
  const all = Array.from({ length: 100 }, () => deadlines.start(1_000, () => {}));
  expect(vi.getTimerCount()).toBe(1);
  for (const each of all) each.stop();
  pass(2 * TICK);
  expect(vi.getTimerCount()).toBe(0);
  const expire = vi.fn();
  deadlines.start(20, expire);
  pass(100);
  expect(expire).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
});
