import { spawn, spawnSync } from 'node:child_process';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, EVERYTHING_STDIO, ensureBuilt, killLeftovers, ROOT, runCli, startCli } from './cli-process.ts';

beforeAll(ensureBuilt, 120_000);
afterAll(killLeftovers);

async function freePort(): Promise<number> {
  const server = createNetServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.concurrent('against the reference server on stdio', () => {
  it('list shows every kind, --only some of them', async () => {
    const all = await runCli(['list', ...EVERYTHING_STDIO]);
    expect(all).toMatchObject({ code: 0, stderr: '' });
    expect(all.stdout).toMatch(/^Tools \(\d+\)\n {2}echo +Echoes back the input/);
    expect(all.stdout).toMatch(/\nResources \(\d+\)\n {2}demo:\/\//);
    expect(all.stdout).toMatch(/\nResource templates \(2\)\n/);
    expect(all.stdout).toMatch(/\n {2}args-prompt +city state\? +/);
    const some = await runCli(['list', '--only', 'tools,prompts', '--json', ...EVERYTHING_STDIO]);
    const document = JSON.parse(some.stdout) as Record<string, unknown>;
    expect(Object.keys(document)).toEqual(['server', 'tools', 'prompts']);
    expect(document['server']).toMatchObject({ era: 'legacy', revision: '2025-11-25' });
  });

  it('inspect describes the server and the arguments of its tools', async () => {
    const result = await runCli(['inspect', ...EVERYTHING_STDIO]);
    expect(result.code).toBe(0);
    expect(result.stdout).toContain('revision 2025-11-25 (legacy era)');
    expect(result.stdout).toMatch(/\n {2}get-sum.*\n {4}Returns the sum of two numbers\n {4}a +number/);
    expect(result.stdout).toContain('\nInstructions\n');
    const json = JSON.parse((await runCli(['inspect', '--json', ...EVERYTHING_STDIO])).stdout) as object;
    expect(json).toMatchObject({ serverInfo: { name: expect.stringContaining('everything') as string } });
  });

  it('call reads arguments by the schema, from JSON, and from stdin', async () => {
    const byName = await runCli(['call', 'get-sum', '--arg', 'a=2', '-a', 'b=3', ...EVERYTHING_STDIO]);
    expect(byName).toMatchObject({ code: 0, stdout: 'The sum of 2 and 3 is 5.\n', stderr: '' });
    const text = await runCli(['call', 'echo', '-a', 'message=42', ...EVERYTHING_STDIO]);
    expect(text.stdout).toBe('Echo: 42\n');
    const stdin = await runCli(['call', 'get-sum', '--args', '-', ...EVERYTHING_STDIO], {
      input: '{"a":20,"b":22}',
    });
    expect(stdin.stdout).toContain('42');
  });

  it('a tool that reports an error ends with 1, and its text is on stdout', async () => {
    const result = await runCli(['call', 'get-sum', '--args', '{"a":"x"}', '--json', ...EVERYTHING_STDIO]);
    expect(result.code).toBe(1);
    expect(JSON.parse(result.stdout)).toMatchObject({ isError: true });
    const human = await runCli(['call', 'get-som', ...EVERYTHING_STDIO]);
    expect(human.code).toBe(1);
    expect(human.stderr).toContain('did you mean get-sum?');
  });

  it('shows progress on stderr', async () => {
    const result = await runCli([
      'call',
      'trigger-long-running-operation',
      '-a',
      'duration=1',
      '-a',
      'steps=2',
      ...EVERYTHING_STDIO,
    ]);
    expect(result.code).toBe(0);
    expect(result.stdout).toContain('Long running operation completed');
    expect(result.stderr).toMatch(/100% {2}2\/2/);
    const quiet = await runCli([
      'call',
      'trigger-long-running-operation',
      '-q',
      '-a',
      'duration=1',
      '-a',
      'steps=2',
      ...EVERYTHING_STDIO,
    ]);
    expect(quiet.stderr).toBe('');
  });

  it('SIGINT cancels the call and ends with 130', async () => {
    const cli = startCli([
      'call',
      'trigger-long-running-operation',
      '-a',
      'duration=60',
      '-a',
      'steps=60',
      ...EVERYTHING_STDIO,
    ]);
    await cli.seen('stderr', /1\/60/);
    cli.child.kill('SIGINT');
    const result = await cli.ended;
    expect(result.code).toBe(130);
    expect(result.stderr).toContain('ferromcp: INTERRUPTED: Interrupted by SIGINT');
  });

  it('answers questions by --answer, --decline, or cancels them', async () => {
    const ask = ['call', 'trigger-elicitation-request'];
    const answered = await runCli([...ask, '--answer', '{"name":"Ada"}', ...EVERYTHING_STDIO]);
    expect(answered.code).toBe(0);
    expect(answered.stdout).toContain('Name: Ada');
    const declined = await runCli([...ask, '--decline', ...EVERYTHING_STDIO]);
    expect(declined.stdout).toContain('declined');
    const nobody = await runCli([...ask, ...EVERYTHING_STDIO]);
    expect(nobody.stdout).toContain('cancelled');
    expect(nobody.stderr).toContain("give --answer '{…}' or --decline");
    const wrong = await runCli([...ask, '--answer', '{"nme":"Ada"}', ...EVERYTHING_STDIO]);
    expect(wrong.stderr).toContain('the answer has nme');
  });

  // `script` gives the process a terminal.
  it.skipIf(spawnSync('script', ['--version']).error !== undefined)('asks at a terminal', async () => {
    const words = [process.execPath, CLI, 'call', 'trigger-elicitation-request', ...EVERYTHING_STDIO];
    const line = words.map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['-qec', line, '/dev/null'], {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    const answers = [
      [/Answer\? .*> $/, 'y'],
      [/String[\s\S]*text> $/, 'Ada'],
    ] as const;
    let asked = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = stripVTControlCharacters(output + text);
      const next = answers[asked];
      if (next?.[0].test(output)) {
        asked += 1;
        child.stdin.write(`${next[1]}\n`);
      } else if (asked === answers.length && /> $/.test(output)) child.stdin.write('\n');
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    await ended;
    expect(output).toContain('User inputs:');
    expect(output).toContain('Name: Ada');
  });

  it('read prints text, describes binary data, and writes it raw', async () => {
    const text = await runCli(['read', 'demo://resource/dynamic/text/1', ...EVERYTHING_STDIO]);
    expect(text.stdout).toMatch(/^Resource 1: This is a plaintext resource/);
    const blob = await runCli(['read', 'demo://resource/dynamic/blob/1', ...EVERYTHING_STDIO]);
    expect(blob.stdout).toMatch(/^\[demo:\/\/resource\/dynamic\/blob\/1: text\/plain, \d+ bytes\]\n$/);
    const raw = await runCli(['read', '--raw', 'demo://resource/dynamic/blob/1', ...EVERYTHING_STDIO]);
    expect(raw.stdout).toMatch(/^Resource 1: This is a base64 blob/);
    const gone = await runCli(['read', 'demo://nowhere', '--json', ...EVERYTHING_STDIO]);
    expect(gone.code).toBe(3);
    expect(JSON.parse(gone.stdout)).toMatchObject({ error: { code: -32602 } });
  });

  it('prompt prints its messages', async () => {
    const result = await runCli(['prompt', 'args-prompt', '-a', 'city=Paris', ...EVERYTHING_STDIO]);
    expect(result).toMatchObject({ code: 0, stdout: "user:\nWhat's weather in Paris?\n" });
  });
});

describe('over HTTP', () => {
  it('lists and calls with a header', async () => {
    const port = await freePort();
    const [node = '', script = ''] = EVERYTHING_STDIO.slice(1);
    const server = spawn(node, [script, 'streamableHttp'], {
      env: { ...process.env, PORT: String(port) },
      stdio: 'pipe',
    });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.stderr.on('data', (text: Buffer) => {
          if (text.toString().includes(String(port))) resolve();
        });
      });
      const url = `http://127.0.0.1:${port}/mcp`;
      const list = await runCli(['list', url, '--only', 'tools', '-H', 'x-trace: 1']);
      expect(list.stdout).toContain('get-sum');
      const call = await runCli(['call', url, 'get-sum', '-a', 'a=1', '-a', 'b=2']);
      expect(call).toMatchObject({ code: 0, stdout: 'The sum of 1 and 2 is 3.\n' });
    } finally {
      server.kill('SIGKILL');
    }
  });
});

describe.concurrent('failures', () => {
  it.each([
    [['list', 'http://127.0.0.1:1/mcp'], 3, 'UPSTREAM_UNAVAILABLE'],
    [['list', '--', 'no-such-command-here'], 3, 'UPSTREAM_UNAVAILABLE'],
    [['list', '--', process.execPath, '-e', 'process.exit(7)'], 3, 'exit code 7'],
    [['list'], 2, 'USAGE'],
    [['list', 'ftp://example.com'], 2, 'not an http or https URL'],
    [['list', 'http://127.0.0.1:1/mcp', '--', 'x'], 2, 'not both'],
    [['list', 'http://127.0.0.1:1/mcp', '--env', 'A=b'], 2, '--env'],
    [['list', '-H', 'a=b', '--', 'x'], 2, '--header'],
    [['list', '-H', 'bad name=b', 'http://127.0.0.1:1/'], 2, 'header name'],
    [['list', '--only', 'tool', 'http://127.0.0.1:1/'], 2, 'Kinds are'],
    [['list', '--timeout', '0', 'http://127.0.0.1:1/'], 2, 'duration'],
    [['list', '--era', 'old', 'http://127.0.0.1:1/'], 2, 'Allowed choices'],
    [['call', 'http://127.0.0.1:1/'], 2, 'expected a URL and a tool'],
    [['call', 'a', 'b', '--', 'x'], 2, 'expected one tool before --'],
    [['call', 't', '--answer', '[]', '--', 'x'], 2, 'must be a JSON object'],
    [['call', 't', '--answer', '{}', '--decline', '--', 'x'], 2, 'cannot be used with'],
    [['read', 'x', '--root', '/no/such/dir', '--', 'x'], 2, '--root'],
    [['lst'], 2, 'Did you mean list?'],
    [['list', '--jsn', 'http://127.0.0.1:1/'], 2, 'Did you mean --json?'],
    [[], 2, 'Usage: ferromcp'],
  ])('%j ends with %i', async (args, code, text) => {
    const result = await runCli(args);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(text);
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });

  it('--json puts the error into the document, --debug shows the stack', async () => {
    const json = await runCli(['list', 'http://127.0.0.1:1/mcp', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'UPSTREAM_UNAVAILABLE' } });
    const debug = await runCli(['list', 'http://127.0.0.1:1/mcp', '--debug']);
    expect(debug.stderr).toMatch(/\n\s+at /);
  });

  it('shows the end of what a failed server said, escaped', async () => {
    const script = 'console.error("no \\u001b[31mkey"); process.exit(1)';
    const result = await runCli(['list', '--', process.execPath, '-e', script]);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('server: no \\x1b[31mkey');
  });

  it('--timeout ends a server that never answers', async () => {
    let server: Server | undefined;
    try {
      server = createServer(() => {});
      const listening = server;
      await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
      const { port } = listening.address() as AddressInfo;
      const result = await runCli(['list', `http://127.0.0.1:${port}/mcp`, '--timeout', '1s']);
      expect(result.code).toBe(3);
      expect(result.stderr).toContain('TIMEOUT');
    } finally {
      server?.closeAllConnections();
      server?.close();
    }
  });
});

describe.concurrent('H08 a hostile server', () => {
  const fixture = join(ROOT, 'test/integration/cli-hostile-server.mjs');
  const target = ['--', process.execPath, fixture];

  it.each([
    ['list', ['list']],
    ['inspect', ['inspect']],
    ['list --json', ['list', '--json']],
    ['call', ['call', 'evil']],
    ['call --json', ['call', 'evil', '--json']],
    ['read', ['read', 'evil://x']],
    ['prompt', ['prompt', 'evil']],
  ])('%s lets nothing through to the terminal', async (_name, args) => {
    const result = await runCli([...args, '--server-log', 'debug', ...target]);
    expect(result.code).toBe(0);
    for (const text of [result.stdout, result.stderr]) {
      expect(text).not.toMatch(/(?!\n)[\p{Cc}\u202a-\u202e\u200b-\u200f\u{e0000}-\u{e007f}]/u);
    }
    expect(result.stdout).toMatch(/evil/);
  });

  it('H01 a URL question with javascript: is declined, not shown as something to open', async () => {
    const result = await runCli(['call', 'url', '--answer', '{}', ...target]);
    expect(result.stdout).toContain('"action":"decline"');
    expect(result.stderr).toContain('Refused');
  });

  it('sampling is refused with a word', async () => {
    const result = await runCli(['call', 'sample', ...target]);
    expect(result.stdout).toContain('no language model');
    expect(result.stderr).toContain('sampling');
  });
});
