import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CLI,
  EVERYTHING_STDIO,
  ensureBuilt,
  killLeftovers,
  ROOT,
  runCli,
  startCli,
  temporaryDirectory,
} from './cli-process.ts';

beforeAll(ensureBuilt, 120_000);
afterAll(killLeftovers);

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => {
  killLeftovers();
  directory.remove();
});

const [, command = '', ...args] = EVERYTHING_STDIO;
const EVERYTHING = { command, args };
const FILES = {
  command: process.execPath,
  args: [join(ROOT, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js'), ROOT],
};
const BROKEN = {
  command: process.execPath,
  args: ['-e', 'console.error("no key \\u001b[31m"); process.exit(2)'],
};

function config(servers: object, name = 'mcp.json'): string {
  const path = join(directory.path, name);
  writeFileSync(path, JSON.stringify({ mcpServers: servers }));
  return path;
}
const stateDir = (): string => join(directory.path, 'state');

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('gateway', () => {
  it('says where it listens and which upstreams come up, serves them, and ends with nothing left', async () => {
    const path = config({ everything: EVERYTHING, files: FILES, broken: BROKEN });
    const cli = startCli(['gateway', '--config', path, '--port', '0', '--state-dir', stateDir()]);
    const [, url = ''] = await cli.seen('stdout', /^ferromcp: gateway at (http:\S+\/mcp) \(3 servers\)\n/m);
    await cli.seen('stdout', /ferromcp: everything is up: \d+ tools, .*revision 2025-11-25/);
    await cli.seen('stdout', /ferromcp: files is up: \d+ tools/);
    await cli.seen('stdout', /ferromcp: broken failed \(UPSTREAM_\w+: .*\); trying again/);
    const sum = await runCli(['call', url, 'everything__get-sum', '-a', 'a=1', '-a', 'b=2']);
    expect(sum).toMatchObject({ code: 0, stdout: 'The sum of 1 and 2 is 3.\n' });
    for (const era of ['legacy', 'modern']) {
      const ask = ['call', url, 'everything__trigger-elicitation-request', '--answer', '{"name":"Ada"}'];
      const asked = await runCli([...ask, '--era', era]);
      expect(asked.stdout).toContain('Name: Ada');
    }
    const environment = await runCli(['inspect', url, '--json']);
    expect(JSON.parse(environment.stdout)).toMatchObject({ era: 'modern' });
    const children = await childrenOf(cli.child.pid ?? 0);
    expect(children.length).toBeGreaterThanOrEqual(2);
    cli.child.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
    // The watchdog of a process group ends a moment after its parent.
    await expect.poll(() => children.filter(isAlive), { timeout: 10_000 }).toEqual([]);
    expect(existsSync(stateDir()) && readdirSync(stateDir()).length > 0).toBe(true);
  });

  it('--transparent leaves names as they are; --json says everything in JSON lines', async () => {
    const path = config({ everything: EVERYTHING });
    const cli = startCli([
      'gateway',
      '-c',
      path,
      '-p',
      '0',
      '--transparent',
      '--json',
      '--state-dir',
      stateDir(),
    ]);
    await cli.seen('stdout', /"event":"upstream-up"/);
    const events = cli
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events[0]).toMatchObject({ event: 'ready', servers: ['everything'], pid: cli.child.pid });
    expect(events[1]).toMatchObject({ event: 'upstream-up', upstream: 'everything', era: 'legacy' });
    const call = await runCli(['call', String(events[0]?.['url']), 'echo', '-a', 'message=x']);
    expect(call.stdout).toBe('Echo: x\n');
    cli.child.kill('SIGINT');
    expect((await cli.ended).code).toBe(0);
  });

  it('--stdio is a server for a client that starts it, with nothing but messages on stdout', async () => {
    const path = config({ everything: EVERYTHING });
    const gateway = [
      '--',
      process.execPath,
      CLI,
      'gateway',
      '-c',
      path,
      '--stdio',
      '--state-dir',
      stateDir(),
    ];
    const call = await runCli(['call', 'everything__echo', '-a', 'message=hi', ...gateway]);
    expect(call).toMatchObject({ code: 0, stdout: 'Echo: hi\n' });
    const raw = await runCli(['gateway', '-c', path, '--stdio', '--state-dir', stateDir()]);
    expect(raw).toMatchObject({ code: 0, stdout: '' });
  });

  it('a second signal ends at once while a call holds the first back', async () => {
    const path = config({ everything: EVERYTHING });
    const cli = startCli(['gateway', '-c', path, '-p', '0', '--state-dir', stateDir()]);
    const [, url = ''] = await cli.seen('stdout', /at (http:\S+\/mcp)/);
    await cli.seen('stdout', /everything is up/);
    const slow = ['everything__trigger-long-running-operation', '-a', 'duration=30', '-a', 'steps=60'];
    const call = startCli(['call', url, ...slow]);
    await call.seen('stderr', /1\/60/);
    cli.child.kill('SIGTERM');
    await cli.seen('stderr', /shutting down/);
    cli.child.kill('SIGTERM');
    expect((await cli.ended).code).toBe(143);
    expect((await call.ended).code).not.toBe(0);
  });

  it.each([
    [['gateway'], 2, "required option '-c, --config <file>' not specified"],
    [['gateway', '-c', '/no/such/file.json'], 2, 'CONFIG_NOT_FOUND'],
    [['gateway', '-c', 'x.json', '--stdio', '--legacy-sse'], 2, 'cannot be used with'],
    [['gateway', '-c', 'x.json', '--port', '70000'], 2, 'Not a port'],
  ])('%j ends with %i', async (words, code, text) => {
    const result = await runCli(words);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(text);
  });

  it('a wrong configuration names line and column', async () => {
    const path = join(directory.path, 'bad.json');
    writeFileSync(
      path,
      '{\n  "mcpServers": {\n    "a": { "command": "x", "ferromcp": { "timeutMs": 5 } }\n  }\n}\n',
    );
    const result = await runCli(['gateway', '-c', path, '--port', '0']);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(
      /CONFIG_UNKNOWN_KEY.*bad\.json:3:42: unknown key "timeutMs"; did you mean "timeoutMs"\?/,
    );
  });

  it('D04 a public address without authentication ends with 2, a taken port with 3', async () => {
    const path = config({ everything: EVERYTHING });
    const open = await runCli([
      'gateway',
      '-c',
      path,
      '--host',
      '0.0.0.0',
      '--port',
      '0',
      '--state-dir',
      stateDir(),
    ]);
    expect(open).toMatchObject({ code: 2, stdout: '' });
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const busy = await runCli(['gateway', '-c', path, '--port', String(port), '--state-dir', stateDir()]);
    taken.close();
    expect(busy.code).toBe(3);
    expect(busy.stderr).toContain('LISTEN_FAILED');
  });
});

describe('doctor', () => {
  const ports = ['--port', '0'];

  it('finds nothing wrong with a machine that is ready', async () => {
    const result = await runCli(['doctor', '--json', '--state-dir', stateDir(), ...ports]);
    expect(result.code).toBe(0);
    const report = JSON.parse(result.stdout) as { ok: boolean; checks: { id: string; status: string }[] };
    expect(report.ok).toBe(true);
    expect(report.checks.map((check) => check.id)).toEqual(['package', 'node', 'native', 'state', 'port']);
    expect(existsSync(stateDir())).toBe(false);
  });

  it('says whether the addon is used, and why not', async () => {
    const off = await runCli(['doctor', '--json', '--state-dir', stateDir(), ...ports], {
      env: { FERROMCP_NATIVE: '0' },
    });
    const report = JSON.parse(off.stdout) as { checks: { id: string; detail: string; data: object }[] };
    expect(report.checks.find((check) => check.id === 'native')).toMatchObject({
      detail: expect.stringContaining('FERROMCP_NATIVE=0') as string,
      data: { loaded: false },
    });
  });

  it('starts every upstream and ends with 1 when one does not come up', async () => {
    const path = config({ everything: EVERYTHING, broken: BROKEN });
    const result = await runCli(['doctor', '-c', path, '--state-dir', stateDir(), ...ports]);
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(
      /ok +server everything: .*legacy era, revision 2025-11-25, \d+ tools, started in \d+ ms/,
    );
    expect(result.stdout).toMatch(/problem +server broken: UPSTREAM_\w+/);
    expect(result.stdout).toContain('stderr: no key \\x1b[31m');
    expect(result.stdout).toContain('1 problem found.');
    const skipped = await runCli(['doctor', '-c', path, '--no-probe', '--state-dir', stateDir(), ...ports]);
    expect(skipped.code).toBe(0);
  });

  it('names line and column of a wrong configuration, a taken port and a bad state directory', async () => {
    const path = join(directory.path, 'bad.json');
    writeFileSync(path, '{ "mcpServers": { "a": { "command": 5 } } }');
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    const result = await runCli(['doctor', '-c', path, '--port', port, '--state-dir', path]);
    taken.close();
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/bad\.json:1:\d+: /);
    expect(result.stdout).toContain(`127.0.0.1:${port} is taken`);
    expect(result.stdout).toContain('is not a directory');
    expect(result.stdout).toContain('3 problems found.');
  });
});

async function childrenOf(pid: number): Promise<number[]> {
  const { execFileSync } = await import('node:child_process');
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return rows
    .map((row) => row.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child ?? 0);
}
