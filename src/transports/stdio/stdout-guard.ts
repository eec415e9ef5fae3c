import type { Writable } from 'node:stream';
import { guardDescriptor } from './descriptor-guard.ts';

/**
 * Keeps stdout for the protocol: everything the application prints (`console.log`, `process.stdout.write`, writes to
 * descriptor 1, child processes) goes to stderr instead, and stderr may be closed. Returns the stream that still
 * reaches stdout, and a function that undoes the guard.
 */
export function guardStdout(): { readonly output: Writable; readonly release: () => void } {
  const { stdout, stderr } = process;
  const original = stdout.write;
  const write = original.bind(stdout);
  stdout.write = stderr.write.bind(stderr) as typeof stdout.write;
  const releaseDescriptor = guardDescriptor();
  // A client that does not care for what we print may close its end.
  const ignore = (): void => {};
  stderr.on('error', ignore);
  const output = new Proxy(stdout, {
    get(target, name) {
      if (name === 'write') return write;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    output,
    release: () => {
      stdout.write = original;
      releaseDescriptor();
      stderr.off('error', ignore);
    },
  };
}
