/** Process groups we started, and how to signal them. Nothing we start may outlive this process. */
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { unwatchGroup, watchGroup } from './group-watchdog.ts';

const groups = new Set<number>();
const isWindows = process.platform === 'win32';

function killAllNow(): void {
  for (const group of groups) {
    signalGroup(group, 'SIGKILL');
  }
}

/** Takes a group into care: it is killed when this process ends, however it ends. */
export function registerGroup(group: number): void {
  if (groups.size === 0) {
    process.on('exit', killAllNow);
  }
  groups.add(group);
  if (!isWindows) {
    watchGroup(group, groups);
  }
}

export function unregisterGroup(group: number): void {
  if (!groups.delete(group)) {
    return;
  }
  if (!isWindows) {
    unwatchGroup(group);
  }
  if (groups.size === 0) {
    process.off('exit', killAllNow);
  }
}

/** Signals every process of the group; false when there is none left. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  if (isWindows) {
    return signalTree(group, signal);
  }
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    // EPERM: members exist, but belong to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Windows has no process groups in this sense: `taskkill` walks the tree below the process. */
function signalTree(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (signal !== 0) {
    const killer = spawn('taskkill', ['/pid', String(pid), '/T', '/F'], {
      stdio: 'ignore',
      windowsHide: true,
    });
    killer.on('error', () => {});
    killer.unref();
  }
  return true;
}

/** Waits until the group is empty; false when it is not after `ms`. */
export async function groupGone(group: number, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  let pause = 5;
  while (signalGroup(group, 0)) {
    if (performance.now() >= deadline) {
      return false;
    }
    await delay(pause, undefined, { ref: false });
    pause = Math.min(pause * 2, 50);
  }
  return true;
}
