import { StdioServer } from '../transports/stdio/stdio-server.ts';
import { guardStdout } from '../transports/stdio/stdout-guard.ts';
import type { Assembly } from './assembly.ts';

/** Serves the process's own stdin and stdout until the client closes them. stdout carries nothing but the protocol. */
export async function serveStdio(assembly: Assembly): Promise<void> {
  const guard = guardStdout();
  const server = new StdioServer(assembly.protocol, { input: process.stdin, output: guard.output });
  try {
    await server.done;
  } finally {
    guard.release();
  }
}
