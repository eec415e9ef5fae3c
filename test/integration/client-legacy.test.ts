import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import type { ClientOptions, ClientTransport, McpClient } from '../../src/client/contract.ts';
import { FerroError } from '../../src/core/errors.ts';
import type { JsonRpcNotification } from '../../src/core/jsonrpc.ts';
import { httpTransport } from '../../src/transports/client/http.ts';
import { legacySseTransport } from '../../src/transports/client/legacy-sse.ts';
import { stdioTransport } from '../../src/transports/client/stdio.ts';
import { targetTransport } from '../../src/transports/client/target.ts';
import { eventually, textOf } from '../unit/client/support.ts';

const EVERYTHING = createRequire(import.meta.url).resolve(
  '@modelcontextprotocol/server-everything/dist/index.js',
);

const children: ChildProcess[] = [];
const clients: McpClient[] = [];
const ports: Record<string, number> = {};

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function startEverything(mode: string): Promise<number> {
  const port = await freePort();
  const child = spawn(process.execPath, [EVERYTHING, mode], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await eventually(() => output.includes(String(port)), 20_000);
  return port;
}

beforeAll(async () => {
  const [http, sse] = await Promise.all([startEverything('streamableHttp'), startEverything('sse')]);
  Object.assign(ports, { http, sse });
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(() => {
  for (const child of children) {
    child.kill('SIGKILL');
  }
});

const transports: Readonly<Record<string, () => ClientTransport>> = {
  stdio: () => stdioTransport({ command: process.execPath, args: [EVERYTHING, 'stdio'] }),
  http: () => httpTransport({ url: `http://127.0.0.1:${ports['http']}/mcp` }),
  sse: () => legacySseTransport({ url: `http://127.0.0.1:${ports['sse']}/sse` }),
  'a URL with fall-back': () => targetTransport(`http://127.0.0.1:${ports['sse']}/sse`),
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
  onElicit: async () => ({ action: 'accept', content: { name: 'Ada' } }),
  onSample: async () => ({
    role: 'assistant',
    model: 'test-model',
    content: { type: 'text', text: 'sampled' },
  }),
  onRoots: async () => [{ uri: 'file:///srv/app', name: 'app' }],
};

describe.each(['stdio', 'http', 'sse', 'a URL with fall-back'])('server-everything over %s', (kind) => {
  it('is found to be legacy', async () => {
    const client = await connect(kind);
    expect(client.server).toMatchObject({
      era: 'legacy',
      revision: '2025-11-25',
      serverInfo: { name: 'mcp-servers/everything' },
    });
    await client.ping();
  });

  it('lists, calls, reads, gets, completes', async () => {
    const client = await connect(kind);
    expect((await client.listTools()).map(({ name }) => name)).toContain('echo');
    expect(textOf((await client.callTool('echo', { message: 'héllo' })).content)).toBe('Echo: héllo');
    const sum = await client.callTool('get-structured-content', { location: 'Chicago' });
    expect(sum.structuredContent).toMatchObject({ conditions: expect.any(String) });
    const [resource] = await client.listResources();
    const { contents } = await client.readResource(resource?.uri ?? '');
    expect(contents[0]?.uri).toBe(resource?.uri);
    expect((await client.listResourceTemplates()).length).toBeGreaterThan(0);
    expect((await client.listPrompts()).map(({ name }) => name)).toContain('completable-prompt');
    const prompt = await client.getPrompt('completable-prompt', { department: 'Sales', name: 'David' });
    expect(prompt.messages.length).toBeGreaterThan(0);
    const ref = { type: 'ref/prompt', name: 'completable-prompt' } as const;
    const { values } = await client.complete(ref, { name: 'name', value: 'D' }, { department: 'Sales' });
    expect(values).toEqual(['David']);
  });

  it('answers elicitation, sampling and roots', async () => {
    const client = await connect(kind, answers);
    expect(JSON.stringify((await client.callTool('trigger-elicitation-request')).content)).toContain(
      'Name: Ada',
    );
    const sampled = await client.callTool('trigger-sampling-request', { prompt: 'x', maxTokens: 5 });
    expect(textOf(sampled.content)).toContain('test-model');
    expect(textOf((await client.callTool('get-roots-list')).content)).toContain('file:///srv/app');
    await client.rootsChanged();
  });

  it('passes a failing answer on as an error of the request', async () => {
    const client = await connect(kind, {
      ...answers,
      onElicit: async () => {
        throw new Error('the secret reason');
      },
    });
    const result = await client.callTool('trigger-elicitation-request');
    expect(result.isError).toBe(true);
    expect(textOf(result.content)).toContain('Internal error');
    expect(textOf(result.content)).not.toContain('secret');
  });

  it('gets progress by its own token', async () => {
    const client = await connect(kind);
    const progress: [string, number][] = [];
    const run = (label: string): Promise<unknown> =>
      client.callTool(
        'trigger-long-running-operation',
        { duration: 0.2, steps: 2 },
        {
          onProgress: (update) => progress.push([label, update.progress]),
        },
      );
    await Promise.all([run('a'), run('b')]);
    expect(progress.filter(([label]) => label === 'a').map(([, value]) => value)).toEqual([1, 2]);
    expect(progress.filter(([label]) => label === 'b').map(([, value]) => value)).toEqual([1, 2]);
  });

  it('cancels a call, and the next one works', async () => {
    const client = await connect(kind);
    const abort = new AbortController();
    const call = client.callTool(
      'trigger-long-running-operation',
      { duration: 20, steps: 2 },
      { signal: abort.signal },
    );
    setTimeout(() => abort.abort(), 50);
    const error: unknown = await call.catch((reason: unknown) => reason);
    expect((error as FerroError).code).toBe('REQUEST_CANCELLED');
    expect(textOf((await client.callTool('echo', { message: 'next' })).content)).toBe('Echo: next');
  });

  it('hears of updates of a subscribed resource and log messages', async () => {
    const seen: JsonRpcNotification[] = [];
    const client = await connect(kind, { onNotification: (notification) => seen.push(notification) });
    const [resource] = await client.listResources();
    const uri = resource?.uri ?? '';
    const subscription = await client.subscribe({ resourceSubscriptions: [uri], toolsListChanged: true });
    expect(subscription.honoured).toEqual({ resourceSubscriptions: [uri], toolsListChanged: true });
    await client.setLogLevel('debug');
    await client.callTool('toggle-subscriber-updates');
    await client.callTool('toggle-simulated-logging');
    await eventually(() => seen.some(({ method }) => method === 'notifications/resources/updated'), 8_000);
    expect(seen.find(({ method }) => method === 'notifications/resources/updated')?.params?.['uri']).toBe(
      uri,
    );
    await eventually(() => seen.some(({ method }) => method === 'notifications/message'), 8_000);
    await subscription.close();
    expect(await subscription.ended).toEqual({ by: 'closed' });
  });
});

describe('a server that is not there', () => {
  it.each(['http', 'sse', 'url'])('is a coded, retryable error over %s', async (kind) => {
    const url = `http://127.0.0.1:${await freePort()}/mcp`;
    const transport =
      kind === 'http'
        ? httpTransport({ url })
        : kind === 'sse'
          ? legacySseTransport({ url })
          : targetTransport(url);
    const error: unknown = await createClient(transport)
      .connect()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FerroError);
    expect((error as FerroError).code).toBe('UPSTREAM_UNAVAILABLE');
    expect((error as FerroError).row.retryable).toBe(true);
  });
});
