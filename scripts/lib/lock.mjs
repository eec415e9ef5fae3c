/** A lock file between processes of one machine: the second bootstrap waits for the first instead of racing it. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;
/** A lock whose content cannot be read is one being written right now, unless it stays so for this long. */
const UNREADABLE_STALE_MS = 5_000;
const STEAL_STALE_MS = 10_000;

function tryCreate(file, content) {
  try {
    writeFileSync(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function ageMs(file) {
  try {
    return Date.now() - statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}

/** The pid in the lock, 'gone' when there is no lock (any more), 'unreadable' while its content is not there yet. */
function ownerOf(file) {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : 'unreadable';
  } catch (error) {
    if (error.code === 'ENOENT') return 'gone';
    throw error;
  }
}

function isStale(file) {
  const owner = ownerOf(file);
  if (owner === 'gone') return false;
  if (owner === 'unreadable') return ageMs(file) > UNREADABLE_STALE_MS;
  return !isAlive(owner);
}

/** Removes a lock left by a dead process. Only one waiter does it at a time, or it could remove a fresh lock. */
function removeStale(file) {
  const guard = `${file}.steal`;
  if (!tryCreate(guard, String(process.pid))) {
    if (ageMs(guard) > STEAL_STALE_MS) rmSync(guard, { force: true });
    return;
  }
  try {
    if (isStale(file)) rmSync(file, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

/**
 * Runs `task` while holding `file`. Waits for a living owner, takes over from a dead one.
 * @param {{ timeoutMs?: number, onWait?: (pid: number) => void }} options `onWait` is called once
 */
export async function withLock(file, task, { timeoutMs = 20 * 60_000, onWait } = {}) {
  mkdirSync(dirname(file), { recursive: true });
  const deadline = Date.now() + timeoutMs;
  let told = false;
  while (!tryCreate(file, String(process.pid))) {
    const owner = ownerOf(file);
    if (isStale(file)) {
      removeStale(file);
      continue;
    }
    if (Date.now() > deadline) {
      throw new Error(`${file} is held by process ${owner}; remove it if that process is not a bootstrap`);
    }
    if (!told && typeof owner === 'number') {
      told = true;
      onWait?.(owner);
    }
    await sleep(POLL_MS);
  }
  const release = () => rmSync(file, { force: true });
  const releaseAndDie = (signal) => {
    release();
    process.kill(process.pid, signal);
  };
  process.once('exit', release);
  process.once('SIGINT', releaseAndDie);
  process.once('SIGTERM', releaseAndDie);
  try {
    return await task();
  } finally {
    process.off('exit', release);
    process.off('SIGINT', releaseAndDie);
    process.off('SIGTERM', releaseAndDie);
    release();
  }
}
