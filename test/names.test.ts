/** Holds the rules on files: names, sizes, no leftovers, and a lock file that installs everywhere. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CODE = /\.(ts|mts|mjs|js|rs|py|sh)$/;
const MAX_LINES = 500;
const MAX_TEXT_BYTES = 2 * 1024 * 1024;
/** Written by a tool; neither their names nor their sizes are ours. */
const GENERATED =
  /^(native\/(binding|index)\.(js|d\.ts)|docs\/reference\/|.*package-lock\.json$|Cargo\.lock$|test\/hostile\/corpus\/)/;
const BANNED_NAMES = new Set(['util', 'utils', 'helper', 'helpers', 'misc', 'common']);

const tracked = execFileSync('git', ['ls-files', '-z'], {
  cwd: ROOT,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
})
  .split('\0')
  .filter((file) => file !== '' && !GENERATED.test(file) && existsSync(join(ROOT, file)));

/** The words of each folder and file name, so that `string-utils.ts` is found and `commonmark.ts` is not. */
function bannedWords(file: string): string[] {
  return file
    .split('/')
    .flatMap((name) => name.toLowerCase().split(/[-_.]/))
    .filter((word) => BANNED_NAMES.has(word));
}

function badName(file: string): boolean {
  const name = basename(file);
  if (file.endsWith('.rs')) return !/^[a-z0-9]+(_[a-z0-9]+)*\.rs$/.test(name);
  if (file.endsWith('.py')) return !/^[a-z0-9_]+\.py$/.test(name);
  return !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/.test(name);
}

function textOf(file: string): string {
  const path = join(ROOT, file);
  if (statSync(path).size > MAX_TEXT_BYTES) return '';
  const bytes = readFileSync(path);
  return bytes.includes(0) ? '' : bytes.toString('utf8');
}

const LEFTOVER = new RegExp(`\\b(${['TO', 'FIX'].map((start, i) => start + ['DO', 'ME'][i]).join('|')})\\b`);
/** An absolute path of the machine the code was written on. */
const MACHINE_PATH = new RegExp(`(^|[^\\w.$}-])/${'work'}/`);

function linesMatching(pattern: RegExp, file: string): string[] {
  return textOf(file)
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []));
}

describe('the rules', () => {
  it('find what they are for', () => {
    expect(bannedWords('src/core/string-utils.ts')).toEqual(['utils']);
    expect(bannedWords('src/common/x.ts')).toEqual(['common']);
    expect(bannedWords('src/core/commonmark.ts')).toEqual([]);
    expect(badName('src/core/fooBar.ts')).toBe(true);
    expect(badName('src/core/foo_bar.ts')).toBe(true);
    expect(badName('src/core/foo-bar.test.ts')).toBe(false);
    expect(badName('crates/x/src/foo_bar.rs')).toBe(false);
    expect(LEFTOVER.test(`// ${'TO'}${'DO'}: later`)).toBe(true);
    expect(MACHINE_PATH.test(`see /${'work'}/x`)).toBe(true);
    expect(MACHINE_PATH.test('https://example.org/work/x')).toBe(false);
  });
});

describe('tracked files', () => {
  const code = tracked.filter((file) => CODE.test(file));

  it('are there', () => {
    expect(code.length).toBeGreaterThan(10);
  });

  it('have standard names', () => {
    expect(code.filter(badName)).toEqual([]);
    expect(code.filter((file) => bannedWords(file).length > 0)).toEqual([]);
  });

  it(`are at most ${MAX_LINES} lines long`, () => {
    const long = code
      .map((file) => ({ file, lines: textOf(file).trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES)
      .map(({ file, lines }) => `${file}: ${lines}`);
    expect(long).toEqual([]);
  });

  it('have no leftovers', () => {
    expect(code.flatMap((file) => linesMatching(LEFTOVER, file))).toEqual([]);
  });

  it('mention no machine', () => {
    expect(tracked.flatMap((file) => linesMatching(MACHINE_PATH, file))).toEqual([]);
  });
});

describe('rooms', () => {
  it('have an entry file that says what they own', () => {
    const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    const silent = rooms
      .map(({ name }) => name)
      .filter((room) => {
        const index = join(ROOT, 'src', room, 'index.ts');
        const readme = join(ROOT, 'src', room, 'README.md');
        return (
          !existsSync(readme) &&
          !(existsSync(index) && readFileSync(index, 'utf8').trimStart().startsWith('/**'))
        );
      });
    expect(silent).toEqual([]);
  });
});

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly license?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function lockEntries(file: string): Map<string, LockEntry> {
  const lock: unknown = JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
  return new Map(Object.entries((lock as { packages: Record<string, LockEntry> }).packages));
}

describe('the lock file', () => {
  it.each(['package-lock.json', 'conformance/package-lock.json'])(
    '%s names every optional platform package (or npm ci refuses it; run node scripts/complete-lock.mjs)',
    (file) => {
      const entries = lockEntries(file);
      const names = new Set(
        [...entries.keys()].map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)),
      );
      const wanted = [...entries.values()].flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
      expect(wanted.length).toBeGreaterThan(0);
      expect(wanted.filter((name) => !names.has(name))).toEqual([]);
    },
  );

  it('brings only permissive licences to users', () => {
    const permissive = /^(MIT|Apache-2\.0|ISC|0BSD|BSD-[23]-Clause|BlueOak-1\.0\.0|Unlicense)$/;
    const wrong = [...lockEntries('package-lock.json')]
      .filter(
        ([path, entry]) => path !== '' && entry.dev !== true && !permissive.test(entry.license ?? 'none'),
      )
      .map(([path, entry]) => `${path}: ${entry.license ?? 'none'}`);
    expect(wrong).toEqual([]);
  });
});
