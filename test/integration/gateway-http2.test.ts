/** Upstreams over HTTP/2: our own server as a client of the gateway sees it, of both eras. */
import { describe, expect, it } from 'vitest';
import type { UpstreamTarget } from '../../src/gateway/index.ts';
import { loadNative } from '../../src/native/loader.ts';
import { connect, createServer } from '../../src/server/index.ts';
import { eventually, textOf } from '../unit/client/support.ts';
import { cleanup, startGateway } from '../unit/gateway/harness.ts';

const FRONTS = loadNative().status.loaded ? (['native', 'node'] as const) : (['node'] as const);

describe.each(FRONTS)('an upstream on the %s front, over HTTP/2', (front) => {
  async function upstream(): Promise<{ readonly target: UpstreamTarget; readonly aborted: string[] }> {
    const aborted: string[] = [];
    const server = createServer({ name: 'up', version: '1' });
    server.tool('echo', {}, (args) => String(args['text']));
    server.tool('large', {}, (args) => 'x'.repeat(Number(args['bytes'])));
    server.tool('steps', {}, async (_args, ctx) => {
      for (let step = 1; step <= 3; step += 1) ctx.progress({ progress: step });
      return 'done';
    });
    server.tool('ask', {}, async (_args, ctx) => {
      const answer = await ctx.elicit({
        message: 'Name?',
        requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
      });
      return JSON.stringify(answer.content);
    });
    server.tool('wait', {}, (_args, ctx) => {
      return new Promise((resolve) => {
        ctx.signal.addEventListener('abort', () => {
          aborted.push('wait');
          resolve('aborted');
        });
      });
    });
    const listening = await server.listen({ port: 0, front });
    cleanup(async () => {
      await listening.close();
      await server.close();
    });
    const target = { kind: 'http', url: listening.url, headers: {}, transport: 'auto' } as const;
    return { target, aborted };
  }

  it.each([
    ['legacy', 'legacy'],
    ['legacy', 'modern'],
    ['modern', 'legacy'],
    ['modern', 'modern'],
  ] as const)('%s client, %s upstream', async (client, era) => {
    const { target, aborted } = await upstream();
    const gateway = startGateway({ up: { target, options: { http2: true, era } } });
    const entry = await gateway.server.listen({ port: 0 });
    cleanup(() => entry.close());
    const options = {
      era: client,
      onElicit: async () => ({ action: 'accept', content: { name: 'Ada' } }) as const,
    };
    const asking = await connect({ url: entry.url, http2: true }, options);
    cleanup(() => asking.close());
    const texts = Array.from({ length: 40 }, (_, index) => `text-${index}`);
    const echoes = await Promise.all(texts.map((text) => asking.callTool('up__echo', { text })));
    expect(echoes.map(({ content }) => textOf(content))).toEqual(texts);
    const bytes = 3_000_000;
    expect(textOf((await asking.callTool('up__large', { bytes })).content)).toHaveLength(bytes);
    const progress: number[] = [];
    const onProgress = (update: { progress: number }): number => progress.push(update.progress);
    expect(textOf((await asking.callTool('up__steps', {}, { onProgress })).content)).toBe('done');
    expect(progress).toEqual([1, 2, 3]);
    expect(textOf((await asking.callTool('up__ask')).content)).toBe('{"name":"Ada"}');
    const abort = new AbortController();
    const waiting = asking.callTool('up__wait', {}, { signal: abort.signal });
    waiting.catch(() => {});
    await eventually(() => gateway.upstreams.states()[0]?.inFlight === 1);
    abort.abort();
    await eventually(() => aborted.length === 1);
    expect(gateway.upstreams.stats()[0]?.results.forwarded).toBe(1);
  });
});
