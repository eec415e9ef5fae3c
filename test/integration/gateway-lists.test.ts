/** What is offered: stored lists and lazy start, names and URIs that collide, many upstreams, mounting. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createServer, type Server } from '../../src/server/index.ts';
import { eventually, textOf } from '../unit/client/support.ts';
import {
  cleanup,
  context,
  inMemory,
  official,
  startGateway,
  type TestGateway,
  temporaryFolder,
} from '../unit/gateway/harness.ts';

function server(name: string): Server {
  const made = createServer({ name, version: '1' });
  cleanup(() => made.close());
  return made;
}

const names = (gateway: TestGateway): string[] =>
  gateway.server.registry.tools.list().map(({ definition }) => definition.name);

describe('stored lists', () => {
  const everything = () => ({ everything: { target: official.everything() } });

  it('are used by the next gateway without starting anything, refreshed on first use', async () => {
    const stateDir = temporaryFolder();
    const first = startGateway(everything(), { stateDir });
    const client = await first.connect();
    const tools = (await client.listTools()).map(({ name }) => name);
    await first.close();

    const second = startGateway(everything(), { stateDir });
    const later = await second.connect();
    expect((await later.listTools()).map(({ name }) => name)).toEqual(tools);
    expect(second.processes).toEqual([]);
    expect(second.upstreams.states()[0]).toMatchObject({
      state: 'idle',
      lists: { from: 'stored', tools: tools.length },
    });
    expect(textOf((await later.callTool('everything__echo', { message: 'x' })).content)).toBe('Echo: x');
    await eventually(() => second.upstreams.states()[0]?.lists.from === 'live');
    expect(second.processes).toHaveLength(1);
  });

  it('belong to the settings and version they were made with, and hold no secrets', async () => {
    const stateDir = temporaryFolder();
    const secret = { ...official.everything(), env: { TOKEN: 'canary-4711' } } as const;
    const first = startGateway({ everything: { target: secret as never } }, { stateDir });
    await first.upstreams.pending();
    await first.close();
    const [file = ''] = readdirSync(join(stateDir, 'upstreams'));
    const path = join(stateDir, 'upstreams', file);
    expect(readFileSync(path, 'utf8')).not.toContain('canary-4711');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const other = startGateway(everything(), { stateDir });
    expect(other.upstreams.states()[0]?.lists.from).toBe('none');
    const newer = startGateway({ everything: { target: secret as never } }, { stateDir, version: '9.9.9' });
    expect(newer.upstreams.states()[0]?.lists.from).toBe('none');
  });

  it('that are damaged are ignored with a coded warning', async () => {
    const stateDir = temporaryFolder();
    const first = startGateway(everything(), { stateDir });
    await first.upstreams.pending();
    await first.close();
    const [file = ''] = readdirSync(join(stateDir, 'upstreams'));
    const path = join(stateDir, 'upstreams', file);
    writeFileSync(path, readFileSync(path, 'utf8').replace('echo', 'evil'));
    const second = startGateway(everything(), { stateDir });
    expect(second.logs).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        fields: expect.objectContaining({ code: 'STORED_FILE_UNUSABLE' }),
      }),
    );
    await second.upstreams.pending();
    expect(names(second)).toContain('everything__echo');
  });
});

describe('collisions', () => {
  it('K05 order and URIs follow the configuration, not who answered first', async () => {
    const make = (name: string) => {
      const made = server(name);
      made.tool('same', {}, () => name);
      made.resource('doc://same', { name }, () => `from ${name}`);
      made.resourceTemplate('doc://t/{x}', { name }, ({ x }) => `${name} has ${String(x)}`);
      made.prompt('same', {}, () => name);
      made.tool('links', {}, () => ({
        content: [
          { type: 'resource_link', uri: 'doc://same', name: 'n' },
          { type: 'resource', resource: { uri: `hidden://${name}`, text: 'x' } },
        ],
      }));
      return made;
    };
    const slow = make('slow');
    const fast = make('fast');
    const gateway = startGateway({
      a: {
        target: {
          kind: 'transport',
          createTransport: () => {
            const inner = slow.transport();
            return {
              kind: inner.kind,
              start: async (events) => {
                await delay(100);
                await inner.start(events);
              },
              send: (message, options) => inner.send(message, options),
              close: () => inner.close(),
            };
          },
        },
      },
      b: { target: inMemory(fast) },
    });
    await eventually(() => names(gateway).includes('b__same'));
    await gateway.upstreams.pending();
    const client = await gateway.connect({ era: 'modern' });
    expect((await client.listTools()).map(({ name }) => name)).toEqual([
      'a__same',
      'a__links',
      'b__same',
      'b__links',
    ]);
    expect((await client.listResources()).map(({ uri }) => uri)).toEqual([
      'doc://same',
      'ferromcp-b+doc://same',
    ]);
    expect(textOf((await client.callTool('b__same')).content)).toBe('fast');
    const read = async (uri: string) => (await client.readResource(uri)).contents[0];
    expect(await read('doc://same')).toMatchObject({ uri: 'doc://same', text: 'from slow' });
    expect(await read('ferromcp-b+doc://same')).toMatchObject({
      uri: 'ferromcp-b+doc://same',
      text: 'from fast',
    });
    expect(await read('doc://t/1')).toMatchObject({ text: 'slow has 1' });
    expect(await read('ferromcp-b+doc://t/1')).toMatchObject({ text: 'fast has 1' });
    const links = (await client.callTool('b__links')).content;
    expect(links).toMatchObject([{ uri: 'ferromcp-b+doc://same' }, { resource: { uri: 'hidden://fast' } }]);
    expect((await client.getPrompt('b__same')).messages[0]?.content).toMatchObject({ text: 'fast' });
  });

  it('two upstreams with one prefix are refused before anything starts', () => {
    const target = inMemory(server('x'));
    expect(() => startGateway({ a: { target }, b: { target, options: { prefix: 'a' } } })).toThrow(
      expect.objectContaining({ code: 'UPSTREAM_NAME_COLLISION' }),
    );
    expect(() => startGateway({ a: { target }, b: { target } }, { transparent: true })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it('K05 an application’s own tool is not shadowed', async () => {
    const up = server('up');
    up.tool('pay', {}, () => 'theirs');
    const gateway = startGateway({ bank: { target: inMemory(up) } });
    gateway.server.tool('bank__pay', {}, () => 'ours');
    await gateway.upstreams.pending();
    const client = await gateway.connect({ era: 'modern' });
    expect(textOf((await client.callTool('bank__pay')).content)).toBe('ours');
    expect(gateway.logs).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ code: 'UPSTREAM_NAME_COLLISION' }) }),
    );
  });

  it('K05 tools with names no client takes are offered under names every client takes, and can be called', async () => {
    const odd = ['', 'ünï¢ode 🎉', 'n'.repeat(300), 'a/b.c', 'same', 'same_x0123456789'];
    const gateway = startGateway({
      odd: {
        target: { kind: 'stdio', command: process.execPath, args: ['-e', ODD(odd)], env: {} },
        options: { era: 'legacy' },
      },
    });
    await gateway.upstreams.pending();
    expect(new Set(names(gateway)).size).toBe(odd.length);
    const answers = await Promise.all(
      gateway.server.registry.tools.list().map(async (entry) => await entry.call({}, context())),
    );
    for (const [index, answer] of answers.entries()) {
      expect(names(gateway)[index]).toMatch(/^odd__[a-zA-Z0-9_-]{1,59}$/);
      expect(answer).toMatchObject({ content: [{ text: odd[index] }] });
    }
  });
});

const ODD = (odd: readonly string[]): string => `
const names = ${JSON.stringify(odd)};
const send = (m) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\\n');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') send({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'odd', version: '1' } } });
  if (method === 'tools/list') send({ id, result: { tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })) } });
  if (method === 'tools/call') send({ id, result: { content: [{ type: 'text', text: params.name }] } });
});`;

describe('many upstreams', () => {
  it('K05 30 upstreams with 1,000 equally named tools each', async () => {
    const shared = server('big');
    for (let index = 0; index < 1_000; index += 1) shared.tool(`tool_${index}`, {}, () => `called ${index}`);
    const upstreams = Array.from(
      { length: 30 },
      (_, index) => [`s${index}`, { target: inMemory(shared) }] as const,
    );
    const gateway = startGateway(Object.fromEntries(upstreams));
    await gateway.upstreams.pending();
    const listed = names(gateway);
    expect(listed).toHaveLength(30_000);
    expect(listed[0]).toBe('s0__tool_0');
    expect(listed.at(-1)).toBe('s29__tool_999');
    const result = await gateway.server.registry.tools.get('s17__tool_42')?.call({}, context());
    expect(result).toMatchObject({ content: [{ text: 'called 42' }] });
  });
});

describe.each(['legacy', 'modern'] as const)('after a lost connection to a %s upstream', (era) => {
  it('subscriptions are renewed and lists read again, without a call', async () => {
    const up = server('up');
    up.tool('old', {}, () => 'old');
    up.resource('doc://1', { name: 'd' }, () => 'text');
    let break_ = (): void => {};
    const gateway = startGateway({
      up: {
        options: { era, backoffMs: 5 },
        target: {
          kind: 'transport',
          createTransport: () => {
            const inner = up.transport();
            return {
              kind: inner.kind,
              start: async (events) => {
                break_ = () => {
                  events.closed(new Error('cut'));
                  void inner.close();
                };
                await inner.start(events);
              },
              send: (message, options) => inner.send(message, options),
              close: () => inner.close(),
            };
          },
        },
      },
    });
    const updated: string[] = [];
    const client = await gateway.connect({
      era: 'legacy',
      onNotification: ({ method }) => updated.push(method),
    });
    await client.listResources();
    await client.subscribe({ resourceSubscriptions: ['doc://1'] });
    await eventually(() => up.registry.subscriptions.wanted('doc://1'));
    break_();
    await eventually(() => !up.registry.subscriptions.wanted('doc://1'));
    up.tool('new', {}, () => 'new');
    await eventually(() => up.registry.subscriptions.wanted('doc://1'));
    up.resourceUpdated('doc://1');
    await eventually(() => updated.includes('notifications/resources/updated'));
    await eventually(() => names(gateway).includes('up__new'));
    expect(gateway.upstreams.states()[0]).toMatchObject({ state: 'ready', restarts: 1 });
  });
});

describe('filters and mounting', () => {
  it('offers what the filter allows', async () => {
    const up = server('up');
    for (const name of ['read_a', 'read_secret', 'write_a']) up.tool(name, {}, () => name);
    const gateway = startGateway({
      up: { target: inMemory(up), options: { tools: { allow: ['read_*'], deny: ['*secret'] }, prefix: 'p' } },
    });
    await gateway.upstreams.pending();
    expect(names(gateway)).toEqual(['p__read_a']);
  });

  it('mounts programs and servers into a server with tools of its own', async () => {
    const inner = server('inner');
    inner.tool('hi', {}, () => 'from inner');
    const outer = server('outer');
    outer.tool('own', {}, () => 'own');
    outer.mount('in', inner);
    outer.mount('out', { command: process.execPath, args: ['-e', ODD(['x'])] });
    const { connectInMemory } = await import('../../src/server/index.ts');
    const client = await connectInMemory(outer);
    cleanup(() => client.close());
    expect((await client.listTools()).map(({ name }) => name)).toEqual(['own', 'in__hi', 'out__x']);
    expect(textOf((await client.callTool('in__hi')).content)).toBe('from inner');
    expect(textOf((await client.callTool('out__x')).content)).toBe('x');
    expect(() => outer.mount('in', inner)).toThrow(
      expect.objectContaining({ code: 'UPSTREAM_NAME_COLLISION' }),
    );
    expect(() => outer.mount('bad', { url: 'file:///x' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
