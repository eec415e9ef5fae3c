/** Which side of a benchmark runs on which processor core. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { findOnPath } from '../../scripts/lib/process.mjs';

/**
 * @typedef {{ server: number | undefined, load: number | undefined, text: string }} Cores undefined = not pinned
 * @param {1 | 2} coresEachSide 1: server and load on a core each; 2: both sides may use the same two
 * @returns {Cores}
 */
export function chooseCores(coresEachSide) {
  if (coresEachSide === 2)
    return { server: undefined, load: undefined, text: 'not pinned: both sides share all cores' };
  if (findOnPath('taskset') === undefined)
    return { server: undefined, load: undefined, text: 'not pinned: taskset is missing' };
  if (availableParallelism() < 2)
    return { server: undefined, load: undefined, text: 'not pinned: one core only' };
  return { server: 0, load: 1, text: 'server on core 0, load on core 1' };
}

/**
 * @param {number | undefined} core
 * @param {readonly string[]} command
 * @returns {[string, ...string[]]}
 */
export function pinned(core, command) {
  const words = core === undefined ? command : ['taskset', '-c', String(core), ...command];
  const [program = '', ...rest] = words;
  return [program, ...rest];
}

/**
 * Starts a program on a core.
 * @param {number | undefined} core
 * @param {readonly string[]} command
 * @param {import('node:child_process').SpawnOptions} options
 */
export function spawnOn(core, command, options) {
  const [program, ...args] = pinned(core, command);
  return spawn(program, args, options);
}
