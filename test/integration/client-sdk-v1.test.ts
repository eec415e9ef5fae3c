import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createClient } from '../../src/client/client.ts';
import type { ClientOptions, McpClient } from '../../src/client/contract.ts';
import { httpTransport } from '../../src/transports/client/http.ts';
import { closing, eventually, textOf } from '../unit/client/support.ts';

class MemoryEvents implements EventStore {
  readonly #events: { readonly id: string; readonly stream: string; readonly message: JSONRPCMessage }[] = [];

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = `${stream}_${this.#events.length}`;
    this.#events.push({ id, stream, message });
    return id;
  }

  async replayEventsAfter(
    lastId: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const start = this.#events.findIndex(({ id }) => id === lastId);
    const stream = this.#events[start]?.stream ?? '';
    for (const event of this.#events.slice(start + 1).filter((candidate) => candidate.stream === stream)) {
      await send(event.id, event.message);
    }
    return stream;
  }
}

interface Running {
  readonly url: string;
  readonly gets: number;
  /** Forgets all sessions, as a restart does. */
  forget(): void;
  close(): Promise<void>;
}

async function listenV1(json: boolean): Promise<Running> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  let gets = 0;
  const build = (): McpServer => {
    const server = new McpServer({ name: 'v1', version: '1' }, { capabilities: { logging: {} } });
    server.registerTool('echo', { inputSchema: { text: z.string() } }, async ({ text }) => ({
      content: [{ type: 'text', text }],
    }));
    server.registerTool('poll', {}, async (extra) => {
      extra.closeSSEStream?.();
      await new Promise((resolve) => setTimeout(resolve, 150));
      return { content: [{ type: 'text', text: 'after the break' }] };
    });
    server.registerTool('log', {}, async (extra) => {
      await extra.sendNotification({
        method: 'notifications/message',
        params: { level: 'info', data: 'hello' },
      });
      return { content: [] };
    });
    server.registerTool('announce', {}, async () => {
      server.sendToolListChanged();
      return { content: [] };
    });
    return server;
  };
  const http = createServer(async (req, res) => {
    gets += req.method === 'GET' ? 1 : 0;
    const id = req.headers['mcp-session-id'];
    let transport = typeof id === 'string' ? sessions.get(id) : undefined;
    if (transport === undefined && id !== undefined) {
      res.writeHead(404, { 'content-type': 'application/json' });
      res.end(
        JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } }),
      );
      return;
    }
    if (transport === undefined) {
      const fresh = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        enableJsonResponse: json,
        retryInterval: 60,
        ...(json ? {} : { eventStore: new MemoryEvents() }),
        onsessioninitialized: (session) => {
          sessions.set(session, fresh);
        },
        onsessionclosed: (session) => {
          sessions.delete(session);
        },
      });
      transport = fresh;
      await build().connect(fresh as Transport);
    }
    await transport.handleRequest(req, res);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    get gets() {
      return gets;
    },
    forget: () => sessions.clear(),
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

let running: Running | undefined;

afterEach(async () => {
  await running?.close();
});

async function connect(json: boolean, options: ClientOptions = {}): Promise<McpClient> {
  running = await listenV1(json);
  const client = closing(createClient(httpTransport({ url: running.url }), options));
  await client.connect();
  return client;
}

describe.each([
  ['event streams', false],
  ['JSON answers', true],
])('official SDK v1 server with %s', (_, json) => {
  it('is spoken to in the legacy era', async () => {
    const client = await connect(json);
    expect(client.server).toMatchObject({ era: 'legacy', revision: '2025-11-25' });
    expect(textOf((await client.callTool('echo', { text: 'ünïcode' })).content)).toBe('ünïcode');
    await client.ping();
    const many = await Promise.all(
      Array.from({ length: 50 }, (_value, index) => client.callTool('echo', { text: String(index) })),
    );
    expect(many.map(({ content }) => textOf(content))).toEqual(many.map((_value, index) => String(index)));
  });

  it('gets a new session after the server has forgotten ours', async () => {
    const client = await connect(json);
    running?.forget();
    expect((await client.listTools()).length).toBe(4);
    expect(textOf((await client.callTool('echo', { text: 'again' })).content)).toBe('again');
  });

  it('is heard on the stream of the session', async () => {
    const seen: string[] = [];
    const client = await connect(json, { onNotification: ({ method }) => seen.push(method) });
    await eventually(() => (running?.gets ?? 0) > 0);
    await client.callTool('announce');
    await eventually(() => seen.includes('notifications/tools/list_changed'));
  });
});

describe('official SDK v1 server that closes streams', () => {
  it('is polled for the answer of a call', async () => {
    const client = await connect(false);
    expect(textOf((await client.callTool('poll')).content)).toBe('after the break');
  });

  it('has the log of a call on the stream of that call', async () => {
    const log: unknown[] = [];
    const client = await connect(false);
    await client.callTool('log', {}, { onLog: ({ data }) => log.push(data) });
    expect(log).toEqual(['hello']);
  });
});
