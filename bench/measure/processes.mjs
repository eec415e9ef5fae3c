/** What Linux says about processes in /proc: time used, memory, children, threads. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Ticks a second in /proc; 100 nearly everywhere. */
const TICKS = (() => {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100;
  } catch {
    return 100;
  }
})();

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** True where /proc tells what the benchmarks need (Linux). */
export const hasProc = read('/proc/self/stat') !== '';

/**
 * A process and all below it.
 * @param {number} pid
 * @returns {number[]}
 */
export function processTree(pid) {
  const children = childrenByParent();
  const tree = [pid];
  for (const one of tree) tree.push(...(children.get(one) ?? []));
  return tree;
}

function childrenByParent() {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const name of hasProc ? readdirSync('/proc') : []) {
    const pid = Number(name);
    const parent = Number.isInteger(pid) ? statFields(pid)[1] : undefined;
    if (parent === undefined) continue;
    const list = children.get(Number(parent)) ?? [];
    list.push(pid);
    children.set(Number(parent), list);
  }
  return children;
}

/**
 * The fields of /proc/<pid>/stat from the state on.
 * @param {number} pid
 */
function statFields(pid) {
  const stat = read(`/proc/${pid}/stat`);
  const end = stat.lastIndexOf(')');
  return end < 0 ? [] : stat.slice(end + 2).split(' ');
}

/**
 * Processor time (user and system) of processes in seconds; undefined where there is no /proc.
 * @param {readonly number[]} pids
 */
export function cpuSeconds(pids) {
  if (!hasProc) return undefined;
  let ticks = 0;
  for (const pid of pids) {
    const fields = statFields(pid);
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks / TICKS;
}

/**
 * Resident memory of processes in bytes; undefined where there is no /proc.
 * @param {readonly number[]} pids
 */
export function residentBytes(pids) {
  if (!hasProc) return undefined;
  let kibibytes = 0;
  for (const pid of pids) {
    kibibytes += Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
  }
  return kibibytes * 1024;
}

/**
 * Names of a process's threads (the kernel keeps 15 characters).
 * @param {number | 'self'} pid
 */
export function threadNames(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).map((id) => read(`/proc/${pid}/task/${id}/comm`).trim());
  } catch {
    return [];
  }
}

/** Seconds all processors of the machine were busy since it started; undefined where there is no /proc. */
export function machineBusySeconds() {
  const first = /^cpu\s+(.*)$/m.exec(read('/proc/stat'))?.[1];
  if (first === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0, stolen = 0] = first
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + interrupts + soft + stolen) / TICKS;
}

/** How many files a process may have open at most. */
export function openFileLimit() {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(read('/proc/self/limits'))?.[1];
  return hard === undefined ? 1_024 : hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}
