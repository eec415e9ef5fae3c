import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { resolveLimits } from '../../src/core/limits.ts';
import { ANONYMOUS } from '../../src/core/principal.ts';
import { Registry } from '../../src/features/registry.ts';
import type { HeaderView } from '../../src/protocol/call.ts';
import { SchemaCache } from '../../src/protocol/schema/index.ts';
import { assemble } from '../../src/server/assembly.ts';
import { toolEntry } from '../../src/server/registration.ts';
import type { Body, Fields, HttpExchange } from '../../src/transports/http/exchange.ts';
import { HttpEndpoint } from '../../src/transports/http/http-endpoint.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const LIMITS = resolveLimits();
const WARM_UP = 20_000;
const CALLS = 100_000;
const AT_ONCE = 32;
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'memory', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** The least an exchange can be; a front's own weighs more. */
class Exchange implements HttpExchange {
  readonly target = '/mcp';
  readonly headers: HeaderView;
  readonly accepted = { json: true, sse: true };
  readonly principal = ANONYMOUS;
  begun = false;
  status = 0;
  fields: Fields = [];
  /** What a request and its response keep until they are collected. */
  readonly weight = new Array<number>(1_000).fill(0);
  #closed: (() => void) | undefined;

  constructor(headers: HeaderView) {
    this.headers = headers;
  }
  reply(status: number, fields: Fields, _body: Body): void {
    this.begun = true;
    this.status = status;
    this.fields = fields;
    this.#closed?.();
  }
  open(): void {
    throw new Error('no stream is expected');
  }
  event(): boolean {
    throw new Error('no stream is expected');
  }
  close(): void {}
  destroy(): void {}
  onClosed(listener: () => void): void {
    this.#closed = listener;
  }
}

function makeEndpoint(): {
  readonly endpoint: HttpEndpoint;
  readonly post: (message: object, headers: HeaderView) => Exchange;
} {
  const registry = new Registry();
  const schemas = new SchemaCache({ limits: LIMITS });
  const input = { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] };
  const add = (name: string, handler: (args: { message: string }) => unknown): void => {
    const entry = toolEntry(name, { input }, handler as never, schemas);
    if (!(entry instanceof Promise)) registry.tools.add(entry);
  };
  add('now', ({ message }) => message);
  add('later', async ({ message }) => {
    await new Promise((resolve) => setImmediate(resolve));
    return message;
  });
  const info = { name: 'memory', version: '1.0.0' };
  const { protocol } = assemble(info, registry, {
    middleware: [],
    mounted: () => ({}),
    onRootsChanged: () => {},
    onLogLevel: () => {},
    identity: () => ({ serverInfo: info, instructions: undefined }),
    pending: () => undefined,
    onPeerGone: () => {},
  });
  const endpoint = new HttpEndpoint(protocol);
  const post = (message: object, headers: HeaderView): Exchange => {
    const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    const scan = protocol.codec.scan(bytes, LIMITS);
    if (!scan.ok) throw new Error(scan.code);
    const exchange = new Exchange(headers);
    endpoint.post(exchange, scan.envelope, bytes);
    return exchange;
  };
  return { endpoint, post };
}

/** Calls of one tool in one session, or in the modern era; the last exchange of each batch is checked. */
function caller(era: 'legacy' | 'modern', name: 'now' | 'later'): (count: number) => Promise<void> {
  const { post } = makeEndpoint();
  let headers: HeaderView = {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': name,
  };
  if (era === 'legacy') {
    const capabilities = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'm', version: '1' },
    };
    const opened = post({ id: 0, method: 'initialize', params: capabilities }, {});
    headers = { 'mcp-session-id': opened.fields[1] };
  }
  const meta = era === 'modern' ? { _meta: META } : {};
  let id = 0;
  return async (count) => {
    for (let done = 0; done < count; done += AT_ONCE) {
      let exchange: Exchange | undefined;
      for (let at = 0; at < AT_ONCE; at += 1) {
        id += 1;
        const params = { name, arguments: { message: `hello ${id}` }, ...meta };
        exchange = post({ id, method: 'tools/call', params }, headers);
      }
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      expect(exchange?.status).toBe(200);
    }
  };
}

const oldSpace = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;

describe.each(['legacy', 'modern'] as const)('calls of the %s era', (era) => {
  it.each(['now', 'later'] as const)('leave nothing behind when answered %s', async (name) => {
    const calls = caller(era, name);
    await calls(WARM_UP);
    collect();
    const before = process.memoryUsage().heapUsed;
    await calls(CALLS);
    collect();
    expect((process.memoryUsage().heapUsed - before) / CALLS).toBeLessThan(10);
  });

  it.each(['now', 'later'] as const)('do not grow old when answered %s', async (name) => {
    const calls = caller(era, name);
    await calls(WARM_UP);
    collect();
    const before = oldSpace();
    // Few enough that no full collection comes between.
    await calls(WARM_UP);
    expect((oldSpace() - before) / WARM_UP).toBeLessThan(300);
  });
});
