import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CLI,
  ensureBuilt,
  killLeftovers,
  ROOT,
  type RunningCli,
  runCli,
  startCli,
  temporaryDirectory,
} from './cli-process.ts';

beforeAll(ensureBuilt, 120_000);
afterAll(killLeftovers);

const serverSource = (greeting: string): string => `
import { createServer } from 'ferromcp';
import { shout } from './shout.ts';
console.log('printed by the module');
const server = createServer({ name: 'demo', version: '1.0.0' });
server.tool('greet', { description: 'Greets' }, (): string => {
  console.log('printed by the tool');
  process.stdout.write('written by the tool\\n');
  return shout(${JSON.stringify(greeting)});
});
server.tool('late', { description: 'Rejects when nobody looks' }, () => {
  setTimeout(() => { void Promise.reject(new Error('nobody cares')); }, 1);
  return 'ok';
});
export default server;
`;
const SHOUT = 'export const shout = (text: string): string => text.toUpperCase();\n';

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
const write = (name: string, text: string): string => {
  const path = join(directory.path, name);
  writeFileSync(path, text);
  return path;
};

beforeEach(() => {
  // Outside the repository, so that "ferromcp" is found by the command line alone.
  directory = temporaryDirectory();
  file = write('server.ts', serverSource('hello'));
  write('shout.ts', SHOUT);
});
afterEach(() => {
  killLeftovers();
  directory.remove();
});

/** A stdio client that sees every byte. */
class RawClient {
  readonly cli: RunningCli;
  #id = 0;

  constructor(args: readonly string[]) {
    this.cli = startCli(args);
  }

  send(message: object): void {
    this.cli.child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  /** Every line of stdout must be a message. */
  messages(): Record<string, unknown>[] {
    return this.cli
      .stdout()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async request(method: string, params: object = {}): Promise<Record<string, unknown>> {
    this.#id += 1;
    const id = this.#id;
    this.send({ id, method, params });
    await this.cli.seen('stdout', new RegExp(`"id":${id}[,}][^\\n]*\\n`));
    const answer = this.messages().find((message) => message['id'] === id && message['method'] === undefined);
    if (answer === undefined) throw new Error(`no answer to ${id}`);
    return answer;
  }

  async initialize(): Promise<void> {
    await this.request('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'raw', version: '1' },
    });
    this.send({ method: 'notifications/initialized' });
  }

  async greet(): Promise<unknown> {
    const answer = await this.request('tools/call', { name: 'greet', arguments: {} });
    const result = answer['result'] as { content?: readonly { text?: string }[] } | undefined;
    return result?.content?.[0]?.text ?? answer['error'];
  }
}

describe('serve on stdio', () => {
  it('D18 stdout carries messages only, whatever the module prints', async () => {
    const client = new RawClient(['serve', file]);
    await client.initialize();
    expect(await client.greet()).toBe('HELLO');
    await client.request('tools/call', { name: 'late', arguments: {} });
    expect(await client.greet()).toBe('HELLO');
    client.cli.child.stdin?.end();
    const result = await client.cli.ended;
    expect(result.code).toBe(0);
    expect(client.messages().every((message) => message['jsonrpc'] === '2.0')).toBe(true);
    for (const text of ['printed by the module', 'printed by the tool', 'written by the tool']) {
      expect(result.stderr).toContain(text);
    }
  });

  it('A16 a rejection nobody handles is logged and ends nothing', async () => {
    const client = new RawClient(['serve', file]);
    await client.initialize();
    await client.request('tools/call', { name: 'late', arguments: {} });
    await client.cli.seen('stderr', /nobody cares/);
    expect(await client.greet()).toBe('HELLO');
  });

  it('runs JavaScript, CommonJS, functions and modules that run themselves', async () => {
    const body = "createServer({ name: 'x', version: '1' }).tool('greet', {}, () => 'HI')";
    const modules = {
      'a.mjs': `import { createServer } from 'ferromcp'; export default async () => ${body};`,
      'b.mjs': `import { createServer } from 'ferromcp'; const s = ${body}; await s.run(); export default s;`,
      'c.cjs': `module.exports = import('ferromcp').then(({ createServer }) => ${body});`,
      'd.ts': `import { createServer } from 'ferromcp'; enum A { Hi = 'HI' } export default createServer({ name: 'x', version: '1' }).tool('greet', {}, () => A.Hi);`,
    };
    for (const [name, text] of Object.entries(modules)) {
      const path = write(name, text);
      const result = await runCli(['call', 'greet', '--', process.execPath, CLI, 'serve', path]);
      expect(`${name}: ${result.stdout}${result.stderr}`).toBe(`${name}: HI\n`);
    }
  });

  it('runs a module inside the repository', async () => {
    const inside = join(ROOT, '.ferromcp', 'cli-serve-test');
    mkdirSync(inside, { recursive: true });
    const path = join(inside, 'server.ts');
    writeFileSync(
      path,
      "import { createServer } from 'ferromcp';\nexport default createServer({ name: 'in', version: '1' }).tool('greet', {}, () => 'IN');\n",
    );
    const result = await runCli(['call', 'greet', '--', process.execPath, CLI, 'serve', path]);
    expect(result).toMatchObject({ code: 0, stdout: 'IN\n' });
  });
});

describe('serve on HTTP', () => {
  it('prints one ready line, answers, and ends on SIGTERM with 0', async () => {
    const cli = startCli(['serve', file, '--port', '0']);
    const [, url = ''] = await cli.seen('stdout', /at (http:\/\/127\.0\.0\.1:\d+\/mcp)\n/);
    const call = await runCli(['call', url, 'greet']);
    expect(call).toMatchObject({ code: 0, stdout: 'HELLO\n' });
    cli.child.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
    const gone = await runCli(['call', url, 'greet']);
    expect(gone.code).toBe(3);
  });

  it('--json makes the ready line a JSON object', async () => {
    const path = write(
      'quiet.mjs',
      "import { createServer } from 'ferromcp'; export default createServer({ name: 'x', version: '1' });",
    );
    const cli = startCli(['serve', path, '--port', '0', '--json']);
    const [line = ''] = await cli.seen('stdout', /^.*\n/);
    expect(JSON.parse(line)).toMatchObject({
      event: 'ready',
      url: expect.stringContaining('/mcp') as string,
      pid: cli.child.pid,
    });
    cli.child.kill('SIGINT');
    expect((await cli.ended).code).toBe(0);
  });

  it('D04 refuses a public address unless told', async () => {
    const result = await runCli(['serve', file, '--port', '0', '--host', '0.0.0.0']);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('LISTEN_INSECURE');
    expect(result.stderr).toContain('--insecure-public');
  });

  it('a taken port ends with 3', async () => {
    const cli = startCli(['serve', file, '--port', '0']);
    const [, port = ''] = await cli.seen('stdout', /:(\d+)\/mcp\n/);
    const second = await runCli(['serve', file, '--port', port]);
    expect(second.code).toBe(3);
    expect(second.stderr).toContain('LISTEN_FAILED');
  });
});

describe('modules that cannot be served', () => {
  it.each([
    ['missing.ts', undefined, 2, 'MODULE_NOT_FOUND'],
    ['text.txt', 'x', 2, 'neither TypeScript nor JavaScript'],
    ['throws.ts', 'const a: number = 1;\n\nthrow new Error("bang " + a);', 1, 'throws.ts:3:7: Error: bang 1'],
    ['syntax.ts', '\nexport const x: number = ;', 1, 'MODULE_FAILED'],
    ['import.ts', "import './nowhere.ts';\nexport default 1;", 1, 'nowhere.ts'],
    ['package.mjs', "import 'no-such-package-here';\nexport default 1;", 1, 'no-such-package-here'],
    ['nothing.ts', 'export const server = 1;', 2, 'write "export default server" (it exports server)'],
    ['number.ts', 'export default 5;', 2, 'its default export is a number, not a server'],
    [
      'maker.ts',
      'export default () => ({ listen: 1 });',
      2,
      'its default export returns an object, not a server',
    ],
    ['rejects.ts', 'export default async () => { throw new TypeError("no"); };', 1, 'TypeError: no'],
    [
      'config.ts',
      "import { createServer } from 'ferromcp';\nexport default createServer({ name: '', version: '1' });",
      1,
      'CONFIG_INVALID',
    ],
  ])('%s', async (name, text, code, message) => {
    const path = text === undefined ? join(directory.path, name) : write(name, text);
    const result = await runCli(['serve', path]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });
});

describe('serve --watch', () => {
  it('on HTTP starts again on the same port when an imported file changes, and waits while the module is broken', async () => {
    const cli = startCli(['serve', file, '--port', '0', '--watch']);
    const [, url = ''] = await cli.seen('stdout', /at (http:\S+)\n/);
    expect((await runCli(['call', url, 'greet'])).stdout).toBe('HELLO\n');
    write('shout.ts', "export const shout = (text: string): string => text + '!';\n");
    await cli.seen('stdout', /at (http:\S+)\n[\s\S]*at \1\n/);
    expect((await runCli(['call', url, 'greet'])).stdout).toBe('hello!\n');
    write('server.ts', 'export default ;');
    await cli.seen('stderr', /MODULE_FAILED[\s\S]*waiting for a change/);
    write('server.ts', serverSource('again'));
    await cli.seen('stdout', /at (http:\S+)\n[\s\S]*at \1\n[\s\S]*at \1\n/);
    expect((await runCli(['call', url, 'greet'])).stdout).toBe('again!\n');
    cli.child.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
    expect((await runCli(['call', url, 'greet'])).code).toBe(3);
  });

  it('on stdio the client keeps its connection and its session', async () => {
    const client = new RawClient(['serve', file, '--watch']);
    await client.initialize();
    expect(await client.greet()).toBe('HELLO');
    write('server.ts', serverSource('changed'));
    // The client is told that what it knows may be old.
    await client.cli.seen('stdout', /notifications\/tools\/list_changed/);
    expect(await client.greet()).toBe('CHANGED');
    write('server.ts', 'export default ;');
    await client.cli.seen('stderr', /waiting for a change/);
    expect(await client.greet()).toMatchObject({ code: -32010 });
    write('server.ts', serverSource('repaired'));
    await client.cli.seen('stdout', /(notifications\/tools\/list_changed[\s\S]*){2}/);
    expect(await client.greet()).toBe('REPAIRED');
    client.cli.child.stdin?.end();
    expect((await client.cli.ended).code).toBe(0);
    expect(client.messages().every((message) => message['jsonrpc'] === '2.0')).toBe(true);
  });
});
