import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, isAlive } from './support.ts';

const PARENT = fileURLToPath(new URL('../../fixtures/parent-of-server.mjs', import.meta.url));

let parent: ChildProcess | undefined;
let pids: readonly number[] = [];

afterEach(() => {
  parent?.kill('SIGKILL');
  for (const pid of pids.filter(isAlive)) {
    process.kill(pid, 'SIGKILL');
  }
});

describe.skipIf(process.platform === 'win32')('K02 nothing is left when we die', () => {
  it.each([
    ['by SIGKILL', (child: ChildProcess) => child.kill('SIGKILL')],
    ['by SIGTERM', (child: ChildProcess) => child.kill('SIGTERM')],
    ['by process.exit', (child: ChildProcess) => child.stdin?.write('exit\n')],
  ])('%s', async (_, end) => {
    const child = spawn(process.execPath, [PARENT], { stdio: ['pipe', 'pipe', 'inherit'] });
    parent = child;
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    pids = line.toString().trim().split(' ').map(Number);
    expect(pids).toHaveLength(2);
    expect(pids.every(isAlive)).toBe(true);
    end(child);
    await eventually(() => !pids.some(isAlive), 10_000);
  });
});
