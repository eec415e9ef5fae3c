/** Cached results of tools and reads: on every front, in both eras, on stdio and in memory. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../src/native/loader.ts';
import {
  connect,
  connectInMemory,
  createServer,
  type Listening,
  type Server,
  type ServerOptions,
} from '../../src/server/index.ts';
import { jsonText, randomNumbers } from '../contract/json-text.ts';
import { textOf } from '../unit/client/support.ts';
import { ERAS, requester, textIn } from './cached-http.ts';
import { ensureBuilt, ROOT } from './cli-process.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const FRONTS = native().front === undefined ? (['node'] as const) : (['native', 'node'] as const);
const HOUR = 3_600_000;

function serverOf(options: Partial<ServerOptions> = {}): Server {
  const server = createServer({ name: 'cached', version: '1.0.0', ...options });
  open.push(server);
  return server;
}

/** Listens, and waits until a native front has its rules. */
async function listen(server: Server, front: 'native' | 'node'): Promise<Listening> {
  const listening = await server.listen({ port: 0, front });
  await settled();
  return listening;
}

const settled = (): Promise<void> => delay(20);

describe.each(FRONTS)('results over HTTP (%s)', (front) => {
  describe.each(ERAS)('%s', (revision) => {
    it('are made once for equal requests, and given byte for byte', async () => {
      let runs = 0;
      const build = (enabled: boolean): Server =>
        serverOf({ sona: { enabled }, cacheHints: { ttlMs: 7, cacheScope: 'public' } })
          .tool(
            'sum',
            {
              input: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] },
              output: { type: 'object', properties: { sum: { type: 'number' } } },
              cache: { ttlMs: HOUR },
            },
            ({ a, b }) => {
              runs += 1;
              return { sum: Number(a) + Number(b), text: 'é☃ "quoted" \\ \u2028', late: undefined };
            },
          )
          .resource('test://text', { mimeType: 'text/plain', cache: { ttlMs: HOUR } }, () => {
            runs += 1;
            return 'hello';
          })
          .resourceTemplate('test://item/{id}', { cache: { ttlMs: HOUR } }, ({ id }) => {
            runs += 1;
            return { id };
          });
      const cached = await listen(build(true), front);
      const plain = await listen(build(false), 'node');
      const [ask, askPlain] = [await requester(cached, revision), await requester(plain, revision)];
      const ids = ['1', '"a"', '"\\u0061☃"', '9007199254740993', '""'];
      for (const [method, params] of [
        ['tools/call', { name: 'sum', arguments: { a: 1, b: 2 } }],
        ['tools/call', { arguments: { b: 3, a: 2 }, name: 'sum' }],
        ['resources/read', { uri: 'test://text' }],
        ['resources/read', { uri: 'test://item/7' }],
      ] as const) {
        const expected = await Promise.all(ids.map((id) => askPlain(method, params, { id })));
        runs = 0;
        for (const [index, id] of ids.entries()) {
          const reply = await ask(method, params, { id });
          expect(reply).toEqual(expected[index]);
        }
        expect(runs, JSON.stringify(params)).toBe(1);
      }
      const other = await ask('tools/call', { name: 'sum', arguments: { a: 1, b: 3 } });
      expect(other.body).toContain('"sum":4');
      expect(runs).toBe(2);
      if (front === 'native') {
        const { hits = 0, failures } = cached.counters() ?? {};
        // All but the first of each and what is asked while the session is busy; and not the template, whose URIs the
        // front does not know.
        expect(failures).toBe(0);
        expect(hits).toBeGreaterThanOrEqual(9);
        expect(hits).toBeLessThanOrEqual(12);
      }
    });

    it('are waited for by equal requests that come meanwhile', async () => {
      let runs = 0;
      let release: () => void = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const server = serverOf().tool(
        'slow',
        { input: { type: 'object' }, cache: { ttlMs: HOUR } },
        async ({ n }) => {
          runs += 1;
          await released;
          return `${n}`;
        },
      );
      const ask = await requester(await listen(server, front), revision);
      const calls = Array.from({ length: 50 }, (_, index) =>
        ask('tools/call', { name: 'slow', arguments: { n: index % 2 } }, { id: `${index + 10}` }),
      );
      while (runs < 2) await delay(5);
      await delay(50);
      release();
      for (const [index, reply] of (await Promise.all(calls)).entries()) {
        expect(JSON.parse(reply.body)).toMatchObject({
          id: index + 10,
          result: { content: [{ text: `${index % 2}` }] },
        });
      }
      expect(runs).toBe(2);
    });

    it('expire', async () => {
      let runs = 0;
      const server = serverOf().tool('count', { cache: { ttlMs: 120 } }, () => {
        runs += 1;
        return `${runs}`;
      });
      const ask = await requester(await listen(server, front), revision);
      expect(textIn(await ask('tools/call', { name: 'count' }))).toBe('1');
      let last = '1';
      while (last === '1') {
        last = textIn(await ask('tools/call', { name: 'count' })) ?? '';
        await delay(10);
      }
      expect(last).toBe('2');
    });
  });

  it('are found under the same key by the front and by JavaScript, whatever the params', async () => {
    let runs = 0;
    const server = serverOf().tool('any', { cache: { ttlMs: HOUR } }, () => {
      runs += 1;
      return `${runs}`;
    });
    const listening = await listen(server, front);
    const random = randomNumbers(99);
    const spelt = (): string => {
      for (;;) {
        const text = jsonText(random, 4);
        // Equal keys are refused at the top of the arguments, as are control characters in its keys.
        if (text.startsWith('{') && !/"(\\.|[^"\\])*\\[unrtbf]/.test(text)) return text;
      }
    };
    for (const revision of ERAS) {
      const ask = await requester(listening, revision);
      const meta =
        revision === '2026-07-28'
          ? `"_meta":{"io.modelcontextprotocol/protocolVersion":"${revision}","io.modelcontextprotocol/clientCapabilities":{}},`
          : '';
      for (let round = 0; round < 60; round += 1) {
        const raw = `{${meta}"name":"any","arguments":${spelt()}}`;
        const first = await ask('tools/call', { name: 'any' }, { raw });
        if (!first.body.includes('"result"')) continue;
        const before = listening.counters()?.hits ?? 0;
        const ran = runs;
        expect(await ask('tools/call', { name: 'any' }, { raw })).toEqual(first);
        expect(runs).toBe(ran);
        if (front === 'native') expect(listening.counters()?.hits, raw).toBe(before + 1);
      }
    }
    expect(runs).toBeGreaterThan(60);
  });

  it('are not given by a tool that was replaced, removed, or of a resource that was updated', async () => {
    const server = serverOf();
    const tool = (answer: string): void => {
      server.tool('t', { cache: { ttlMs: HOUR, version: '1' } }, () => answer);
    };
    let content = 'first';
    tool('old');
    server
      .tool('other', {}, () => 'other')
      .resource('test://r', { cache: { ttlMs: HOUR } }, () => content)
      .resourceTemplate('test://item/{id}', { cache: { ttlMs: HOUR } }, () => content);
    const ask = await requester(await listen(server, front), '2026-07-28');
    const read = async (uri: string): Promise<string | undefined> =>
      textIn(await ask('resources/read', { uri }));
    for (let round = 0; round < 2; round += 1) {
      expect(textIn(await ask('tools/call', { name: 't' }))).toBe('old');
      expect(await read('test://r')).toBe('first');
      expect(await read('test://item/1')).toBe('first');
    }
    server.removeTool('t');
    expect((await ask('tools/call', { name: 't' })).body).toContain('Unknown tool');
    tool('new');
    expect(textIn(await ask('tools/call', { name: 't' }))).toBe('new');
    content = 'second';
    expect(await read('test://r')).toBe('first');
    server.resourceUpdated('test://r');
    server.resourceUpdated('test://item/1');
    expect(await read('test://r')).toBe('second');
    expect(await read('test://item/1')).toBe('second');
    await settled();
    expect(await read('test://r')).toBe('second');
    expect(textIn(await ask('tools/call', { name: 't' }))).toBe('new');
  });

  it('pass middleware like any other result, which may refuse or change them', async () => {
    let runs = 0;
    const server = serverOf().tool('t', { input: { type: 'object' }, cache: { ttlMs: HOUR } }, () => {
      runs += 1;
      return 'secret';
    });
    const listening = await listen(server, front);
    const ask = await requester(listening, '2026-07-28');
    const call = (n: number): ReturnType<typeof ask> => ask('tools/call', { name: 't', arguments: { n } });
    await call(1);
    await call(1);
    expect(runs).toBe(1);
    let seen = 0;
    server.use(async ({ method }, _ctx, next) => {
      const result = await next();
      if (method !== 'tools/call') return result;
      seen += 1;
      const { content } = result as unknown as { content: { text: string }[] };
      for (const block of content) block.text = block.text.toUpperCase();
      return result;
    });
    for (let round = 0; round < 3; round += 1) {
      expect(textIn(await call(1))).toBe('SECRET');
      await settled();
    }
    expect(seen).toBe(3);
    expect(runs).toBe(2);
  });

  it('are compared with the headers of the request before they are given', async () => {
    let runs = 0;
    const server = serverOf().tool(
      'where',
      {
        input: {
          type: 'object',
          properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
        },
        cache: { ttlMs: HOUR, scope: 'public' },
      },
      ({ region }) => {
        runs += 1;
        return `in ${String(region)}`;
      },
    );
    const ask = await requester(await listen(server, front), '2026-07-28');
    const params = { name: 'where', arguments: { region: 'eu' } };
    const call = (region: string): ReturnType<typeof ask> =>
      ask('tools/call', params, { headers: { 'mcp-param-region': region } });
    expect(textIn(await call('eu'))).toBe('in eu');
    expect(textIn(await call('eu'))).toBe('in eu');
    expect(runs).toBe(1);
    expect(await call('us')).toMatchObject({ status: 400, body: expect.stringContaining('-32020') });
  });

  it('run again for requests that want progress or log messages', async () => {
    let runs = 0;
    const server = serverOf().tool('t', { cache: { ttlMs: HOUR } }, (_args, ctx) => {
      runs += 1;
      ctx.progress({ progress: 1 });
      return 'done';
    });
    const ask = await requester(await listen(server, front), '2026-07-28');
    await ask('tools/call', { name: 't' });
    await ask('tools/call', { name: 't', _meta: { progressToken: 1 } });
    await ask('tools/call', { name: 't', _meta: { 'io.modelcontextprotocol/logLevel': 'info' } });
    expect(runs).toBe(3);
    await ask('tools/call', { name: 't', _meta: { traceparent: 'x' } });
    expect(runs).toBe(3);
  });
});

describe('results on other transports', () => {
  beforeAll(ensureBuilt, 120_000);

  it.each(['legacy', 'modern'] as const)('are made once on stdio (%s)', async (era) => {
    const program = join(ROOT, 'test', 'fixtures', 'cached-server.mjs');
    const client = await connect({ command: process.execPath, args: [program] }, { era });
    open.push(client);
    const calls = Array.from({ length: 50 }, () => client.callTool('square', { n: 7 }));
    for (const { content } of await Promise.all(calls)) expect(textOf(content)).toBe('49');
    expect(textOf((await client.callTool('square', { n: 7 })).content)).toBe('49');
    for (let round = 0; round < 3; round += 1) await client.readResource('test://now');
    expect(textOf((await client.callTool('runs')).content)).toBe('2');
  });

  it.each(['legacy', 'modern'] as const)('are made once in memory (%s)', async (era) => {
    let runs = 0;
    const server = serverOf().tool('t', { cache: { ttlMs: HOUR } }, () => {
      runs += 1;
      return 'x';
    });
    const client = await connectInMemory(server, { era });
    open.push(client);
    for (let round = 0; round < 5; round += 1) await client.callTool('t');
    expect(runs).toBe(1);
  });
});
