import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { THREATS } from '../threats.ts';

const TESTS = fileURLToPath(new URL('../', import.meta.url));
const TEST_FILE = /\.test\.(ts|mts|mjs)$/;
/** A text that begins with one or more ids, as test names do. */
const CITATION = /(['"`])((?:[A-Z]\d{2}(?:, | |(?=\1)))+)/g;
const ID = /[A-Z]\d{2}/g;

/** Ids cited by the test names of a file. */
function citedIn(source: string): Set<string> {
  const ids = new Set<string>();
  for (const match of source.matchAll(CITATION))
    for (const [id] of (match[2] ?? '').matchAll(ID)) ids.add(id);
  return ids;
}

const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).filter((file) =>
  TEST_FILE.test(file),
);
const citations = files
  .filter((file) => !file.endsWith('coverage.test.ts'))
  .flatMap((file) => [...citedIn(readFileSync(join(TESTS, file), 'utf8'))].map((id) => ({ id, file })));
const cited = new Set(citations.map(({ id }) => id));

describe('the table of threats', () => {
  it('has every section and every id once, in order', () => {
    const ids = THREATS.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(new Set(ids.map((id) => id[0]))).toEqual(new Set('ABCDEFGHIJKLM'));
    for (const id of ids) expect(id).toMatch(/^[A-M]\d{2}$/);
  });

  it('says of every row that is not tested why', () => {
    for (const threat of THREATS) {
      if (threat.state === 'later') expect(threat.waitsFor, threat.id).not.toBe('');
      if (threat.state === 'not applicable') expect(threat.reason, threat.id).not.toBe('');
    }
  });
});

describe('the tests', () => {
  it('are found', () => {
    expect(files.length).toBeGreaterThan(20);
    const title = ['D', '03'].join('');
    expect(citedIn(`it('${title} C04, A05 something', () => {})`)).toEqual(new Set([title, 'C04', 'A05']));
    expect(citedIn(`it('something about ${title}', () => {})`)).toEqual(new Set());
  });

  it('cite every threat that the table calls tested', () => {
    const silent = THREATS.filter(({ id, state }) => state === 'tested' && !cited.has(id)).map(
      ({ id }) => id,
    );
    expect(silent).toEqual([]);
  });

  it('cite only threats that the table knows', () => {
    const known = new Set(THREATS.map(({ id }) => id));
    expect(citations.filter(({ id }) => !known.has(id))).toEqual([]);
  });

  it('cite no threat that the table calls not applicable', () => {
    const none = new Set(THREATS.filter(({ state }) => state === 'not applicable').map(({ id }) => id));
    expect(citations.filter(({ id }) => none.has(id))).toEqual([]);
  });
});
