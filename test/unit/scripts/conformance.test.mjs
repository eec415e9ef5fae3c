import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectedFailures, judge, readResults } from '../../../scripts/lib/checker.mjs';
import { nativeModes, report } from '../../../scripts/lib/conformance.mjs';

const check = (id, status) => ({ id, status, description: `about ${id}` });
const good = [check('a', 'SUCCESS'), check('b', 'SUCCESS'), check('c', 'INFO')];
const half = [check('a', 'SUCCESS'), check('b', 'FAILURE')];
const status = (checks, expected = [], scored = true) =>
  judge('tools-list', checks, { scored, expected }).status;

describe('judge', () => {
  it('passes a scenario whose checks succeed and counts them', () => {
    expect(judge('tools-list', good, { scored: true, expected: [] })).toEqual({
      status: 'passed',
      passed: 2,
      failed: 0,
      reasons: [],
    });
  });

  it('fails an unlisted failure, scored or not, and says which check', () => {
    for (const scored of [true, false]) {
      const verdict = judge('tools-list', half, {
        scored,
        expected: ['tools-call', 'tools-list:other-check'],
      });
      expect(verdict.status).toBe('failed');
      expect(verdict.reasons[0]).toBe('b: about b');
    }
  });

  it('takes a warning for a failure', () => {
    expect(status([check('a', 'SUCCESS'), check('b', 'WARNING')])).toBe('failed');
    expect(status([check('a', 'SUCCESS'), check('b', 'WARNING')], ['tools-list:b'])).toBe('expected');
  });

  it('accepts a failure listed by scenario or by check', () => {
    expect(status(half, ['tools-list'])).toBe('expected');
    expect(status(half, ['tools-list:b'])).toBe('expected');
  });

  it('fails a listed failure that does not fail', () => {
    expect(status(good, ['tools-list'])).toBe('failed');
    expect(status(half, ['tools-list:a', 'tools-list:b'])).toBe('failed');
  });

  it('fails a scenario without a result, and a scored one without a check', () => {
    expect(status(undefined)).toBe('failed');
    expect(status([check('c', 'SKIPPED')])).toBe('failed');
    expect(status([check('c', 'SKIPPED')], [], false)).toBe('skipped');
  });
});

describe('files of the checker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ferromcp-results-'));
  const put = (path, text) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  };

  it('are read by scenario, with slashes in names', async () => {
    try {
      const time = '2026-01-02T03-04-05-006Z';
      put(`server-tools-list-${time}/checks.json`, JSON.stringify(good));
      put(`auth/iss-supported-${time}/checks.json`, JSON.stringify(half));
      put(`broken-${time}/stdout.txt`, '');
      put(`server-initialize-${time}/checks.json`, '[]');
      const results = readResults(folder);
      expect([...results.keys()].sort()).toEqual(['auth/iss-supported', 'initialize', 'tools-list']);
      expect(results.get('tools-list')).toEqual(good);
      expect(readResults(join(folder, 'nothing')).size).toBe(0);
      put('expected.yml', 'server:\n  - tools-list\n  - a:b\n');
      expect(await expectedFailures(join(folder, 'expected.yml'), 'server')).toEqual(['tools-list', 'a:b']);
      expect(await expectedFailures(join(folder, 'expected.yml'), 'client')).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('nativeModes', () => {
  it('takes what is there, or is told', () => {
    expect(nativeModes('auto', true, true)).toEqual(['on', 'off']);
    expect(nativeModes('auto', true, false)).toEqual(['on']);
    expect(nativeModes('auto', false, true)).toEqual(['off']);
    expect(nativeModes('off', true, true)).toEqual(['off']);
    expect(nativeModes('both', true, false)).toEqual(['on', 'off']);
    expect(() => nativeModes('both', false, true)).toThrow(/not built/);
  });
});

describe('report', () => {
  it('counts scenarios, and names failures and expected failures', () => {
    const judged = [
      { scenario: 'a', status: 'passed', passed: 3, failed: 0, reasons: [] },
      { scenario: 'b', status: 'failed', passed: 1, failed: 1, reasons: ['x: wrong'] },
      { scenario: 'c', status: 'expected', passed: 0, failed: 2, reasons: [] },
    ];
    const { lines, passed, failed } = report([{ name: 'server', judged }]);
    expect([passed, failed]).toEqual([1, 1]);
    expect(lines).toContain('FAILED: server: b: x: wrong');
    expect(lines).toContain('expected failure: server: c');
    expect(lines[1]).toMatch(/^server\s+1\s+1\s+1\s+0\s+4\s+3$/);
  });
});
