import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFileWatcher } from '../../../src/cli/file-watcher.ts';
import { importGraph } from '../../../src/cli/import-graph.ts';

let root: string;
const write = (name: string, text: string): string => {
  const path = join(root, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ferromcp-graph-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('importGraph', () => {
  it('follows every way to import a file, and leaves packages out', () => {
    const entry = write(
      'server.ts',
      `import a from './a.ts';
import './b';
import type { T } from "./types.js";
export * from './lib';
const d = await import('./d.mjs');
const e = require('./e.cjs');
import f from '${pathToFileURL(join(root, 'f.ts')).href}';
import { createServer } from 'ferromcp';
import missing from './missing.ts';
import data from './data.json' with { type: 'json' };`,
    );
    for (const name of ['a.ts', 'b.ts', 'types.ts', 'd.mjs', 'e.cjs', 'f.ts', 'data.json']) write(name, '');
    write('lib/index.ts', "import '../a.ts'; import './deep.js';");
    write('lib/deep.js', "import '../server.ts';");
    const names = [...importGraph(entry)].map((path) => relative(root, path)).sort();
    expect(names).toEqual(
      [
        'a.ts',
        'b.ts',
        'd.mjs',
        'data.json',
        'e.cjs',
        'f.ts',
        'lib/deep.js',
        'lib/index.ts',
        'missing.ts',
        'server.ts',
        'types.ts',
      ].sort(),
    );
  });

  it('is bounded', () => {
    for (let index = 0; index < 2_100; index += 1) write(`f${index}.ts`, `import './f${index + 1}.ts';`);
    expect(importGraph(join(root, 'f0.ts')).size).toBe(2_000);
  });
});

describe('createFileWatcher', () => {
  it('reports a changed, a removed and a new file once each, and nothing else', async () => {
    const one = write('one.ts', '1');
    const two = write('two.ts', '2');
    const later = join(root, 'later.ts');
    write('other.ts', 'x');
    const seen: string[][] = [];
    const watcher = createFileWatcher((files) => seen.push(files.map((path) => relative(root, path)).sort()));
    try {
      watcher.follow(new Set([one, two, later]));
      write('other.ts', 'y');
      writeFileSync(one, 'changed');
      writeFileSync(later, 'new');
      await expect.poll(() => seen).toEqual([['later.ts', 'one.ts']]);
      rmSync(two);
      await expect.poll(() => seen.length).toBe(2);
      expect(seen[1]).toEqual(['two.ts']);
    } finally {
      watcher.close();
    }
  });
});
