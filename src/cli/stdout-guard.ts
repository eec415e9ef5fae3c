import { Console } from 'node:console';
import { Writable } from 'node:stream';

/**
 * Keeps stdout for the protocol while a module of somebody else runs in this process (2026-07-28, stdio: nothing but
 * messages on stdout). Whatever the module prints goes to stderr; only the returned stream reaches stdout.
 */
export function guardStdout(): Writable {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout) as (
    chunk: Uint8Array,
    callback: (error?: Error | null) => void,
  ) => boolean;
  globalThis.console = new Console({ stdout: stderr, stderr });
  stdout.write = stderr.write.bind(stderr) as typeof stdout.write;
  return new Writable({
    decodeStrings: true,
    write: (chunk: Buffer, _encoding, done) => void write(chunk, (error) => done(error ?? null)),
  });
}
