/** Upstreams over HTTP: official servers of both eras, and servers that go away. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../src/client/contract.ts';
import type { ProgressUpdate } from '../../src/core/mcp.ts';
import type { UpstreamTarget } from '../../src/gateway/index.ts';
import { createServer } from '../../src/server/index.ts';
import { aborted, listenDualEra } from '../fixtures/dual-era-server.ts';
import { eventually, textOf } from '../unit/client/support.ts';
import { cleanup, startGateway } from '../unit/gateway/harness.ts';

const require = createRequire(import.meta.url);
const http = (url: string, headers: Readonly<Record<string, string>> = {}): UpstreamTarget => ({
  kind: 'http',
  url,
  headers,
  transport: 'auto',
});

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function everythingOverHttp(mode: 'streamableHttp' | 'sse'): Promise<string> {
  const port = await freePort();
  const child: ChildProcess = spawn(
    process.execPath,
    [require.resolve('@modelcontextprotocol/server-everything/dist/index.js'), mode],
    { env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  cleanup(() => {
    child.kill('SIGKILL');
  });
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      if (/listening|running/i.test(chunk.toString())) resolve();
    });
    child.once('exit', () => reject(new Error('the server ended')));
  });
  return `http://127.0.0.1:${port}/${mode === 'sse' ? 'sse' : 'mcp'}`;
}

const answers: ClientOptions = {
  capabilities: { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} },
  onElicit: async ({ message }) => ({
    action: 'accept',
    content: message.includes('city')
      ? { city: 'Paris' }
      : message.includes('day')
        ? { day: 'Friday' }
        : { name: 'Ada' },
  }),
  onSample: async () => ({ role: 'assistant', model: 'model-1', content: { type: 'text', text: 'sampled' } }),
  onRoots: async () => [{ uri: 'file:///srv/app' }],
};

describe.each(['legacy', 'modern'] as const)('%s client', (era) => {
  it('official SDK v2 server, modern, over Streamable HTTP', async () => {
    const running = await listenDualEra();
    cleanup(() => running.close());
    const gateway = startGateway({ up: { target: http(running.url) } });
    const changed: string[] = [];
    const client = await gateway.connect({
      era,
      ...answers,
      onNotification: ({ method }) => changed.push(method),
    });
    expect((await client.listTools()).map(({ name }) => name)).toContain('up__greet');
    expect(gateway.upstreams.states()[0]).toMatchObject({ era: 'modern', state: 'ready' });
    expect(textOf((await client.callTool('up__greet', { name: 'Ada' })).content)).toBe('Hello, Ada (modern)');
    expect(textOf((await client.callTool('up__query', { region: 'köln', shard: 7 })).content)).toBe('köln/7');
    expect(textOf((await client.callTool('up__ask')).content)).toBe('city = Paris; day = Friday');
    expect(textOf((await client.callTool('up__gather')).content)).toBe(
      '{"model":"model-1","roots":["file:///srv/app"]}',
    );
    const progress: ProgressUpdate[] = [];
    await client.callTool(
      'up__work',
      { steps: 3, everyMs: 5, label: 'w' },
      { onProgress: (update) => progress.push(update) },
    );
    expect(progress).toHaveLength(3);
    const abort = new AbortController();
    const label = `gone-${era}`;
    const call = client.callTool('up__work', { steps: 500, everyMs: 10, label }, { signal: abort.signal });
    call.catch(() => {});
    await eventually(() => gateway.upstreams.states()[0]?.inFlight === 1);
    abort.abort();
    await eventually(() => aborted.includes(label));
    await client.subscribe({ resourceSubscriptions: ['memo://note'], toolsListChanged: true });
    await eventually(() => gateway.server.registry.subscriptions.wanted('memo://note'));
    await eventually(() => {
      void client.callTool('up__change').catch(() => {});
      return changed.includes('notifications/resources/updated');
    });
  });

  it.each(['streamableHttp', 'sse'] as const)('server-everything, legacy, over %s', async (mode) => {
    const url = await everythingOverHttp(mode);
    const gateway = startGateway({ up: { target: http(url) } });
    const client = await gateway.connect({ era, ...answers });
    await client.listTools();
    expect(gateway.upstreams.states()[0]).toMatchObject({ era: 'legacy', state: 'ready' });
    expect(textOf((await client.callTool('up__echo', { message: 'x' })).content)).toBe('Echo: x');
    expect(JSON.stringify(await client.callTool('up__trigger-elicitation-request'))).toContain('Ada');
    expect(JSON.stringify(await client.callTool('up__trigger-sampling-request', { prompt: 'p' }))).toContain(
      'sampled',
    );
  });
});

describe('an HTTP upstream that goes away', () => {
  it('is not available, rests, and comes back; others are served', async () => {
    const port = await freePort();
    const make = async () => {
      const server = createServer({ name: 'up', version: '1' });
      server.tool('hi', {}, () => 'hi');
      const { close } = await server.listen({ port });
      return async () => {
        await close();
        await server.close();
      };
    };
    let stop = await make();
    cleanup(() => stop());
    const other = createServer({ name: 'other', version: '1' });
    other.tool('ok', {}, () => 'fine');
    const gateway = startGateway({
      up: {
        target: http(`http://127.0.0.1:${port}/mcp`),
        options: { breakerFailures: 2, breakerOpenMs: 200, backoffMs: 1 },
      },
      other: { target: { kind: 'transport', createTransport: () => other.transport() } },
    });
    const client = await gateway.connect({ era: 'modern' });
    expect(textOf((await client.callTool('up__hi')).content)).toBe('hi');
    await stop();
    const codes = new Set<number>();
    await eventually(() => {
      void client.callTool('up__hi').catch((error: { rpcCode: number }) => codes.add(error.rpcCode));
      return codes.has(-32014);
    });
    expect([...codes].filter((code) => ![-32010, -32011, -32014].includes(code))).toEqual([]);
    expect(textOf((await client.callTool('other__ok')).content)).toBe('fine');
    stop = await make();
    let answer = '';
    await eventually(() => {
      void client.callTool('up__hi').then(
        ({ content }) => {
          answer = textOf(content);
        },
        () => {},
      );
      return answer === 'hi';
    });
    expect(gateway.upstreams.states()[0]?.state).toBe('ready');
  });

  it('K14 gets the configured headers, none of the client’s', async () => {
    const seen: Record<string, unknown>[] = [];
    const server = createServer({ name: 'up', version: '1' });
    server.use((_request, ctx, next) => {
      const { headers } = ctx as unknown as { headers?: Record<string, unknown> };
      if (headers !== undefined) seen.push(headers);
      return next();
    });
    server.tool('hi', {}, () => 'hi');
    const { url, close } = await server.listen({ port: 0 });
    cleanup(async () => {
      await close();
      await server.close();
    });
    const gateway = startGateway({ up: { target: http(url, { authorization: 'Bearer upstream-secret' }) } });
    const front = await gateway.server.listen({ port: 0 });
    cleanup(() => front.close());
    const { connect } = await import('../../src/server/index.ts');
    const client = await connect({
      url: front.url,
      headers: { authorization: 'Bearer of-the-client', 'x-tenant': 'evil' },
    });
    cleanup(() => client.close());
    expect(textOf((await client.callTool('up__hi')).content)).toBe('hi');
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every((headers) => headers['authorization'] === 'Bearer upstream-secret')).toBe(true);
    expect(seen.some((headers) => 'x-tenant' in headers)).toBe(false);
  });
});
