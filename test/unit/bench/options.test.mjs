import { describe, expect, it } from 'vitest';
import { chooseGenerator } from '../../../bench/load/generator.mjs';
import { readOptions, UsageError } from '../../../bench/measure/options.mjs';
import { hold, Unavailable } from '../../../bench/peers/start.mjs';
import { BASE, PEERS, selectPeers } from '../../../bench/peers/table.mjs';

const DEFAULTS = {
  normal: { rounds: 3, seconds: 5, connections: [32] },
  quick: { rounds: 3, seconds: 2, connections: [32] },
  full: { rounds: 5, seconds: 8, connections: [1, 32, 256] },
};
const read = (...argv) => readOptions(argv, DEFAULTS);

describe('options', () => {
  it('begin with the defaults of the chosen length', () => {
    expect(read()).toMatchObject({
      rounds: 3,
      seconds: 5,
      connections: [32],
      connectionsGiven: false,
      cores: [1],
    });
    expect(read('--quick')).toMatchObject({ seconds: 2, quick: true });
    expect(read('--full', '--seconds=3')).toMatchObject({ rounds: 5, seconds: 3, connections: [1, 32, 256] });
  });

  it('are read', () => {
    expect(
      read('--connections=1, 8', '--cores=1,2', '--seed=0', '--protocol=h2', '--no-build'),
    ).toMatchObject({
      connections: [1, 8],
      connectionsGiven: true,
      cores: [1, 2],
      seed: 0,
      protocol: 'h2',
      build: false,
      install: true,
    });
    expect(read('--operations=echo,list').operations).toEqual(['echo', 'list']);
  });

  it('without a seed get one that is printed', () => {
    expect(Number.isSafeInteger(read().seed)).toBe(true);
  });

  it.each([
    [['--rounds=0']],
    [['--rounds=1e3']],
    [['--seconds=-1']],
    [['--seconds=1.5']],
    [['--connections=,']],
    [['--connections=4,x']],
    [['--cores=3']],
    [['--protocol=h3']],
    [['--quick', '--full']],
    [['--unknown']],
    [['word']],
  ])('refuse %j', (argv) => {
    expect(() => read(...argv)).toThrow(UsageError);
  });
});

describe('peers', () => {
  it('are chosen by parts of their names, and by a whole name alone', () => {
    const names = ['rmcp', 'rmcp modern', 'SDK v1', 'SDK v1 JSON'];
    expect(selectPeers(undefined, names)).toEqual(names);
    expect(selectPeers('RMCP', names)).toEqual(['rmcp']);
    expect(selectPeers('rmcp m,json', names)).toEqual(['rmcp modern', 'SDK v1 JSON']);
    expect(selectPeers('sdk', names)).toEqual(['SDK v1', 'SDK v1 JSON']);
    expect(() => selectPeers('rmcp,nobody', names)).toThrow('nobody');
  });

  it('have their base among them', () => {
    expect(PEERS[BASE]).toMatchObject({ kind: 'npm', era: 'legacy' });
  });

  it('that are not what they claim to be are not measured', () => {
    const native = PEERS['ferromcp native'];
    expect(() => hold(native, { front: 'native', native: true })).not.toThrow();
    expect(() => hold(native, { front: 'node', native: true })).toThrow(Unavailable);
    expect(() => hold(native, { front: 'native', native: false, reason: 'no file' })).toThrow('no file');
    expect(() => hold(PEERS['ferromcp TypeScript'], { front: 'node', native: true })).toThrow(Unavailable);
  });
});

describe('the load generator', () => {
  const with_ =
    (...found) =>
    (name) =>
      found.includes(name) ? `/bin/${name}` : undefined;

  it('is the fastest there is', () => {
    expect(chooseGenerator('h1', undefined, with_('wrk', 'h2load'))).toBe('wrk');
    expect(chooseGenerator('h2', undefined, with_('wrk', 'h2load'))).toBe('h2load');
    expect(chooseGenerator('h1', undefined, with_())).toBe('node');
    expect(chooseGenerator('h2', undefined, with_('wrk'))).toBe('node');
  });

  it('is the one asked for, or an error', () => {
    expect(chooseGenerator('h1', 'node', with_('wrk'))).toBe('node');
    expect(() => chooseGenerator('h1', 'wrk', with_())).toThrow('not installed');
    expect(() => chooseGenerator('h2', 'wrk', with_('wrk'))).toThrow('h2');
  });
});
