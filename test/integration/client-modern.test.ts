import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import type { ClientOptions, ClientTransport, McpClient } from '../../src/client/contract.ts';
import { FerroError, RpcError } from '../../src/core/errors.ts';
import type { JsonRpcNotification } from '../../src/core/jsonrpc.ts';
import { httpTransport } from '../../src/transports/client/http.ts';
import { stdioTransport } from '../../src/transports/client/stdio.ts';
import { targetTransport } from '../../src/transports/client/target.ts';
import { aborted, listenDualEra, type RunningServer } from '../fixtures/dual-era-server.ts';
import { eventually, textOf } from '../unit/client/support.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/dual-era-server.ts', import.meta.url));
const JITI = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));

let server: RunningServer;
const clients: McpClient[] = [];

beforeAll(async () => {
  server = await listenDualEra();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(async () => {
  await server.close();
});

const transports: Readonly<Record<string, () => ClientTransport>> = {
  http: () => httpTransport({ url: server.url }),
  url: () => targetTransport(server.url),
  stdio: () => stdioTransport({ command: process.execPath, args: [JITI, FIXTURE] }),
};

async function connect(kind: string, options: ClientOptions = {}): Promise<McpClient> {
  const create = transports[kind];
  if (create === undefined) {
    throw new Error(`no transport ${kind}`);
  }
  const client = createClient(create(), options);
  clients.push(client);
  await client.connect();
  return client;
}

const answers: ClientOptions = {
  onElicit: async (params) => ({
    action: 'accept',
    content: params.message.includes('city') ? { city: 'Paris' } : { day: 'Friday' },
  }),
  onSample: async () => ({ role: 'assistant', model: 'test-model', content: { type: 'text', text: 'x' } }),
  onRoots: async () => [{ uri: 'file:///srv/app' }],
};

describe.each(['http', 'stdio', 'url'])('official SDK v2 server over %s', (kind) => {
  it('is found to be modern', async () => {
    const client = await connect(kind);
    expect(client.server).toMatchObject({
      era: 'modern',
      revision: '2026-07-28',
      serverInfo: { name: 'dual-era', version: '1.2.3' },
      instructions: 'Ask for anything.',
    });
    await client.ping();
  });

  it('lists and calls', async () => {
    const client = await connect(kind);
    expect((await client.listTools()).map(({ name }) => name)).toContain('query');
    expect(textOf((await client.callTool('greet', { name: 'Ada' })).content)).toBe('Hello, Ada (modern)');
    expect(textOf((await client.callTool('query', { region: ' köln ', shard: 7 })).content)).toBe(' köln /7');
    expect(await client.listResources()).toHaveLength(1);
    const { contents } = await client.readResource('memo://note');
    expect(contents[0]).toMatchObject({ uri: 'memo://note', text: 'remember' });
    expect((await client.listPrompts())[0]).toMatchObject({ name: 'review' });
    const { messages } = await client.getPrompt('review', { code: 'let x' });
    expect(messages[0]?.content).toMatchObject({ text: 'Review let x' });
    expect(await client.listResourceTemplates()).toEqual([]);
  });

  it('answers input over several rounds, echoing the state', async () => {
    const client = await connect(kind, answers);
    const ids: (number | string)[] = [];
    const result = await client.callTool('ask', {}, { onSent: (id) => ids.push(id) });
    expect(textOf(result.content)).toBe('city = Paris; day = Friday');
    expect(new Set(ids).size).toBe(3);
  });

  it('answers sampling and roots of one round', async () => {
    const client = await connect(kind, answers);
    const result = await client.callTool('gather');
    expect(JSON.parse(textOf(result.content))).toEqual({ model: 'test-model', roots: ['file:///srv/app'] });
  });

  it('hands input_required over when told to', async () => {
    const client = await connect(kind, answers);
    const params = { name: 'ask', arguments: {} };
    const first = await client.request('tools/call', params, { inputRequired: 'return' });
    expect(first).toMatchObject({
      resultType: 'input_required',
      inputRequests: { city: { method: 'elicitation/create' } },
    });
    const inputResponses = { city: { action: 'accept', content: { city: 'Rome' } } };
    const second = await client.request('tools/call', params, { inputRequired: 'return', inputResponses });
    expect(second).toMatchObject({ resultType: 'input_required', requestState: 'city = Rome' });
  });

  it('reports what the server needs and was not declared', async () => {
    const client = await connect(kind);
    const error: unknown = await client.callTool('ask').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RpcError);
    expect((error as RpcError).rpcCode).toBe(-32021);
  });

  it('gets progress and the log of the call', async () => {
    const client = await connect(kind);
    const progress: number[] = [];
    const log: unknown[] = [];
    await client.callTool(
      'work',
      { steps: 3, everyMs: 5, label: 'w' },
      {
        logLevel: 'debug',
        onProgress: (update) => progress.push(update.progress),
        onLog: (message) => log.push(message.data),
      },
    );
    expect(progress).toEqual([1, 2, 3]);
    expect(log).toEqual(['w 1', 'w 2', 'w 3']);
  });

  it('cancels a call, and the next one works', async () => {
    const client = await connect(kind);
    const abort = new AbortController();
    const label = `abort over ${kind}`;
    // The first progress says that the handler runs.
    const onProgress = (): void => abort.abort();
    const call = client.callTool(
      'work',
      { steps: 500, everyMs: 20, label },
      { signal: abort.signal, onProgress },
    );
    const error: unknown = await call.catch((reason: unknown) => reason);
    expect((error as FerroError).code).toBe('REQUEST_CANCELLED');
    if (kind !== 'stdio') {
      await eventually(() => aborted.includes(label));
    }
    expect(textOf((await client.callTool('greet', { name: 'B' })).content)).toContain('Hello, B');
  });

  it('keeps errors of the server as they are', async () => {
    const client = await connect(kind);
    const error: unknown = await client.readResource('memo://none').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RpcError);
    expect((error as RpcError).rpcCode).toBe(-32602);
    expect((error as RpcError).data).toMatchObject({ uri: 'memo://none' });
  });

  it('subscribes, in part when the server honours only a part, and unsubscribes', async () => {
    const seen: JsonRpcNotification[] = [];
    const client = await connect(kind, { onNotification: (notification) => seen.push(notification) });
    const wanted = { toolsListChanged: true, resourceSubscriptions: ['memo://note'] };
    const subscription = await client.subscribe(wanted);
    expect(subscription.honoured.toolsListChanged).toBe(true);
    await client.callTool('change');
    await eventually(() => seen.length === 2);
    expect(seen.map(({ method }) => method).sort()).toEqual([
      'notifications/resources/updated',
      'notifications/tools/list_changed',
    ]);
    await subscription.close();
    expect(await subscription.ended).toEqual({ by: 'closed' });
    seen.length = 0;
    await client.callTool('change');
    expect(seen).toEqual([]);
  });

  it('can be spoken to in the legacy era', async () => {
    const client = await connect(kind, { ...answers, era: 'legacy' });
    expect(client.server).toMatchObject({ era: 'legacy', revision: '2025-11-25' });
    expect(textOf((await client.callTool('greet', { name: 'Old' })).content)).toBe('Hello, Old (legacy)');
    await client.ping();
  });
});

describe('subscription ends', () => {
  it('when the server ends it in order', async () => {
    const own = await listenDualEra();
    const client = createClient(httpTransport({ url: own.url }));
    clients.push(client);
    await client.connect();
    const subscription = await client.subscribe({ toolsListChanged: true });
    await own.close();
    expect((await subscription.ended).by).not.toBe('closed');
    const error: unknown = await client.ping().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FerroError);
    expect((error as FerroError).code).toMatch(/^UPSTREAM_(UNAVAILABLE|CRASHED)$/);
  });
});
