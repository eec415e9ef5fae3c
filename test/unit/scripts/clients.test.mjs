import { describe, expect, it } from 'vitest';
import { reportClients } from '../../../scripts/lib/clients.mjs';

const check = (ok, name = 'call a tool') => ({ name, ok, detail: ok ? '' : 'no Echo in: x' });

describe('the report of the client runs', () => {
  it('counts checks and says what failed', () => {
    const report = reportClients([
      { name: 'one', checks: [check(true), check(false)] },
      { name: 'another', checks: [check(true)] },
    ]);
    expect(report).toMatchObject({ passed: 2, failed: 1 });
    expect(report.lines.at(-1)).toBe('FAILED: one: call a tool: no Echo in: x');
  });

  it('a run that made no check has failed', () => {
    expect(reportClients([{ name: 'one', checks: [] }])).toMatchObject({ passed: 0, failed: 1 });
  });
});
