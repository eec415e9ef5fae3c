/** `kill -9` of a real upstream in the middle of a call, seen from clients of the gateway's HTTP endpoint. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { McpClient } from '../../src/client/contract.ts';
import { connect } from '../../src/server/index.ts';
import { textOf } from '../unit/client/support.ts';
import { isAlive } from '../unit/gateway/harness.ts';
import {
  EVERYTHING_STDIO,
  ensureBuilt,
  killLeftovers,
  type RunningCli,
  startCli,
  temporaryDirectory,
} from './cli-process.ts';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

function processes(): readonly Process[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\n');
  return rows.map((row) => {
    const [, pid, parent, command = ''] = row.match(/^\s*(\d+)\s+(\d+)\s+(.*)$/) ?? [];
    return { pid: Number(pid), parent: Number(parent), command };
  });
}

/** A process's children, their children and so on. */
function descendants(pid: number): readonly Process[] {
  const all = processes();
  const found: Process[] = [];
  const walk = (parent: number): void => {
    for (const process of all.filter((each) => each.parent === parent)) {
      found.push(process);
      walk(process.pid);
    }
  };
  walk(pid);
  return found;
}

beforeAll(ensureBuilt, 120_000);
afterAll(killLeftovers);

let directory: ReturnType<typeof temporaryDirectory>;
let gateway: RunningCli;
let url: string;
const clients: McpClient[] = [];

beforeEach(async () => {
  directory = temporaryDirectory();
  const [, command, ...args] = EVERYTHING_STDIO;
  // The server does not mind a further word; it tells the processes apart.
  const server = (name: string) => ({ command, args: [...args, name] });
  const config = join(directory.path, 'mcp.json');
  const mcpServers = { victim: server('the-victim'), other: server('the-other') };
  writeFileSync(config, JSON.stringify({ mcpServers }));
  const state = join(directory.path, 'state');
  gateway = startCli(['gateway', '--config', config, '--port', '0', '--json', '--state-dir', state]);
  [, url = ''] = await gateway.seen('stdout', /"event":"ready".*"url":"([^"]+)"/);
}, 60_000);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  killLeftovers();
  directory.remove();
});

const gatewayPid = (): number => gateway.child.pid ?? 0;
const pidOf = (name: string): number | undefined =>
  descendants(gatewayPid()).find(({ command }) => command.endsWith(name))?.pid;

async function open(era: 'legacy' | 'modern'): Promise<McpClient> {
  const client = await connect(url, { era });
  clients.push(client);
  return client;
}

const echo = async (client: McpClient, server: string): Promise<string> =>
  textOf((await client.callTool(`${server}__echo`, { message: 'hi' })).content);

/** A call that runs for a while; settles `running` with its first progress. */
function longCall(client: McpClient, server: string, duration: number, steps: number) {
  let heard = 0;
  let started: () => void = () => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const onProgress = (): void => {
    heard += 1;
    started();
  };
  const name = `${server}__trigger-long-running-operation`;
  const outcome = client.callTool(name, { duration, steps }, { onProgress });
  outcome.catch(() => {});
  return { running, outcome, heard: () => heard };
}

describe.each(['legacy', 'modern'] as const)('%s client', (era) => {
  it('K13 kill -9 mid-call: -32011 for that call, the next one works, the other upstream never notices', async () => {
    const [client, neighbour] = await Promise.all([open(era), open(era)]);
    expect(await echo(client, 'victim')).toBe('Echo: hi');
    expect(await echo(client, 'other')).toBe('Echo: hi');
    const [victim, other] = [pidOf('the-victim'), pidOf('the-other')];

    const doomed = longCall(client, 'victim', 60, 600);
    const [spared, alsoSpared] = [longCall(client, 'other', 1.5, 5), longCall(neighbour, 'other', 1.5, 5)];
    await Promise.all([doomed.running, spared.running, alsoSpared.running]);
    process.kill(victim ?? 0, 'SIGKILL');

    await expect(doomed.outcome).rejects.toMatchObject({
      rpcCode: -32011,
      message: expect.stringContaining('victim'),
    });
    expect(await echo(client, 'victim')).toBe('Echo: hi');
    expect(await echo(neighbour, 'victim')).toBe('Echo: hi');
    for (const call of [spared, alsoSpared]) {
      expect(textOf((await call.outcome).content)).toContain('completed');
      expect(call.heard()).toBe(5);
    }
    expect(pidOf('the-victim')).not.toBe(victim);
    expect(pidOf('the-other')).toBe(other);
  });
});

describe('the end of the gateway', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'K13 %s after a crash and with a call running leaves no process',
    async (signal) => {
      const client = await open('modern');
      expect(await echo(client, 'other')).toBe('Echo: hi');
      expect(await echo(client, 'victim')).toBe('Echo: hi');
      process.kill(pidOf('the-victim') ?? 0, 'SIGKILL');
      expect(await echo(client, 'victim').catch(() => echo(client, 'victim'))).toBe('Echo: hi');
      const call = longCall(client, 'other', 0.5, 5);
      await call.running;
      const left = descendants(gatewayPid()).map(({ pid }) => pid);
      expect(left.length).toBeGreaterThanOrEqual(2);
      gateway.child.kill(signal);
      // A running call gets its time to end.
      expect(textOf((await call.outcome).content)).toContain('completed');
      expect((await gateway.ended).code).toBe(0);
      await expect.poll(() => left.filter(isAlive), { timeout: 10_000 }).toEqual([]);
    },
  );

  it('K13 kill -9 of the gateway itself leaves no process either', async () => {
    const client = await open('modern');
    expect(await echo(client, 'victim')).toBe('Echo: hi');
    expect(await echo(client, 'other')).toBe('Echo: hi');
    const left = descendants(gatewayPid()).map(({ pid }) => pid);
    expect(left.length).toBeGreaterThanOrEqual(2);
    gateway.child.kill('SIGKILL');
    await gateway.ended;
    await expect.poll(() => left.filter(isAlive), { timeout: 15_000 }).toEqual([]);
  });
});
