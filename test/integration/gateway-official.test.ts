import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../src/client/contract.ts';
import type { LogMessage, ProgressUpdate } from '../../src/core/mcp.ts';
import { readGatewayConfig } from '../../src/runtime/config/index.ts';
import { createGateway } from '../../src/server/gateway.ts';
import { connectInMemory } from '../../src/server/index.ts';
import { eventually, textOf } from '../unit/client/support.ts';
import {
  cleanup,
  isAlive,
  official,
  scripted,
  startGateway,
  temporaryFolder,
} from '../unit/gateway/harness.ts';

const answers: ClientOptions = {
  onElicit: async () => ({ action: 'accept', content: { name: 'Ada' } }),
  onSample: async () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'sampled' } }),
  onRoots: async () => [{ uri: 'file:///srv/app', name: 'app' }],
};

function three() {
  const folder = realpathSync(temporaryFolder());
  mkdirSync(join(folder, 'docs'));
  writeFileSync(join(folder, 'docs', 'a.txt'), 'hello from a file');
  const gateway = startGateway({
    everything: { target: official.everything() },
    files: { target: official.filesystem(join(folder, 'docs')) },
    memory: { target: official.memory(join(folder, 'memory.jsonl')) },
  });
  return { gateway, folder };
}

describe.each(['legacy', 'modern'] as const)('official servers for a %s client', (era) => {
  it('lists everything in configuration order and serves all features', async () => {
    const { gateway, folder } = three();
    const client = await gateway.connect({ era, ...answers });
    expect(client.server?.era).toBe(era);
    const tools = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toContain('everything__echo');
    expect(names).toContain('files__read_text_file');
    expect(names).toContain('memory__create_entities');
    expect([...new Set(names.map((name) => name.split('__')[0]))]).toEqual(['everything', 'files', 'memory']);
    const prompts = (await client.listPrompts()).map(({ name }) => name);
    expect(prompts).toContain('everything__args-prompt');

    expect(textOf((await client.callTool('everything__echo', { message: 'hi' })).content)).toBe('Echo: hi');
    const read = await client.callTool('files__read_text_file', { path: join(folder, 'docs', 'a.txt') });
    expect(textOf(read.content)).toBe('hello from a file');
    const entities = [{ name: 'Ada', entityType: 'person', observations: ['wrote'] }];
    await client.callTool('memory__create_entities', { entities });
    const graph = await client.callTool('memory__read_graph');
    expect(graph.structuredContent).toMatchObject({ entities: [{ name: 'Ada' }] });

    const wrong = await client.callTool('everything__echo', { message: 1 });
    expect(wrong.isError).toBe(true);
    await expect(client.callTool('everything__nope')).rejects.toMatchObject({ rpcCode: -32602 });

    const [resource] = await client.listResources();
    const { contents } = await client.readResource(resource?.uri ?? '');
    expect(contents[0]?.uri).toBe(resource?.uri);
    const templates = await client.listResourceTemplates();
    expect(templates.map(({ uriTemplate }) => uriTemplate)).toContain(
      'demo://resource/dynamic/text/{resourceId}',
    );
    const dynamic = await client.readResource('demo://resource/dynamic/text/7');
    expect(dynamic.contents[0]).toMatchObject({ uri: 'demo://resource/dynamic/text/7' });
    await expect(client.readResource('nobody://has-this')).rejects.toMatchObject({
      rpcCode: era === 'modern' ? -32602 : -32002,
    });

    const prompt = await client.getPrompt('everything__args-prompt', { city: 'Paris' });
    expect(prompt.messages[0]?.content).toMatchObject({ type: 'text' });
    const completion = await client.complete(
      { type: 'ref/prompt', name: 'everything__completable-prompt' },
      { name: 'department', value: 'E' },
    );
    expect(completion.values).toContain('Engineering');
    const ids = await client.complete(
      { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' },
      { name: 'resourceId', value: '1' },
    );
    expect(ids.values).toEqual(['1']);

    const pids = gateway.processes.map(({ pid }) => pid).filter((pid) => pid !== undefined);
    expect(pids).toHaveLength(3);
    await gateway.close();
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('asks the user, the model and for roots in the middle of a call', async () => {
    const { gateway } = three();
    const client = await gateway.connect({
      era,
      ...answers,
      capabilities: { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} },
    });
    await client.listTools();
    const elicited = await client.callTool('everything__trigger-elicitation-request');
    expect(JSON.stringify(elicited.content)).toContain('Ada');
    const sampled = await client.callTool('everything__trigger-sampling-request', {
      prompt: 'p',
      maxTokens: 5,
    });
    expect(JSON.stringify(sampled.content)).toContain('sampled');
    const roots = await client.callTool('everything__get-roots-list');
    expect(JSON.stringify(roots.content)).toContain('file:///srv/app');
    expect(gateway.upstreams.states()[0]?.inFlight).toBe(0);
  });

  it('tells the upstream that a client cannot answer', async () => {
    const { gateway } = three();
    const client = await gateway.connect({ era });
    await client.listTools();
    const answer = await client
      .callTool('everything__trigger-sampling-request', { prompt: 'p', maxTokens: 5 })
      .catch((error: unknown) => ({
        isError: true,
        content: [{ type: 'text' as const, text: String(error) }],
      }));
    expect(answer.isError).toBe(true);
    expect(textOf((await client.callTool('everything__echo', { message: 'still' })).content)).toBe(
      'Echo: still',
    );
  });

  it('relays progress, and cancellation', async () => {
    const { gateway } = three();
    const client = await gateway.connect({ era });
    await client.listTools();
    const seen: ProgressUpdate[] = [];
    await client.callTool(
      'everything__trigger-long-running-operation',
      { duration: 0.3, steps: 3 },
      { onProgress: (update) => seen.push(update) },
    );
    expect(seen.map(({ progress }) => progress)).toEqual([1, 2, 3]);
    const abort = new AbortController();
    const call = client.callTool(
      'everything__trigger-long-running-operation',
      { duration: 30, steps: 3 },
      { signal: abort.signal },
    );
    call.catch(() => {});
    await eventually(() => gateway.upstreams.states()[0]?.inFlight === 1);
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
    await eventually(() => gateway.upstreams.states()[0]?.inFlight === 0);
  });

  it('subscribes upstream exactly while somebody listens', async () => {
    const { gateway } = three();
    const updated: string[] = [];
    const client = await gateway.connect({
      era,
      onNotification: ({ method, params }) => {
        if (method === 'notifications/resources/updated') updated.push(String(params?.['uri']));
      },
    });
    await client.listTools();
    const uri = 'demo://resource/dynamic/text/1';
    const subscription = await client.subscribe({ resourceSubscriptions: [uri] });
    expect(subscription.honoured.resourceSubscriptions).toEqual([uri]);
    await client.callTool('everything__toggle-subscriber-updates');
    await eventually(() => updated.includes(uri), 15_000);
    await subscription.close();
    await eventually(() => gateway.server.registry.subscriptions.uris().length === 0);
    // The server confirms: without a subscriber it has nobody to send updates to.
    await client.callTool('everything__toggle-subscriber-updates');
  });

  it('relays log messages of a call', async () => {
    const { gateway } = three();
    const logs: LogMessage[] = [];
    const client = await gateway.connect({
      era,
      onNotification: ({ method, params }) => {
        if (method === 'notifications/message') logs.push(params as unknown as LogMessage);
      },
    });
    await client.listTools();
    if (era === 'legacy') await client.setLogLevel('debug');
    await client.callTool(
      'everything__toggle-simulated-logging',
      {},
      { logLevel: 'debug', onLog: (log) => logs.push(log) },
    );
    await client.callTool(
      'everything__get-annotated-message',
      { messageType: 'debug' },
      { logLevel: 'debug' },
    );
    await eventually(() => logs.length + gateway.broadcasts.length > 0, 15_000);
    for (const { audience } of gateway.broadcasts) expect(audience.principalId).toBeDefined();
    await client.callTool('everything__toggle-simulated-logging');
  });
});

describe.each(['legacy', 'modern'] as const)('official SDK v2 server over stdio for a %s client', (era) => {
  it('is modern, and asks in several rounds', async () => {
    const jiti = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));
    const file = fileURLToPath(new URL('../fixtures/dual-era-server.ts', import.meta.url));
    const gateway = startGateway({
      up: { target: { kind: 'stdio', command: process.execPath, args: [jiti, file], env: {} } },
    });
    const client = await gateway.connect({
      era,
      onElicit: async ({ message }) => ({
        action: 'accept',
        content: message.includes('city') ? { city: 'Paris' } : { day: 'Friday' },
      }),
    });
    await client.listTools();
    expect(gateway.upstreams.states()[0]).toMatchObject({ era: 'modern', state: 'ready' });
    expect(textOf((await client.callTool('up__ask')).content)).toBe('city = Paris; day = Friday');
    const seen: ProgressUpdate[] = [];
    const options = { onProgress: (update: ProgressUpdate) => seen.push(update) };
    await client.callTool('up__work', { steps: 2, everyMs: 5, label: 'x' }, options);
    expect(seen).toHaveLength(2);
  });
});

describe('examples/mcp.json', () => {
  it('gives the three official servers, and writes outside of the repository only', async () => {
    const stateDir = temporaryFolder();
    const config = readGatewayConfig(fileURLToPath(new URL('../../examples/mcp.json', import.meta.url)), {
      env: { ...process.env, FERROMCP_STATE_DIR: stateDir },
    });
    expect(config.warnings).toEqual([]);
    const gateway = createGateway({ config });
    cleanup(() => gateway.close());
    const client = await connectInMemory(gateway.server);
    cleanup(() => client.close());
    const prefixes = new Set((await client.listTools()).map(({ name }) => name.split('__')[0]));
    expect([...prefixes]).toEqual(['everything', 'filesystem', 'memory']);
    const listing = await client.callTool('filesystem__list_directory', { path: '.' });
    expect(textOf(listing.content)).toContain('mcp.json');
    const entities = [{ name: 'Ada', entityType: 'person', observations: [] }];
    await client.callTool('memory__create_entities', { entities });
    expect(readFileSync(join(stateDir, 'memory.jsonl'), 'utf8')).toContain('Ada');
  });
});

describe('a hanging upstream', () => {
  it('K02 does not hold up the handshake', async () => {
    const gateway = startGateway({
      bad: { target: scripted('mute'), options: { startMs: 30_000, era: 'legacy' } },
    });
    expect(gateway.upstreams.identityPending()).toBeUndefined();
    expect(Object.keys(gateway.upstreams.describe().capabilities)).toContain('tools');
  });
});
