import { describe, expect, it } from 'vitest';
import type { Run } from '../../../src/protocol/execution.ts';
import { Runs } from '../../../src/protocol/runs.ts';

/** What the table reads of a run. */
const run = (idRaw: string): Run => ({ call: { idRaw } }) as unknown as Run;

describe('the running requests of a peer', () => {
  it('are found by their id in whatever spelling', () => {
    const runs = new Runs();
    const letter = run('"a"');
    const number = run('1');
    runs.add(letter);
    runs.add(number);
    expect(runs.get('"\\u0061"')).toBe(letter);
    expect(runs.get('1')).toBe(number);
    expect(runs.get('"1"')).toBeUndefined();
    expect(runs.size).toBe(2);
  });

  it('leave their place to later ones', () => {
    const runs = new Runs();
    const [first, second, third] = ['1', '2', '3'].map(run) as [Run, Run, Run];
    runs.add(first);
    runs.add(second);
    runs.delete(first);
    runs.add(third);
    expect(runs.get('1')).toBeUndefined();
    expect(new Set(runs.all())).toEqual(new Set([second, third]));
    runs.delete(second);
    runs.delete(third);
    expect([runs.size, runs.all().length]).toEqual([0, 0]);
  });

  it('are not ended by another run with their id', () => {
    const runs = new Runs();
    const mine = run('7');
    runs.add(mine);
    runs.delete(run('7'));
    expect(runs.get('7')).toBe(mine);
  });
});
