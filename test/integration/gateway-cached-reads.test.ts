/** Reads of upstreams: kept as long as the upstream says, if the configuration allows it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { McpClient } from '../../src/client/contract.ts';
import { parseGatewayConfig } from '../../src/runtime/config/index.ts';
import { connectInMemory, createGateway, createServer } from '../../src/server/index.ts';

const closings: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

interface Setup {
  readonly client: McpClient;
  readonly reads: () => number;
  readonly updated: (uri: string) => void;
}

async function setup(
  options: {
    readonly hintMs: number;
    readonly era?: string;
    readonly cacheReadsMs?: number;
    readonly sona?: object;
  },
  clientEra: 'legacy' | 'modern' = 'modern',
): Promise<Setup> {
  let reads = 0;
  const content = (): string => {
    reads += 1;
    return `read ${reads}`;
  };
  const upstream = createServer({
    name: 'up',
    version: '1.0.0',
    cacheHints: { ttlMs: options.hintMs, cacheScope: 'public' },
  })
    .resource('note://one', {}, content)
    .resourceTemplate('note://item/{id}', {}, content)
    .resource('note://broken', {}, () => {
      reads += 1;
      throw new Error('broken');
    });
  closings.push(() => upstream.close());
  const { url } = await upstream.listen({ port: 0 });
  const stateDir = mkdtempSync(join(tmpdir(), 'ferromcp-reads-'));
  closings.push(() => rmSync(stateDir, { recursive: true, force: true }));
  const { era = 'auto', cacheReadsMs, sona } = options;
  const text = JSON.stringify({
    mcpServers: { up: { url, ferromcp: { era, ...(cacheReadsMs === undefined ? {} : { cacheReadsMs }) } } },
    ferromcp: { stateDir, ...(sona === undefined ? {} : { sona }) },
  });
  const gateway = createGateway({ config: parseGatewayConfig(text, join(stateDir, 'mcp.json')) });
  closings.push(() => gateway.close());
  const client = await connectInMemory(gateway.server, { era: clientEra });
  closings.push(() => client.close());
  await client.listResources();
  return { client, reads: () => reads, updated: (uri) => upstream.resourceUpdated(uri) };
}

const textAt = async (client: McpClient, uri: string): Promise<string | undefined> => {
  const [first] = (await client.readResource(uri)).contents;
  return first !== undefined && 'text' in first ? first.text : undefined;
};

it.each(['legacy', 'modern'] as const)('are kept when both sides say so, for a %s client', async (era) => {
  const { client, reads } = await setup({ hintMs: 60_000, cacheReadsMs: 60_000 }, era);
  const uris = (await client.listResources()).map(({ uri }) => uri);
  const one = uris.find((uri) => uri.includes('one')) ?? '';
  for (let round = 0; round < 3; round += 1) expect(await textAt(client, one)).toBe('read 1');
  const item = one.replace('one', 'item/7');
  for (let round = 0; round < 3; round += 1) expect(await textAt(client, item)).toBe('read 2');
  expect(reads()).toBe(2);
  const broken = one.replace('one', 'broken');
  for (let round = 0; round < 2; round += 1) await expect(client.readResource(broken)).rejects.toThrow();
  expect(reads()).toBe(4);
});

it.each([
  ['the configuration does not say so', { hintMs: 60_000 }],
  ['the upstream does not say so', { hintMs: 0, cacheReadsMs: 60_000 }],
  ['the upstream is of an era that cannot', { hintMs: 60_000, cacheReadsMs: 60_000, era: 'legacy' }],
  ['the cache is off', { hintMs: 60_000, cacheReadsMs: 60_000, sona: { enabled: false } }],
])('are not kept when %s', async (_title, options) => {
  const { client, reads } = await setup(options);
  const [{ uri } = { uri: '' }] = await client.listResources();
  for (let round = 1; round <= 3; round += 1) {
    expect(await textAt(client, uri)).toBe(`read ${round}`);
    expect(reads()).toBe(round);
  }
});

it.each([
  ['the upstream says', { hintMs: 150, cacheReadsMs: 60_000 }],
  ['the configuration allows', { hintMs: 60_000, cacheReadsMs: 150 }],
])('K06 are kept no longer than %s', async (_title, options) => {
  const { client } = await setup(options);
  const [{ uri } = { uri: '' }] = await client.listResources();
  expect(await textAt(client, uri)).toBe('read 1');
  while ((await textAt(client, uri)) === 'read 1') await delay(10);
  expect(await textAt(client, uri)).toBe('read 2');
});

it('K06 tell clients the hints of the gateway, not those of the upstream', async () => {
  const { client } = await setup({ hintMs: 60_000, cacheReadsMs: 60_000 });
  const [{ uri } = { uri: '' }] = await client.listResources();
  for (let round = 0; round < 2; round += 1) {
    expect(await client.request('resources/read', { uri })).toMatchObject({
      ttlMs: 0,
      cacheScope: 'private',
    });
  }
});

it('are forgotten when the upstream says that they changed, to a client that listens', async () => {
  const { client, reads, updated } = await setup({ hintMs: 60_000, cacheReadsMs: 60_000 }, 'legacy');
  const [{ uri } = { uri: '' }] = await client.listResources();
  await client.request('resources/subscribe', { uri });
  expect(await textAt(client, uri)).toBe('read 1');
  while (reads() < 2) {
    updated('note://one');
    await delay(20);
    await textAt(client, uri);
  }
  expect(await textAt(client, uri)).not.toBe('read 1');
});
