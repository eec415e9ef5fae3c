/**
 * What a result of 10 MB costs the gateway in memory. The upstream and the clients are processes of their own, so that
 * what is counted here is the gateway's alone.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type Channel, largeResults } from '../fixtures/large-results.ts';
import { cleanup, startGateway } from '../unit/gateway/harness.ts';

const MB = 1e6;
const SIZE = 10 * MB;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Posts to the URL it is given on each line, counts what comes back and keeps none of it. */
const CLIENT = `
const { request } = require('node:http');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { url, headers, body } = JSON.parse(line);
  const call = request(url, { method: 'POST', headers }, (response) => {
    let bytes = 0;
    response.on('data', (chunk) => { bytes += chunk.length; });
    response.on('end', () => console.log(response.statusCode, bytes));
  });
  call.end(body);
});`;

interface RemoteClient {
  /** Bytes of the reply to a call of 10 MB. */
  call(url: string): Promise<number>;
}

function remoteClient(): RemoteClient {
  const child = spawn(process.execPath, ['-e', CLIENT], { stdio: ['pipe', 'pipe', 'inherit'] });
  cleanup(() => {
    child.kill('SIGKILL');
  });
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'up__text',
      arguments: { bytes: SIZE - 1_000, seed: 's' },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
      },
    },
  });
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'up__text',
  };
  return {
    call: async (url) => {
      child.stdin.write(`${JSON.stringify({ url, headers, body })}\n`);
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const [status, bytes] = line.toString().trim().split(' ');
      expect(status).toBe('200');
      return Number(bytes);
    },
  };
}

async function serve(channel: Channel): Promise<{ readonly url: string; forwarded(): number }> {
  const gateway = startGateway({ up: { target: await largeResults(channel, 'legacy') } });
  const front = await gateway.server.listen({ port: 0, front: 'node' });
  cleanup(() => front.close());
  return { url: front.url, forwarded: () => gateway.upstreams.stats()[0]?.results.forwarded ?? 0 };
}

/** Bytes of the buffers made while `work` runs, other than those the sockets are read into. */
async function bufferBytes(work: () => Promise<unknown>): Promise<number> {
  let bytes = 0;
  const names = ['alloc', 'allocUnsafe', 'allocUnsafeSlow', 'concat', 'from', 'copyBytesFrom'] as const;
  const originals = names.map((name) => [name, Buffer[name]] as const);
  for (const [name, original] of originals) {
    Object.assign(Buffer, {
      [name]: (...args: unknown[]) => {
        const made = Reflect.apply(original as (...all: unknown[]) => Buffer, Buffer, args);
        // A view on memory that is there already is no copy.
        if (!(args[0] instanceof ArrayBuffer)) bytes += made.length;
        return made;
      },
    });
  }
  try {
    await work();
  } finally {
    for (const [name, original] of originals) Object.assign(Buffer, { [name]: original });
  }
  return bytes;
}

interface HeapNode {
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}
const total = (node: HeapNode): number =>
  node.children.reduce((sum, child) => sum + total(child), node.selfSize);

/** Bytes taken from the JavaScript heap while `work` runs, what was collected since included. */
async function heapBytes(work: () => Promise<unknown>): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: 16 * 1024,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await work();
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return total(profile.head);
  } finally {
    session.disconnect();
  }
}

const live = (): number => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

describe.each(['http', 'stdio'] as const)('a result of 10 MB from a %s upstream', (channel) => {
  it('is copied less than once', async () => {
    const { url, forwarded } = await serve(channel);
    const client = remoteClient();
    expect(await client.call(url)).toBeGreaterThan(SIZE - 1_000);
    const rounds = 3;
    const repeat = async (): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) await client.call(url);
    };
    const buffers = (await bufferBytes(repeat)) / rounds;
    const heap = (await heapBytes(repeat)) / rounds;
    expect(forwarded()).toBe(1 + 2 * rounds);
    expect(buffers / SIZE).toBeLessThan(0.1);
    expect(heap / SIZE).toBeLessThan(0.5);
  });

  it('is held once by each of eight calls at a time, and not at all afterwards', async () => {
    const { url } = await serve(channel);
    const clients = Array.from({ length: 8 }, remoteClient);
    await clients[0]?.call(url);
    const before = live();
    let peak = 0;
    const timer = setInterval(() => {
      peak = Math.max(peak, live() - before);
    }, 100);
    await Promise.all(clients.map((client) => client.call(url)));
    clearInterval(timer);
    expect(peak).toBeLessThan(clients.length * SIZE * 1.5);
    await expect.poll(() => live() - before, { timeout: 5_000 }).toBeLessThan(SIZE);
  });
});
