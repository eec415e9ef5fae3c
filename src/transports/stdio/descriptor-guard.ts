import childProcess, { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type Callable = (this: unknown, ...args: unknown[]) => unknown;

const STDOUT = 1;
const STDERR = 2;
const WRITES = ['write', 'writeSync', 'writev', 'writevSync'];
const SYNC_SPAWNS = ['spawnSync', 'execSync', 'execFileSync'];

/**
 * Sends to stderr what reaches file descriptor 1 past `process.stdout`: writes by number (loggers do that) and child
 * processes that inherit it. Code that calls `write(2)` itself, in an addon, is out of reach. Returns the undo.
 */
export function guardDescriptor(): () => void {
  const undo = [
    ...WRITES.map((name) =>
      replace(
        fs,
        name,
        (original) =>
          function (fd, ...rest) {
            return Reflect.apply(original, this, [fd === STDOUT ? STDERR : fd, ...rest]);
          },
      ),
    ),
    ...SYNC_SPAWNS.map((name) =>
      replace(
        childProcess,
        name,
        (original) =>
          function (...args) {
            return Reflect.apply(original, this, args.map(withoutStdout));
          },
      ),
    ),
    // All asynchronous forms end here.
    replace(
      ChildProcess.prototype,
      'spawn',
      (original) =>
        function (...args) {
          return Reflect.apply(original, this, args.map(withoutStdout));
        },
    ),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const each of undo) each();
    syncBuiltinESMExports();
  };
}

function replace(holder: object, name: string, wrap: (original: Callable) => Callable): () => void {
  const original = Reflect.get(holder, name) as Callable;
  const wrapped = wrap(original);
  // Name, length and the symbols by which `util.promisify` knows the function.
  Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(original));
  Reflect.set(holder, name, wrapped);
  return () => Reflect.set(holder, name, original);
}

/** Options of a spawn with stderr in place of stdout; anything else as it is. */
function withoutStdout(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null || Array.isArray(argument)) return argument;
  const stdio: unknown = Reflect.get(argument, 'stdio');
  if (stdio === 'inherit') return { ...argument, stdio: ['inherit', STDERR, 'inherit'] };
  if (!Array.isArray(stdio)) return argument;
  return {
    ...argument,
    stdio: stdio.map((entry: unknown, index) => (isStdout(entry, index) ? STDERR : entry)),
  };
}

function isStdout(entry: unknown, index: number): boolean {
  if (entry === 'inherit') return index === STDOUT;
  if (entry === STDOUT || entry === process.stdout) return true;
  return typeof entry === 'object' && entry !== null && Reflect.get(entry, 'fd') === STDOUT;
}
