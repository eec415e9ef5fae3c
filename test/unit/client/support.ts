import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { createClient } from '../../../src/client/client.ts';
import type { ClientOptions, McpClient } from '../../../src/client/contract.ts';
import type { ContentBlock } from '../../../src/core/mcp.ts';
import {
  type StdioTransport,
  type StdioTransportOptions,
  stdioTransport,
} from '../../../src/transports/client/stdio.ts';

const SCRIPT = fileURLToPath(new URL('../../fixtures/scripted-stdio-server.mjs', import.meta.url));

const open: { close(): Promise<void> }[] = [];

/** Closes what a test opened, also when it fails. */
export function closing<T extends { close(): Promise<void> }>(thing: T): T {
  open.push(thing);
  return thing;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

export interface Scripted {
  readonly client: McpClient;
  readonly transport: StdioTransport;
}

/** A client of the scripted stdio server with one bad habit. */
export function scripted(
  habit: string,
  options: ClientOptions = {},
  process: Partial<StdioTransportOptions> & { readonly rest?: readonly string[] } = {},
): Scripted {
  const { rest = [], ...transportOptions } = process;
  const transport = stdioTransport({
    command: globalThis.process.execPath,
    args: [SCRIPT, habit, ...rest],
    closeMs: 500,
    terminateMs: 500,
    ...transportOptions,
  });
  return { client: closing(createClient(transport, options)), transport };
}

export function textOf(content: readonly ContentBlock[]): string {
  const [block] = content;
  return block?.type === 'text' ? block.text : '';
}

/** Polls until `check` holds; fails after `ms`. */
export async function eventually(check: () => boolean, ms = 5_000): Promise<void> {
  const end = performance.now() + ms;
  while (!check()) {
    if (performance.now() > end) {
      throw new Error('did not happen in time');
    }
    await delay(10);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
