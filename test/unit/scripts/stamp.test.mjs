import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashInputs, readStamp, treeMatchesLock, writeStamp } from '../../../scripts/lib/stamp.mjs';

let root;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ferromcp-stamp-'));
  mkdirSync(join(root, 'src', 'deep'), { recursive: true });
  writeFileSync(join(root, 'src', 'a.ts'), 'one');
  writeFileSync(join(root, 'src', 'deep', 'b.ts'), 'two');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('hashInputs', () => {
  const hash = (options) => hashInputs(root, ['src', 'missing', 'tsconfig.json'], options);

  it('stays the same when a file is written again with the same content', () => {
    const before = hash();
    writeFileSync(join(root, 'src', 'a.ts'), 'one');
    expect(hash()).toBe(before);
  });

  it('changes with a content, a name, a new file, a removed file and an extra', () => {
    const seen = new Set([hash()]);
    writeFileSync(join(root, 'src', 'a.ts'), 'One');
    seen.add(hash());
    writeFileSync(join(root, 'src', 'c.ts'), '');
    seen.add(hash());
    writeFileSync(join(root, 'tsconfig.json'), '{}');
    seen.add(hash());
    rmSync(join(root, 'src', 'deep', 'b.ts'));
    seen.add(hash());
    seen.add(hash({ extra: ['linux'] }));
    expect(seen.size).toBe(6);
  });

  it('tells where one file ends and the next begins', () => {
    writeFileSync(join(root, 'src', 'a.ts'), 'onetwo');
    writeFileSync(join(root, 'src', 'deep', 'b.ts'), '');
    const joined = hash();
    writeFileSync(join(root, 'src', 'a.ts'), 'one');
    writeFileSync(join(root, 'src', 'deep', 'b.ts'), 'two');
    expect(hash()).not.toBe(joined);
  });

  it('leaves out what is skipped', () => {
    const skip = (_path, name) => name.endsWith('.node');
    const before = hash({ skip });
    writeFileSync(join(root, 'src', 'addon.node'), 'binary');
    expect(hash({ skip })).toBe(before);
    expect(hash()).not.toBe(before);
  });
});

describe('stamps', () => {
  it('are read back, and absent ones are undefined', () => {
    const file = join(root, 'stamp');
    expect(readStamp(file)).toBeUndefined();
    writeStamp(file, 'abc');
    expect(readStamp(file)).toBe('abc');
  });
});

describe('treeMatchesLock', () => {
  const entry = { version: '1.0.0', integrity: 'sha512-x' };
  beforeEach(() => mkdirSync(join(root, 'node_modules', 'a'), { recursive: true }));
  const matches = (lock, installed) => treeMatchesLock(root, { packages: lock }, { packages: installed });

  it('accepts a tree that holds what the lock file asks for', () => {
    expect(matches({ '': {}, 'node_modules/a': entry }, { 'node_modules/a': entry })).toBe(true);
  });

  it('accepts the absence of an optional package only', () => {
    const lock = { 'node_modules/a': entry, 'node_modules/b': { ...entry, optional: true } };
    expect(matches(lock, { 'node_modules/a': entry })).toBe(true);
    expect(matches({ ...lock, 'node_modules/b': entry }, { 'node_modules/a': entry })).toBe(false);
  });

  it('refuses another version, another content, a deleted folder and a broken record', () => {
    expect(matches({ 'node_modules/a': entry }, { 'node_modules/a': { ...entry, version: '1.0.1' } })).toBe(
      false,
    );
    expect(
      matches({ 'node_modules/a': entry }, { 'node_modules/a': { ...entry, integrity: 'sha512-y' } }),
    ).toBe(false);
    rmSync(join(root, 'node_modules', 'a'), { recursive: true });
    expect(matches({ 'node_modules/a': entry }, { 'node_modules/a': entry })).toBe(false);
    expect(treeMatchesLock(root, { packages: {} }, null)).toBe(false);
  });
});
