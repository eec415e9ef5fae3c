import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../../scripts/lib/lock.mjs';

const MODULE = pathToFileURL(join(import.meta.dirname, '../../../scripts/lib/lock.mjs')).href;

let folder;
let lock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferromcp-lock-'));
  lock = join(folder, 'the.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('withLock', () => {
  it('gives back what the task gives and leaves no lock, also when the task fails', async () => {
    expect(await withLock(lock, async () => readFileSync(lock, 'utf8'))).toBe(String(process.pid));
    expect(existsSync(lock)).toBe(false);
    await expect(withLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(lock)).toBe(false);
  });

  it('takes over from a process that is gone', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(lock, String(pid));
    expect(await withLock(lock, async () => 'mine')).toBe('mine');
  });

  it('does not take over from a living process', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    try {
      writeFileSync(lock, String(child.pid));
      const waited = [];
      const attempt = withLock(lock, async () => 'mine', {
        timeoutMs: 300,
        onWait: (pid) => waited.push(pid),
      });
      await expect(attempt).rejects.toThrow(/held by process/);
      expect(waited).toEqual([child.pid]);
    } finally {
      child.kill();
    }
  });

  it('lets processes in one at a time, starting from a stale lock', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(lock, String(pid));
    const inside = join(folder, 'inside');
    const source = `
      import { writeFileSync, rmSync } from 'node:fs';
      import { withLock } from ${JSON.stringify(MODULE)};
      await withLock(${JSON.stringify(lock)}, async () => {
        writeFileSync(${JSON.stringify(inside)}, '', { flag: 'wx' });
        await new Promise((resolve) => setTimeout(resolve, 30));
        rmSync(${JSON.stringify(inside)});
      });`;
    const codes = await Promise.all(
      Array.from(
        { length: 5 },
        () =>
          new Promise((resolve) => {
            const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'ignore' });
            child.once('exit', resolve);
          }),
      ),
    );
    expect(codes).toEqual([0, 0, 0, 0, 0]);
    expect(existsSync(lock)).toBe(false);
  });
});
