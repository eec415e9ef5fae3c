import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { LEGACY_REVISIONS } from '../../src/core/revisions.ts';
import { native } from '../../src/native/loader.ts';
import { createServer, type Listening, type Server } from '../../src/server/index.ts';
import { ensureBuilt } from './cli-process.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

function build(): Server {
  const server = createServer({ name: 'same', version: '1.0.0', instructions: 'Use "echo".' });
  server.tool('echo', { description: 'Écho ☃', input: { type: 'object' } }, (args) => JSON.stringify(args));
  server.resource('test://text', { mimeType: 'text/plain' }, () => 'hello');
  server.resourceTemplate('test://item/{id}', {}, ({ id }) => ({ id: id ?? null }));
  server.prompt('ask', { arguments: [{ name: 'topic' }] }, ({ topic }) => `About ${topic}`);
  open.push(server);
  return server;
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
}

async function post(
  listening: Listening,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer & { readonly session: string | null }> {
  const response = await fetch(listening.url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    session: response.headers.get('mcp-session-id'),
    body: await response.text(),
  };
}

async function openSession(listening: Listening, revision: string): Promise<Record<string, string>> {
  const params = { protocolVersion: revision, capabilities: {}, clientInfo: { name: 't', version: '1' } };
  const { session } = await post(
    listening,
    JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
  );
  if (session === null) throw new Error('no session');
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': revision };
  const ready = await post(listening, '{"jsonrpc":"2.0","method":"notifications/initialized"}', headers);
  expect(ready.status).toBe(202);
  return headers;
}

const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

function modern(method: string, id: string, meta: object = {}, params: object = {}) {
  const all = JSON.stringify({ ...params, _meta: { ...MODERN_META, ...meta } });
  return {
    body: `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${all}}`,
    headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method },
  };
}

const LISTS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];
/** As they come: integers beyond 2^53, spellings of strings. */
const IDS = ['1', '-0', '9007199254740993', '"a"', '"\\u0061"', '"☃"', '""'];

function prepared(listening: Listening): number {
  return listening.counters()?.prepared.reduce((sum, { count }) => sum + count, 0) ?? 0;
}

describe.skipIf(native().front === undefined)('the native front', () => {
  it('is what listens by default, and answers with the very bytes of the other front', async () => {
    const server = build();
    const first = await server.listen({ port: 0 });
    const second = await server.listen({ port: 0, front: 'node' });
    expect([first.front, second.front]).toEqual(['native', 'node']);
    expect(second.counters()).toBeUndefined();
    await settled();
    let expected = 0;
    for (const method of ['server/discover', ...LISTS]) {
      for (const id of IDS) {
        const { body, headers } = modern(method, id);
        expect(await post(first, body, headers)).toEqual(await post(second, body, headers));
        expected += 1;
      }
    }
    for (const revision of LEGACY_REVISIONS) {
      const mine = await openSession(first, revision);
      const theirs = await openSession(second, revision);
      for (const method of ['ping', ...LISTS]) {
        for (const id of IDS) {
          for (const params of ['', ',"params":{}', ',"params":{"_meta":{"x":1}}']) {
            const body = `{"jsonrpc":"2.0","id":${id},"method":"${method}"${params}}`;
            expect(await post(first, body, mine)).toEqual(await post(second, body, theirs));
          }
        }
      }
    }
    expect(prepared(first)).toBeGreaterThan(expected);
    expect(first.counters()?.failures).toBe(0);
  });

  it('answers requests with a question as the other front does', async () => {
    const server = build();
    const first = await server.listen({ port: 0 });
    const second = await server.listen({ port: 0, front: 'node' });
    await settled();
    const cases = [
      modern('tools/list', '1', { progressToken: 1 }),
      modern('tools/list', '1', { 'io.modelcontextprotocol/logLevel': 'debug' }),
      modern('tools/list', '1', { 'io.modelcontextprotocol/logLevel': 'loud' }),
      modern('tools/list', '1', {}, { cursor: 'x' }),
      modern('tools/list', '1', {}, { unknown: true }),
      modern('tools/list', '1', { 'io.modelcontextprotocol/clientInfo': { name: 7 } }),
      modern('ping', '1'),
      modern('resources/read', '1', {}, { uri: 'test://none' }),
      { ...modern('tools/list', '1'), headers: { 'mcp-protocol-version': '2026-07-28' } },
      { ...modern('tools/list', '1'), headers: modern('prompts/list', '1').headers },
      { ...modern('tools/list', '1'), headers: {} },
      {
        ...modern('tools/list', '1'),
        headers: { 'mcp-session-id': 'x', ...modern('tools/list', '1').headers },
      },
    ];
    for (const { body, headers } of cases) {
      const answer = await post(first, body, headers);
      expect(answer).toEqual(await post(second, body, headers));
    }
    for (const accept of ['application/json', 'text/event-stream', '*/*']) {
      const { body, headers } = modern('tools/list', '7');
      const all = { ...headers, accept };
      expect(await post(first, body, all)).toEqual(await post(second, body, all));
    }
  });

  it('shows a new tool, and no removed one, from the moment it is registered', async () => {
    const server = build();
    const listening = await server.listen({ port: 0 });
    const session = await openSession(listening, '2025-11-25');
    await settled();
    for (let round = 0; round < 20; round += 1) {
      server.tool(`new-${round}`, {}, () => 'x');
      server.removeTool(`new-${round - 1}`);
      if (round % 2 === 0) await settled();
      const ask = modern('tools/list', '1');
      const legacy = await post(listening, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}', session);
      for (const { body } of [await post(listening, ask.body, ask.headers), legacy]) {
        expect(body).toContain(`"new-${round}"`);
        expect(body).not.toContain(`"new-${round - 1}"`);
      }
    }
    expect(prepared(listening)).toBeGreaterThan(0);
  });

  it('lets every request pass middleware, from the moment it is added', async () => {
    const server = build();
    const listening = await server.listen({ port: 0 });
    await settled();
    const seen: string[] = [];
    server.use((request, _ctx, next) => {
      seen.push(request.method);
      return next();
    });
    const { body, headers } = modern('tools/list', '1');
    expect((await post(listening, body, headers)).status).toBe(200);
    await settled();
    expect((await post(listening, body, headers)).status).toBe(200);
    expect(seen).toEqual(['tools/list', 'tools/list']);
    expect(prepared(listening)).toBe(0);
  });

  it('D09 forgets a session as soon as it has ended', async () => {
    const listening = await build().listen({ port: 0 });
    const session = await openSession(listening, '2025-06-18');
    await settled();
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    expect((await post(listening, ping, session)).status).toBe(200);
    expect((await fetch(listening.url, { method: 'DELETE', headers: session })).status).toBe(204);
    expect((await post(listening, ping, session)).status).toBe(404);
    const unknown = { ...session, 'mcp-session-id': 'x'.repeat(24) };
    expect((await post(listening, ping, unknown)).status).toBe(404);
  });

  it('D09 a session that is only used natively does not expire', async () => {
    const server = createServer({ name: 'idle', version: '1.0.0', limits: { sessionIdleMs: 400 } });
    open.push(server);
    const listening = await server.listen({ port: 0 });
    const session = await openSession(listening, '2025-11-25');
    await settled();
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    for (let round = 0; round < 12; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await post(listening, ping, session)).status).toBe(200);
    }
    expect(listening.counters()?.prepared.find(({ name }) => name === 'ping')?.count).toBeGreaterThan(5);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await post(listening, ping, session)).status).toBe(404);
  });

  it('C12 a list with the id of a running request is refused', async () => {
    const server = build();
    let release: () => void = () => {};
    server.tool('wait', {}, () => new Promise<string>((resolve) => (release = () => resolve('done'))));
    const listening = await server.listen({ port: 0 });
    const session = await openSession(listening, '2025-11-25');
    await settled();
    const running = post(
      listening,
      '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"wait"}}',
      session,
    );
    await settled();
    for (const id of ['"a"', '"\\u0061"']) {
      const list = await post(listening, `{"jsonrpc":"2.0","id":${id},"method":"tools/list"}`, session);
      expect(list.body).toContain('REQUEST_DUPLICATE_ID');
    }
    const other = await post(listening, '{"jsonrpc":"2.0","id":"b","method":"tools/list"}', session);
    expect(other.body).toContain('"wait"');
    release();
    expect((await running).body).toContain('done');
  });
});

describe('a server in a worker thread', () => {
  it('ends with its thread and takes its listener along', async () => {
    await ensureBuilt();
    const program = fileURLToPath(new URL('../fixtures/worker-server.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 30_000 });
    const front = native().front === undefined ? 'node' : 'native';
    expect(JSON.parse(stdout)).toEqual({ front, status: 200, free: true });
  });
});
