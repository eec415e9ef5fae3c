/** Upstreams that misbehave: what they do to their own calls, and that nobody else notices. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createServer } from '../../src/server/index.ts';
import { eventually, textOf } from '../unit/client/support.ts';
import {
  cleanup,
  inMemory,
  isAlive,
  scripted,
  startGateway,
  type TestGateway,
} from '../unit/gateway/harness.ts';

function bystander() {
  const server = createServer({ name: 'bystander', version: '1' });
  cleanup(() => server.close());
  server.tool('ok', {}, () => 'fine');
  return { target: inMemory(server) };
}

const status = (gateway: TestGateway, name: string) => {
  const found = gateway.upstreams.states().find((each) => each.name === name);
  if (found === undefined) throw new Error(`no upstream ${name}`);
  return found;
};

const quick = { startMs: 6_000, backoffMs: 20, backoffMaxMs: 50, breakerFailures: 3, breakerOpenMs: 400 };

async function start(habit: string, options: object = {}, ...rest: string[]) {
  const gateway = startGateway({
    bad: { target: scripted(habit, ...rest), options: { era: 'legacy', ...quick, ...options } },
    other: bystander(),
  });
  const client = await gateway.connect({ era: 'modern' });
  const otherWorks = async () => expect(textOf((await client.callTool('other__ok')).content)).toBe('fine');
  return { gateway, client, otherWorks };
}

/** A stdio server whose tools are its habits. */
const HABITS = `
const readline = require('node:readline');
const { spawn } = require('node:child_process');
const out = (m) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\\n');
const names = ['echo','kill','hang','exit','junk','long','flood','grandchild','slow','ignore'];
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') return out({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'habits', version: '1' } } });
  if (method === 'tools/list') return out({ id, result: { tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })) } });
  if (method !== 'tools/call') return id === undefined ? undefined : out({ id, error: { code: -32601, message: 'no' } });
  const text = (value) => out({ id, result: { content: [{ type: 'text', text: String(value) }] } });
  process.stderr.write('called ' + params.name + '\\n');
  switch (params.name) {
    case 'echo': return text(params.arguments.value ?? process.pid);
    case 'kill': return process.kill(process.pid, 'SIGKILL');
    case 'exit': return process.exit(1);
    case 'hang': return;
    case 'slow': return setTimeout(() => text('slow'), params.arguments.ms);
    case 'junk': process.stdout.write('Listening...\\n\\u001b[31mred\\u001b[0m\\n{"jsonrpc":"2.0","id":1,"res\\n'); process.stdout.write(Buffer.from([0, 255, 254, 10])); return text('junked');
    case 'long': { const chunk = 'x'.repeat(1 << 20); let n = 0; const more = () => { if (n++ < 100) process.stdout.write(chunk, more); }; return more(); }
    case 'flood': { const chunk = 'e'.repeat(1 << 16); let n = 0; const more = () => { if (n++ < 3200) process.stderr.write(chunk, more); else text('flooded'); }; return more(); }
    case 'grandchild': { const child = spawn(process.execPath, ['-e', "process.on('SIGTERM',()=>{});process.on('SIGHUP',()=>{});setInterval(()=>{},1000)"], { stdio: 'inherit' }); return text(child.pid); }
    case 'ignore': process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); return text(process.pid);
  }
});
`;

const habits = { kind: 'stdio', command: process.execPath, args: ['-e', HABITS], env: {} } as const;

async function startHabits(options: object = {}) {
  const gateway = startGateway({
    bad: { target: habits, options: { era: 'legacy', ...quick, ...options } },
    other: bystander(),
  });
  const client = await gateway.connect({ era: 'modern' });
  await client.listTools();
  const bad = async (name: string, args = {}) =>
    textOf((await client.callTool(`bad__${name}`, args)).content);
  const otherWorks = async () => expect(textOf((await client.callTool('other__ok')).content)).toBe('fine');
  return { gateway, client, bad, otherWorks };
}

describe('a call in an upstream that dies', () => {
  it.each(['kill', 'exit'])(
    'K13 %s mid-call: a coded error, never sent again, the next call works',
    async (how) => {
      const { gateway, bad, otherWorks } = await startHabits();
      const before = Number(await bad('echo'));
      const slow = bad('slow', { ms: 20_000 });
      slow.catch(() => {});
      await eventually(() => status(gateway, 'bad').inFlight === 1);
      await expect(bad(how)).rejects.toMatchObject({ rpcCode: -32011 });
      await expect(slow).rejects.toMatchObject({ rpcCode: -32011 });
      await otherWorks();
      const after = Number(await bad('echo'));
      expect(after).not.toBe(before);
      expect(status(gateway, 'bad')).toMatchObject({ state: 'ready', restarts: 1, inFlight: 0 });
      expect(
        gateway.processes
          .map((process) => process.stderr)
          .join('')
          .match(new RegExp(`called ${how}`, 'g')),
      ).toHaveLength(1);
    },
  );

  it('K13 kill -9 from outside, mid-call', async () => {
    const { gateway, bad, otherWorks } = await startHabits();
    const pid = Number(await bad('echo'));
    const slow = bad('slow', { ms: 20_000 });
    slow.catch(() => {});
    await eventually(() => status(gateway, 'bad').inFlight === 1);
    process.kill(pid, 'SIGKILL');
    await expect(slow).rejects.toMatchObject({ rpcCode: -32011, message: expect.stringContaining('bad') });
    await otherWorks();
    expect(Number(await bad('echo'))).not.toBe(pid);
  });

  it('K13 a call that times out is not sent again', async () => {
    const { gateway, bad, otherWorks } = await startHabits({ timeoutMs: 150 });
    await expect(bad('hang')).rejects.toMatchObject({ rpcCode: -32012 });
    await otherWorks();
    expect(await bad('echo', { value: 'alive' })).toBe('alive');
    expect(gateway.processes[0]?.stderr.match(/called hang/g)).toHaveLength(1);
    expect(status(gateway, 'bad')).toMatchObject({ restarts: 0, inFlight: 0 });
  });
});

describe('K01 output that is not protocol', () => {
  it('K01 junk is dropped and counted, the call succeeds', async () => {
    const { gateway, bad } = await startHabits();
    expect(await bad('junk')).toBe('junked');
    expect(status(gateway, 'bad').noiseBytes).toBeGreaterThan(20);
    expect(status(gateway, 'bad').restarts).toBe(0);
  });

  it('K01 a banner before the first message does no harm', async () => {
    const { gateway, client } = await start('banner');
    expect((await client.listTools()).map(({ name }) => name)).toContain('bad__env');
    expect(status(gateway, 'bad').noiseBytes).toBeGreaterThan(0);
  });

  it('K01 a line of 100 MB ends the process, memory stays bounded', async () => {
    const { gateway, bad, otherWorks } = await startHabits();
    const before = process.memoryUsage().rss;
    await expect(bad('long')).rejects.toMatchObject({ rpcCode: -32013 });
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
    await otherWorks();
    expect(await bad('echo', { value: 'again' })).toBe('again');
    expect(status(gateway, 'bad').restarts).toBe(1);
  });
});

describe('K02 hanging', () => {
  it('K02 at start: the first list goes without it after startMs, calls of others do not wait', async () => {
    const { gateway, client, otherWorks } = await start('mute', { startMs: 300 });
    await otherWorks();
    expect((await client.listTools()).map(({ name }) => name)).toEqual(['other__ok']);
    await eventually(() => status(gateway, 'bad').failuresInARow > 0);
    expect(status(gateway, 'bad').lastError).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });

  it('K02 at shutdown, ignoring SIGTERM, with a grandchild that ignores it too: nothing is left', async () => {
    const { gateway, bad } = await startHabits({ shutdownMs: 200 });
    const child = Number(await bad('grandchild'));
    const pid = Number(await bad('ignore'));
    expect([child, pid].map(isAlive)).toEqual([true, true]);
    await gateway.close();
    await eventually(() => ![child, pid].some(isAlive));
  });

  it('K02 crashed with a grandchild: the group is ended before the next start', async () => {
    const { bad } = await startHabits({ shutdownMs: 200 });
    const child = Number(await bad('grandchild'));
    await expect(bad('kill')).rejects.toMatchObject({ rpcCode: -32011 });
    await bad('echo');
    await eventually(() => !isAlive(child));
  });

  it('K02 closing while an upstream is still starting', async () => {
    const gateway = startGateway({
      bad: { target: scripted('mute'), options: { ...quick, startMs: 20_000 } },
    });
    await eventually(() => gateway.processes.some(({ pid }) => pid !== undefined));
    const pids = gateway.processes.map(({ pid }) => pid ?? 0);
    await gateway.close();
    expect(pids.filter((pid) => pid > 0 && isAlive(pid))).toEqual([]);
  });
});

describe('K03 crash loops and floods', () => {
  it('K03 backs off, opens the circuit, says so, recovers by a probe', async () => {
    const gateway = startGateway({
      bad: {
        target: { kind: 'stdio', command: process.execPath, args: ['-e', 'process.exit(7)'], env: {} },
        options: quick,
      },
      other: bystander(),
    });
    const client = await gateway.connect({ era: 'modern' });
    await eventually(() => status(gateway, 'bad').state === 'open');
    const starts = gateway.processes.length;
    expect(starts).toBeLessThanOrEqual(quick.breakerFailures + 1);
    expect(textOf((await client.callTool('other__ok')).content)).toBe('fine');
    expect(status(gateway, 'bad')).toMatchObject({
      lastError: { code: 'UPSTREAM_UNAVAILABLE' },
      lists: { from: 'none' },
    });
    // Half-open: one more try per rest, not a storm.
    await eventually(() => gateway.processes.length > starts);
    expect(gateway.processes.length).toBeLessThan(starts + 5);
  });

  it('K03 calls to an open circuit fail at once with the time to wait', async () => {
    const { gateway, bad } = await startHabits({ breakerOpenMs: 60_000, breakerFailures: 2 });
    for (let round = 0; round < 2; round += 1) await bad('exit').catch(() => {});
    await eventually(() => status(gateway, 'bad').state === 'open');
    const failure = await bad('echo').catch((error: unknown) => error);
    expect(failure).toMatchObject({ rpcCode: -32014, data: { retryAfterMs: expect.any(Number) } });
  });

  it('K03 200 MB on stderr are drained, the call succeeds, others are served meanwhile', async () => {
    const { bad, otherWorks } = await startHabits();
    const flooding = bad('flood');
    for (let round = 0; round < 5; round += 1) {
      await otherWorks();
      await delay(10);
    }
    expect(await flooding).toBe('flooded');
  });

  it('a program that does not exist is reported, not retried in a storm', async () => {
    const gateway = startGateway({
      bad: { target: { kind: 'stdio', command: '/nonexistent/program', args: [], env: {} }, options: quick },
    });
    await eventually(() => status(gateway, 'bad').state === 'open');
    expect(status(gateway, 'bad').lastError?.message).toContain('ENOENT');
  });
});

describe('limits', () => {
  it('one upstream’s queue is bounded and does not touch others', async () => {
    const { gateway, bad, otherWorks } = await startHabits({ maxConcurrency: 1, maxQueue: 1 });
    const calls = [1, 2, 3].map(() => bad('slow', { ms: 300 }));
    const outcomes = await Promise.all([
      otherWorks(),
      ...calls.map((call) => call.catch((error: { rpcCode: number }) => error.rpcCode)),
    ]);
    expect(outcomes.slice(1).sort()).toEqual([-32015, 'slow', 'slow'].sort());
    expect(status(gateway, 'bad')).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it('an idle upstream is stopped and started again by the next call', async () => {
    const { gateway, bad } = await startHabits({ idleStopMs: 50 });
    const pid = Number(await bad('echo'));
    await eventually(() => !isAlive(pid));
    expect(status(gateway, 'bad').state).toBe('idle');
    expect(Number(await bad('echo'))).not.toBe(pid);
    expect(status(gateway, 'bad').failuresInARow).toBe(0);
  });
});
