import { describe, expect, it } from 'vitest';
import { bars, xmlText } from '../../../bench/report/bars.mjs';
import { fixed, markdownTable, plainTable, ratio, spreadText, whole } from '../../../bench/report/format.mjs';
import { between } from '../../../bench/report/publish.mjs';
import { summarize } from '../../../bench/report/summary.mjs';
import { unique } from '../../../bench/suites/rounds.mjs';

const sample = (peer, round, rate, cpu) => ({
  peer,
  round,
  rate,
  cpu,
  operation: 'echo',
  connections: 32,
  cores: 1,
  replies: rate,
  failures: 1,
  seconds: 1,
  bytes: 0,
  p50: 1,
  p95: 1,
  p99: 2,
  max: 3,
  generatorCpu: 0.5,
  generatorBound: round > 0,
  resident: 1e6,
  others: 0,
});

describe('the summary', () => {
  it('takes ratios within a round and medians over rounds', () => {
    const samples = [
      sample('base', 0, 100, 200),
      sample('fast', 0, 1_000, 20),
      sample('fast', 1, 600, 20),
      sample('base', 1, 30, 200),
      sample('fast', 2, 900, 40),
    ];
    const [group] = summarize(samples, ['fast', 'base', 'absent'], 'base');
    expect(group).toMatchObject({ operation: 'echo', connections: 32, cores: 1 });
    const [fast, base] = group.rows;
    expect(group.rows).toHaveLength(2);
    expect(fast).toMatchObject({ peer: 'fast', rounds: 3, failures: 3, generatorBound: true });
    expect(fast.rate).toEqual({ median: 900, min: 600, max: 1_000, count: 3 });
    expect(fast.ratio).toEqual({ median: 15, min: 10, max: 20, count: 2 });
    expect(fast.cpuRatio.median).toBe(10);
    expect(base.ratio.median).toBe(1);
    expect(base.generatorBound).toBe(false);
  });

  it('names what was not measured once a reason', () => {
    const missing = [
      { peer: 'a', operation: 'echo', reason: 'ran 10 times' },
      { peer: 'a', operation: 'list', reason: 'ran 12 times' },
      { peer: 'b', operation: 'echo', reason: 'ran 10 times' },
    ];
    expect(unique(missing)).toEqual([
      { peer: 'a', operation: 'echo, list', reason: 'ran 10 times' },
      { peer: 'b', operation: 'echo', reason: 'ran 10 times' },
    ]);
  });
});

describe('text', () => {
  it('of numbers', () => {
    expect([whole(12_345.6), fixed(1.25, 1), whole(Number.NaN), fixed(undefined, 1)]).toEqual([
      '12,346',
      '1.3',
      '–',
      '–',
    ]);
    expect([ratio(0.345), ratio(17.32), ratio(219.8)]).toEqual(['0.34', '17.3', '220']);
    expect(spreadText({ median: 2, min: 1, max: 3, count: 3 }, String)).toBe('2 (1–3)');
    expect(spreadText({ median: 2, min: 2, max: 2, count: 1 }, String)).toBe('2');
  });

  it('of tables', () => {
    const rows = [
      ['a', 'b'],
      ['long', '1'],
    ];
    expect(plainTable(rows)).toBe('a     b\nlong  1');
    expect(markdownTable(rows)).toBe('| a | b |\n| --- | ---: |\n| long | 1 |');
  });
});

describe('publishing', () => {
  it('replaces what stands between the markers and nothing else', () => {
    const text =
      'before <!-- bench:http -->\nold\n<!-- /bench:http --> after <!-- bench:idle --><!-- /bench:idle -->';
    expect(between(text, 'http', ' new\n')).toBe(
      'before <!-- bench:http -->\nnew\n<!-- /bench:http --> after <!-- bench:idle --><!-- /bench:idle -->',
    );
    expect(between(text, 'busy', 'x')).toBeUndefined();
    expect(between('<!-- bench:a -->', 'a', 'x')).toBeUndefined();
  });
});

describe('the picture', () => {
  const row = (name, median) => ({
    name,
    own: true,
    bare: false,
    value: { median, min: median / 2, max: median * 2, count: 3 },
    mark: '',
  });
  const svg = bars({
    title: 'a < b',
    note: 'n',
    panels: [{ title: 'p', rows: [row('x & y', 4), row('z', 1)] }],
  });

  it('scales bars to the longest whisker and keeps inside the card', () => {
    const widths = [...svg.matchAll(/<rect class="own" x="(\d+)" y="[\d.]+" width="([\d.]+)"/g)];
    expect(widths).toHaveLength(2);
    expect(Number(widths[0][2]) / Number(widths[1][2])).toBeCloseTo(4, 1);
    const [width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg).slice(1).map(Number);
    for (const [, x, y] of svg.matchAll(/ x="([\d.]+)" y="([\d.]+)"/g)) {
      expect(Number(x)).toBeLessThan(width);
      expect(Number(y)).toBeLessThan(height);
    }
  });

  it('says text as text, and knows the dark', () => {
    expect(svg).toContain('x &amp; y');
    expect(svg).toContain('a &lt; b');
    expect(svg).not.toMatch(/NaN|undefined/);
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(xmlText('<"&>')).toBe('&lt;&quot;&amp;&gt;');
  });
});
