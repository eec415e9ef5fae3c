/** Every pairing of eras: the client's times the upstream's, with a server of this process behind the gateway. */
import { describe, expect, it } from 'vitest';
import type { ClientOptions, McpClient } from '../../src/client/contract.ts';
import type { LogMessage, ProgressUpdate } from '../../src/core/mcp.ts';
import { createServer, type Server } from '../../src/server/index.ts';
import { eventually, textOf } from '../unit/client/support.ts';
import { cleanup, inMemory, startGateway } from '../unit/gateway/harness.ts';

const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } as const;

/** Calls of `waits` that have not been cancelled. */
const waiting = new Set<unknown>();
/** Resources of the fixture that somebody has subscribed to. */
const subscribed = new Set<string>();

function fixture(): Server {
  const server = createServer({
    name: 'behind',
    version: '3.2.1',
    title: 'Behind',
    instructions: 'Be kind.',
  });
  cleanup(() => server.close());
  server.tool('plain', { description: 'Says hello' }, () => 'hello');
  server.tool(
    'input',
    { input: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } },
    (args) => JSON.stringify(args),
  );
  server.tool('structured', { output: { type: 'object', properties: { a: { type: 'number' } } } }, () => ({
    a: 1,
  }));
  server.tool('fails', {}, () => {
    throw new Error('the tool says no');
  });
  server.tool('two-questions', {}, async (_args, ctx) => {
    const first = await ctx.elicit({ message: 'Who?', requestedSchema: schema });
    const second = await ctx.elicit({
      message: `And ${String(first.content?.['name'])}?`,
      requestedSchema: schema,
    });
    return `${String(first.content?.['name'])}+${String(second.content?.['name'])}`;
  });
  server.tool('all-inputs', {}, async (_args, ctx) => {
    const [sample, roots] = [
      await ctx.sample({ messages: [{ role: 'user', content: { type: 'text', text: 'x' } }], maxTokens: 1 }),
      await ctx.roots(),
    ];
    return `${sample.model} ${roots.map(({ uri }) => uri).join()}`;
  });
  server.tool('progress', {}, async (_args, ctx) => {
    for (let step = 1; step <= 3; step += 1) ctx.progress({ progress: step, total: 3, message: `s${step}` });
    return 'done';
  });
  server.tool('logs', {}, (_args, ctx) => {
    ctx.log('debug', 'quiet');
    ctx.log('error', { loud: true }, 'my-logger');
    return 'logged';
  });
  server.tool('waits', {}, (_args, ctx) => {
    waiting.add(ctx);
    return new Promise((resolve) => {
      ctx.signal.addEventListener('abort', () => {
        waiting.delete(ctx);
        resolve('aborted');
      });
    });
  });
  server.tool('url', {}, async (_args, ctx) => {
    const { action } = await ctx.elicit({ mode: 'url', message: 'Open', url: 'https://auth.example/' });
    return action;
  });
  server.registry.subscriptions.onInterest((uri, wanted) => {
    if (wanted) subscribed.add(uri);
    else subscribed.delete(uri);
  });
  server.tool('meta', {}, (_args, ctx) => JSON.stringify(ctx.meta));
  server.tool('grow', {}, () => {
    server.tool('grown', {}, () => 'new');
    server.resourceUpdated('note://1');
    return 'ok';
  });
  server.tool('link', {}, () => ({ content: [{ type: 'resource_link', uri: 'note://hidden', name: 'h' }] }));
  server.resource('note://1', { name: 'one' }, () => 'first note');
  server.resource('note://aborted', { name: 'aborted' }, () => '');
  server.resourceTemplate(
    'note://by/{who}',
    { name: 'by', complete: { who: ['ada', 'alan'] } },
    ({ who }) => `note of ${String(who)}`,
  );
  server.prompt('greet', { arguments: [{ name: 'who', required: true }] }, ({ who }) => `Greet ${who}`);
  return server;
}

const answers: ClientOptions = {
  onElicit: async ({ message }) => ({
    action: 'accept',
    content: { name: message === 'Who?' ? 'Ada' : 'Alan' },
  }),
  onSample: async () => ({ role: 'assistant', model: 'model-1', content: { type: 'text', text: 'x' } }),
  onRoots: async () => [{ uri: 'file:///r' }],
};

const pairings = (['legacy', 'modern'] as const).flatMap((down) =>
  (['legacy', 'modern'] as const).map((up) => ({ down, up })),
);

describe.each(pairings)('$down client, $up upstream', ({ down, up }) => {
  const start = async (options: ClientOptions = answers, transparent = false) => {
    const gateway = startGateway(
      { up: { target: inMemory(fixture()), options: { era: up } } },
      { transparent },
    );
    const client: McpClient = await gateway.connect({ era: down, ...options });
    const call = async (name: string) => textOf((await client.callTool(`up__${name}`)).content);
    return { gateway, client, call };
  };

  it('speaks the era it was told to', async () => {
    const { gateway, client } = await start();
    await client.listTools();
    expect(client.server?.era).toBe(down);
    expect(gateway.upstreams.states()[0]).toMatchObject({ era: up, state: 'ready', lists: { from: 'live' } });
  });

  it('tools: list, call, arguments, results with all fields', async () => {
    const { client, call } = await start();
    expect((await client.listTools())[0]).toMatchObject({ name: 'up__plain', description: 'Says hello' });
    expect(await call('plain')).toBe('hello');
    expect(textOf((await client.callTool('up__input', { n: 7 })).content)).toBe('{"n":7}');
  });

  it('tools: structured content', async () => {
    const { client } = await start();
    expect(await client.callTool('up__structured')).toMatchObject({ structuredContent: { a: 1 } });
  });

  it('tools: errors (of the tool, of its arguments, unknown tool)', async () => {
    const { client } = await start();
    expect(await client.callTool('up__input', { n: 'x' })).toMatchObject({ isError: true });
    expect(await client.callTool('up__fails')).toMatchObject({ isError: true });
    await expect(client.callTool('up__none')).rejects.toMatchObject({ rpcCode: -32602 });
  });

  it('resources: list, read, not found', async () => {
    const { client } = await start();
    expect((await client.listResources()).map(({ uri }) => uri)).toEqual(['note://1', 'note://aborted']);
    expect((await client.readResource('note://1')).contents).toMatchObject([
      { uri: 'note://1', text: 'first note' },
    ]);
    await expect(client.readResource('note://none')).rejects.toMatchObject({
      rpcCode: down === 'modern' ? -32602 : -32002,
      data: { uri: 'note://none' },
    });
  });

  it('resource templates: list, read', async () => {
    const { client } = await start();
    expect((await client.listResourceTemplates())[0]).toMatchObject({ uriTemplate: 'note://by/{who}' });
    expect((await client.readResource('note://by/ada')).contents).toMatchObject([
      { uri: 'note://by/ada', text: 'note of ada' },
    ]);
  });

  it('prompts: list, get', async () => {
    const { client } = await start();
    const [prompt] = await client.listPrompts();
    expect(prompt).toMatchObject({ name: 'up__greet', arguments: [{ name: 'who', required: true }] });
    const { messages } = await client.getPrompt('up__greet', { who: 'Ada' });
    expect(messages[0]?.content).toMatchObject({ text: 'Greet Ada' });
  });

  it('completion', async () => {
    const { client } = await start();
    const ref = { type: 'ref/resource', uri: 'note://by/{who}' } as const;
    expect((await client.complete(ref, { name: 'who', value: 'al' })).values).toEqual(['alan']);
  });

  it('elicitation: form, several rounds', async () => {
    const { call, gateway } = await start();
    await gateway.upstreams.pending();
    expect(await call('two-questions')).toBe('Ada+Alan');
    expect(gateway.upstreams.states()[0]).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it('elicitation: URL', async () => {
    const { call } = await start({
      ...answers,
      capabilities: { elicitation: { url: {} } },
      onElicit: async (params) => ({
        action: params.mode === 'url' && params.url === 'https://auth.example/' ? 'accept' : 'decline',
      }),
    });
    expect(await call('url')).toBe('accept');
  });

  it('sampling and roots', async () => {
    const { call } = await start();
    expect(await call('all-inputs')).toBe('model-1 file:///r');
  });

  it('input the client cannot give fails that call only', async () => {
    const { client, call } = await start({});
    const outcome = await client.callTool('up__two-questions').then(
      (result) => (result.isError === true ? 'refused' : 'went through'),
      () => 'refused',
    );
    expect(outcome).toBe('refused');
    expect(await call('plain')).toBe('hello');
  });

  it('progress', async () => {
    const { client } = await start();
    const progress: ProgressUpdate[] = [];
    await client.callTool('up__progress', {}, { onProgress: (update) => progress.push(update) });
    expect(progress).toEqual([1, 2, 3].map((step) => ({ progress: step, total: 3, message: `s${step}` })));
  });

  it('log messages of a call, by level', async () => {
    const logs: LogMessage[] = [];
    const { client } = await start({
      ...answers,
      onNotification: ({ method, params }) => {
        if (method === 'notifications/message') logs.push(params as unknown as LogMessage);
      },
    });
    if (down === 'legacy') await client.setLogLevel('error');
    await client.callTool('up__logs', {}, { logLevel: 'error', onLog: (message) => logs.push(message) });
    await eventually(() => logs.length > 0);
    expect(logs).toMatchObject([{ level: 'error', data: { loud: true }, logger: 'my-logger' }]);
  });

  it('cancellation', async () => {
    const { client, gateway } = await start();
    await client.listTools();
    const abort = new AbortController();
    const call = client.callTool('up__waits', {}, { signal: abort.signal });
    call.catch(() => {});
    await eventually(() => waiting.size > 0);
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
    await eventually(() => waiting.size === 0 && gateway.upstreams.states()[0]?.inFlight === 0);
  });

  it('resource subscriptions', async () => {
    const heard: string[] = [];
    const { client } = await start({
      ...answers,
      onNotification: ({ method, params }) => heard.push(`${method} ${String(params?.['uri'] ?? '')}`),
    });
    await client.listTools();
    const subscription = await client.subscribe({ resourceSubscriptions: ['note://1'] });
    await eventually(() => subscribed.has('note://1'));
    await client.callTool('up__grow');
    await eventually(() => heard.includes('notifications/resources/updated note://1'));
    await subscription.close();
    await eventually(() => !subscribed.has('note://1'));
  });

  it('list_changed', async () => {
    const heard: string[] = [];
    const { client, gateway } = await start({
      ...answers,
      onNotification: ({ method }) => heard.push(method),
    });
    await client.listTools();
    await client.subscribe({ toolsListChanged: true });
    await client.callTool('up__plain');
    heard.length = 0;
    await client.callTool('up__grow');
    await eventually(() => gateway.server.registry.tools.get('up__grown') !== undefined);
    await eventually(() => heard.includes('notifications/tools/list_changed'));
    expect((await client.listTools()).map(({ name }) => name)).toContain('up__grown');
  });

  it('trace context and other `_meta` of both ends', async () => {
    const { client } = await start();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const result = await client.callTool('up__meta', {}, { meta: { traceparent, 'com.example/x': 1 } });
    const meta = JSON.parse(textOf(result.content)) as Record<string, unknown>;
    expect(meta).toMatchObject({ traceparent, 'com.example/x': 1 });
    if (up === 'modern') {
      expect(meta['io.modelcontextprotocol/clientInfo']).toMatchObject({ name: 'ferromcp-gateway' });
    }
  });

  it('K06 hints of the upstream do not cross', async () => {
    const { client } = await start();
    const result = await client.request('resources/read', { uri: 'note://1' });
    if (down === 'modern') expect(result).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
    else expect(Object.keys(result)).toEqual(['contents']);
  });

  it('transparent: names, instructions, identity of the upstream', async () => {
    const { client } = await start(answers, true);
    expect((await client.listTools())[0]?.name).toBe('plain');
    expect((await client.listPrompts())[0]?.name).toBe('greet');
    expect(client.server).toMatchObject({
      instructions: 'Be kind.',
      serverInfo: { name: 'behind', version: '3.2.1', title: 'Behind' },
    });
    expect(textOf((await client.callTool('plain')).content)).toBe('hello');
    expect(textOf((await client.callTool('two-questions')).content)).toBe('Ada+Alan');
  });
});
