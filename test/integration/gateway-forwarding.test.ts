/** Large results through the gateway: what clients get, and what it costs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import type { CallToolResult } from '../../src/core/mcp.ts';
import { connect } from '../../src/server/index.ts';
import { type Channel, largeResults } from '../fixtures/large-results.ts';
import { cleanup, startGateway, type TestGateway, temporaryFolder } from '../unit/gateway/harness.ts';
import { ensureBuilt, killLeftovers, startCli } from './cli-process.ts';

const MB = 1e6;
const SIZE = 300_000;
const textOf = ({ content }: CallToolResult, index = 0): string => {
  const block = content[index];
  return block?.type === 'text' ? block.text : '';
};

async function start(channel: Channel, era: 'legacy' | 'modern'): Promise<TestGateway> {
  // `first` keeps the URIs both list, so those of `up` are changed.
  return startGateway({
    first: { target: await largeResults('stdio', 'legacy') },
    up: { target: await largeResults(channel, era) },
  });
}

const statsOf = (gateway: TestGateway) => gateway.upstreams.stats().find(({ name }) => name === 'up');

describe.each([
  ['http', 'legacy'],
  ['http', 'modern'],
  ['stdio', 'legacy'],
  ['stdio', 'modern'],
] as const)('%s upstream, %s', (channel, upstreamEra) => {
  it.each(['legacy', 'modern'] as const)(
    'a %s client gets the same from large results as from small ones',
    async (era) => {
      const gateway = await start(channel, upstreamEra);
      const front = await gateway.server.listen({ port: 0 });
      cleanup(() => front.close());
      for (const client of [await gateway.connect({ era }), await connect({ url: front.url }, { era })]) {
        cleanup(() => client.close());
        await client.listTools();
        const before = statsOf(gateway)?.results.forwarded ?? 0;
        for (const style of channel === 'http' ? ['json', 'pretty', 'sse', 'lines'] : ['json']) {
          const call = (name: string, bytes: number): Promise<CallToolResult> =>
            client.callTool(`up__${name}`, { bytes, seed: style, style });
          const strip = (result: CallToolResult): unknown => ({
            ...result,
            content: result.content.slice(1),
          });
          const [small, large] = [await call('rich', 10), await call('rich', SIZE)];
          expect(textOf(large)).toHaveLength(SIZE + style.length + 1);
          expect(strip(large)).toEqual(strip(small));
          expect(large).toMatchObject({
            content: [
              { type: 'text' },
              { type: 'resource_link', uri: `note://${style}` },
              { type: 'resource', resource: { uri: 'ferromcp-up+shared://one', text: style } },
              { type: 'audio' },
            ],
            structuredContent: { seed: style, resultType: 'mine', uri: 'shared://one' },
            isError: false,
          });
          expect(large._meta).toMatchObject({ own: style });
          expect(large._meta).not.toHaveProperty('progressToken');
          const list = await call('list', SIZE);
          // Only the modern era has structured content that is no object.
          if (era === 'legacy') expect(list).not.toHaveProperty('structuredContent');
          else expect(list.structuredContent).toEqual([1, 2, { seed: style }]);
        }
        const read = await client.readResource(`ferromcp-up+big://${SIZE}`);
        expect((read.contents[0] as { text: string }).text).toHaveLength(SIZE);
        // What is said about caching is the gateway's own word.
        expect((read as unknown as JsonObject)['ttlMs']).toBe(era === 'modern' ? 0 : undefined);
        const prompt = await client.getPrompt('up__big', { bytes: String(SIZE) });
        expect(prompt.messages[1]?.content).toMatchObject({
          resource: { uri: 'ferromcp-up+shared://one' },
        });
        const { results } = statsOf(gateway) ?? { results: { forwarded: 0 } };
        expect(results.forwarded - before).toBe(channel === 'http' ? 10 : 4);
      }
    },
  );
});

describe('safety', () => {
  it('J01 results of many clients at a time are not mixed up', async () => {
    const gateway = await start('http', 'modern');
    const front = await gateway.server.listen({ port: 0 });
    cleanup(() => front.close());
    const calls = Array.from({ length: 24 }, async (_, index) => {
      const client = await connect({ url: front.url }, { era: index % 2 === 0 ? 'modern' : 'legacy' });
      cleanup(() => client.close());
      const seed = `client-${index}`;
      const style = ['json', 'sse', 'pretty'][index % 3];
      const result = await client.callTool('up__rich', { bytes: SIZE + index, seed, style });
      expect(textOf(result).startsWith(`${seed}:`)).toBe(true);
      expect(textOf(result)).toHaveLength(SIZE + index + seed.length + 1);
      expect(result._meta).toMatchObject({ own: seed });
    });
    await Promise.all(calls);
    expect(statsOf(gateway)?.results.forwarded).toBe(24);
  });

  it('a result over the limit is a coded error, at N + 1 and not at N', async () => {
    const limits = { resultBytes: 200_000 };
    const gateway = startGateway({ up: { target: await largeResults('http', 'legacy') } }, {}, limits);
    const client = await gateway.connect({ era: 'legacy' });
    const sizeOf = (seed: string): number =>
      JSON.stringify({ content: [{ type: 'text', text: seed }] }).length;
    const frame = JSON.stringify({ jsonrpc: '2.0', id: 100, result: 0 }).length - 1;
    const most = limits.resultBytes - sizeOf(':');
    expect(textOf(await client.callTool('up__text', { bytes: most - frame }))).toHaveLength(most - frame + 1);
    await expect(client.callTool('up__text', { bytes: most + 1 })).rejects.toMatchObject({ rpcCode: -32013 });
    expect(textOf(await client.callTool('up__text', { bytes: 5 }))).toHaveLength(6);
  });

  it('middleware gets values, whatever their size', async () => {
    const gateway = await start('http', 'modern');
    gateway.server.use(async (request, _context, next) => {
      const result = await next();
      if (request.method !== 'tools/call') return result;
      const { content } = result as unknown as CallToolResult;
      return { content: [{ type: 'text', text: `${content.length} blocks` }] };
    });
    const client = await gateway.connect();
    expect(textOf(await client.callTool('up__rich', { bytes: SIZE }))).toBe('4 blocks');
  });
});

describe('a gateway on stdio', () => {
  beforeAll(ensureBuilt, 120_000);
  afterAll(killLeftovers);

  it('D17 a result stays on its line, however the upstream has spaced it', async () => {
    const target = await largeResults('http', 'modern');
    const folder = temporaryFolder();
    const config = join(folder, 'mcp.json');
    writeFileSync(
      config,
      JSON.stringify({ mcpServers: { up: { url: target.kind === 'http' && target.url } } }),
    );
    const cli = startCli(['gateway', '--stdio', '--config', config, '--state-dir', folder]);
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
    };
    const styles = ['pretty', 'lines', 'json'];
    for (const [id, style] of styles.entries()) {
      const params = { name: 'up__rich', arguments: { bytes: 2 * MB, seed: style, style }, _meta: meta };
      cli.child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })}\n`);
    }
    await expect.poll(() => cli.stdout().split('\n').length, { timeout: 20_000 }).toBe(styles.length + 1);
    const lines = cli.stdout().trimEnd().split('\n');
    const replies = lines.map((line) => JSON.parse(line) as { id: number; result: CallToolResult });
    expect(replies.map(({ id }) => id).sort()).toEqual([0, 1, 2]);
    for (const { id, result } of replies) {
      expect(result._meta).toMatchObject({ own: styles[id] });
      expect(textOf(result).length).toBeGreaterThan(2 * MB);
    }
    cli.child.stdin?.end();
    expect((await cli.ended).code).toBe(0);
  });
});

describe('delays', () => {
  it('count the upstream’s time and the gateway’s apart', async () => {
    const gateway = await start('http', 'modern');
    const client = await gateway.connect();
    await client.listTools();
    for (const bytes of [10, 1_000, SIZE]) await client.callTool('up__text', { bytes });
    const stats = statsOf(gateway);
    expect(stats?.upstream.count).toBe(3);
    expect(stats?.gateway.count).toBe(3);
    expect(stats?.waits.count).toBe(3);
    expect(stats?.results).toMatchObject({ forwarded: 1, encoded: 2 });
    for (const each of [stats?.upstream, stats?.gateway]) {
      expect(each?.maxMs).toBeGreaterThan(0);
      expect(each?.sumMs).toBeGreaterThanOrEqual(each?.maxMs ?? 0);
      expect(each?.buckets.reduce((sum, count) => sum + count, 0)).toBe(3);
    }
  });
});
