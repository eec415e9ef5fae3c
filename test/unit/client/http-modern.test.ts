import { describe, expect, it } from 'vitest';
import type { FerroError } from '../../../src/core/errors.ts';
import { META } from '../../../src/core/revisions.ts';
import {
  connected,
  DISCOVERED,
  event,
  failure,
  json,
  legacyOpening,
  modernHttp,
  type Received,
  result,
  scriptedHttp,
  text,
} from './scripted-http.ts';
import { eventually, textOf } from './support.ts';

const STREAM = { 'content-type': 'text/event-stream' };

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => 'no rejection',
    (reason: unknown) => (reason as FerroError).code,
  );
}

function metaOf(request: Received | undefined): Record<string, unknown> {
  return (request?.body.params?.['_meta'] ?? {}) as Record<string, unknown>;
}

describe('the era of an HTTP server', () => {
  it('a refused version that names a common one is tried once more', async () => {
    let refusals = 0;
    const server = await scriptedHttp((request, res) => {
      if (refusals === 0) {
        refusals += 1;
        json(res, failure(request, -32022, 'Unsupported', { supported: ['2026-07-28'] }), 400);
      } else {
        json(res, result(request, DISCOVERED));
      }
    });
    const client = await connected(server);
    expect(client.server?.era).toBe('modern');
    expect(server.received).toHaveLength(2);
    expect(server.of('initialize')).toEqual([]);
  });

  it('a server that keeps refusing is not asked for ever, nor with initialize', async () => {
    const server = await scriptedHttp((request, res) => {
      json(res, failure(request, -32022, 'Unsupported', { supported: ['2026-07-28'] }), 400);
    });
    expect(await codeOf(connected(server))).toBe('UPSTREAM_PROTOCOL');
    expect(server.received).toHaveLength(2);
  });

  it('only unknown versions are an error that names them', async () => {
    const server = await scriptedHttp((request, res) => {
      json(res, failure(request, -32022, 'Unsupported', { supported: ['2099-01-01'] }), 400);
    });
    await expect(connected(server)).rejects.toThrow(/2099-01-01/);
  });

  it('a list with legacy versions only leads to initialize', async () => {
    const server = await scriptedHttp((request, res) => {
      if (request.method === 'server/discover') {
        json(res, failure(request, -32022, 'Unsupported', { supported: ['2025-11-25'] }), 400);
      } else if (!legacyOpening(request, res)) {
        res.writeHead(405).end();
      }
    });
    expect((await connected(server)).server?.era).toBe('legacy');
  });

  it.each([-32020, -32021])('error %d is modern: no initialize', async (code) => {
    const server = await scriptedHttp((request, res) => json(res, failure(request, code), 400));
    await expect(connected(server)).rejects.toMatchObject({ rpcCode: code });
    expect(server.received).toHaveLength(1);
  });

  it.each([
    ['400 without a body', (_: Received, res: Parameters<typeof json>[0]) => res.writeHead(400).end()],
    [
      '400 with another error',
      (request: Received, res: Parameters<typeof json>[0]) => json(res, failure(request, -32000), 400),
    ],
    ['404', (_: Received, res: Parameters<typeof json>[0]) => res.writeHead(404).end('not here')],
    ['500', (_: Received, res: Parameters<typeof json>[0]) => res.writeHead(500).end()],
    [
      '200 with an empty result',
      (request: Received, res: Parameters<typeof json>[0]) => json(res, result(request, {})),
    ],
    [
      '200 with HTML',
      (_: Received, res: Parameters<typeof json>[0]) =>
        res.writeHead(200, { 'content-type': 'text/html' }).end('x'),
    ],
  ])('%s to the probe leads to initialize', async (_, answer) => {
    const server = await scriptedHttp((request, res) => {
      if (request.method === 'server/discover') {
        answer(request, res);
      } else if (!legacyOpening(request, res)) {
        res.writeHead(405).end();
      }
    });
    expect((await connected(server)).server?.era).toBe('legacy');
  });

  it('a probe that is not answered leads to initialize and is closed', async () => {
    let closed = false;
    const server = await scriptedHttp((request, res) => {
      if (request.method === 'server/discover') {
        res.on('close', () => {
          closed = true;
        });
      } else if (!legacyOpening(request, res)) {
        res.writeHead(405).end();
      }
    });
    expect((await connected(server, { probeTimeoutMs: 50 })).server?.era).toBe('legacy');
    await eventually(() => closed);
  });
});

describe('a modern request', () => {
  it('carries its metadata, mirrored in headers', async () => {
    const server = await modernHttp((request, res) =>
      json(res, result(request, { ...(text('x') as object), resultType: 'complete' })),
    );
    const client = await connected(server, {
      info: { name: 'me', version: '9' },
      onElicit: async () => ({ action: 'decline' }),
      onRoots: async () => [],
    });
    await client.setLogLevel('warning');
    await client.callTool('grüße', {}, { meta: { traceparent: '00-1', [META.protocolVersion]: 'forged' } });
    await client.readResource('file:///a b').catch(() => {});
    const [call] = server.of('tools/call');
    expect(metaOf(call)).toEqual({
      traceparent: '00-1',
      [META.protocolVersion]: '2026-07-28',
      [META.clientInfo]: { name: 'me', version: '9' },
      [META.clientCapabilities]: { elicitation: { form: {} }, roots: {} },
      [META.logLevel]: 'warning',
    });
    expect(call?.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': `=?base64?${Buffer.from('grüße').toString('base64')}?=`,
    });
    expect(call?.headers).not.toHaveProperty('mcp-session-id');
    expect(server.of('resources/read')[0]?.headers['mcp-name']).toBe('file:///a b');
    await client.close();
    expect(server.received.some(({ verb }) => verb !== 'POST')).toBe(false);
  });

  it('a session id of a modern server is ignored', async () => {
    const server = await scriptedHttp((request, res) => {
      const value = request.method === 'server/discover' ? DISCOVERED : text('x');
      json(res, result(request, value), 200, { 'mcp-session-id': 's' });
    });
    const client = await connected(server);
    await client.callTool('x');
    expect(server.of('tools/call')[0]?.headers).not.toHaveProperty('mcp-session-id');
  });

  it('absent resultType is complete; an unknown one is not accepted, unless declared', async () => {
    const server = await modernHttp((request, res) => {
      json(
        res,
        result(request, {
          ...(text('x') as object),
          ...(request.body.params?.['name'] === 'odd' ? { resultType: 'odd' } : {}),
        }),
      );
    });
    const client = await connected(server);
    expect(textOf((await client.callTool('even')).content)).toBe('x');
    expect(await codeOf(client.callTool('odd'))).toBe('UPSTREAM_PROTOCOL');
    const declared = await connected(server, { resultTypes: ['odd'] });
    expect(await declared.request('tools/call', { name: 'odd' })).toMatchObject({ resultType: 'odd' });
  });

  it('K13 a broken stream is a lost request: not resumed, not sent again', async () => {
    const server = await modernHttp((_, res) => {
      res.writeHead(200, STREAM);
      res.write('id: e1\nretry: 50\ndata: \n\n');
      setTimeout(() => res.end(), 20);
    });
    const client = await connected(server);
    expect(await codeOf(client.callTool('x'))).toBe('UPSTREAM_CRASHED');
    expect(server.of('tools/call')).toHaveLength(1);
    expect(server.received.some(({ verb }) => verb === 'GET')).toBe(false);
  });

  it('closing the stream is the cancellation: no notification is sent', async () => {
    let closed = false;
    const server = await modernHttp((request, res) => {
      if (request.method === 'tools/list') {
        json(res, result(request, { tools: [] }));
        return;
      }
      res.writeHead(200, STREAM).write(': wait\n\n');
      res.on('close', () => {
        closed = true;
      });
    });
    const client = await connected(server);
    expect(await codeOf(client.callTool('x', {}, { timeoutMs: 80 }))).toBe('UPSTREAM_TIMEOUT');
    await eventually(() => closed);
    expect(server.of('notifications/cancelled')).toEqual([]);
  });

  it('requests of a modern server are ignored', async () => {
    const server = await modernHttp((request, res) => {
      res.writeHead(200, STREAM);
      res.write(event({ jsonrpc: '2.0', id: 1, method: 'elicitation/create', params: { message: 'x' } }));
      res.end(event(result(request, text('fine'))));
    });
    const client = await connected(server, {
      onElicit: () => Promise.reject(new Error('must not be asked')),
    });
    expect(textOf((await client.callTool('x')).content)).toBe('fine');
    expect(server.received).toHaveLength(2 + server.of('tools/list').length);
  });
});

describe('multi round-trip requests', () => {
  const ask = {
    confirm: { method: 'elicitation/create', params: { message: '?', requestedSchema: { type: 'object' } } },
  };

  it('requestState is echoed exactly, absent when it was absent, and stays with its request', async () => {
    const state = '{"nonce": "\\u00e4 \\ud83d\\ude00",  "x":1 }';
    const server = await modernHttp((request, res) => {
      const { name, inputResponses } = request.body.params ?? {};
      if (name === 'plain' || inputResponses !== undefined) {
        json(res, result(request, text('done')));
      } else {
        const extra = name === 'state' ? { requestState: state } : {};
        json(res, result(request, { resultType: 'input_required', inputRequests: ask, ...extra }));
      }
    });
    const client = await connected(server, {
      onElicit: async () => ({ action: 'accept', content: { ok: true } }),
    });
    await Promise.all([client.callTool('state'), client.callTool('none'), client.callTool('plain')]);
    const retries = server
      .of('tools/call')
      .filter(({ body }) => body.params?.['inputResponses'] !== undefined);
    const byName = new Map(retries.map((request) => [request.body.params?.['name'], request.body.params]));
    expect(byName.get('state')?.['requestState']).toBe(state);
    expect(byName.get('state')?.['inputResponses']).toEqual({
      confirm: { action: 'accept', content: { ok: true } },
    });
    expect(byName.get('none')).not.toHaveProperty('requestState');
    expect(byName.has('plain')).toBe(false);
    const ids = server.of('tools/call').map(({ body }) => body['id']);
    expect(new Set(ids).size).toBe(5);
  });

  it('a server that never has enough is stopped', async () => {
    const server = await modernHttp((request, res) => {
      json(res, result(request, { resultType: 'input_required', requestState: 'more' }));
    });
    const client = await connected(server, { inputRounds: 3 });
    expect(await codeOf(client.callTool('x'))).toBe('UPSTREAM_PROTOCOL');
    expect(server.of('tools/call')).toHaveLength(4);
  });

  it.each([
    ['nothing asked', {}],
    ['a state that is no string', { requestState: 7 }],
    ['requests that are no object', { inputRequests: [] }],
    ['a request of no known kind', { inputRequests: { a: { method: 'tools/call', params: {} } } }],
  ])('%s is a broken answer', async (_, fields) => {
    const server = await modernHttp((request, res) =>
      json(res, result(request, { resultType: 'input_required', ...fields })),
    );
    const client = await connected(server);
    expect(await codeOf(client.callTool('x'))).toBe('UPSTREAM_PROTOCOL');
  });

  it('other methods must not ask', async () => {
    const server = await modernHttp((request, res) => {
      json(res, result(request, { resultType: 'input_required', requestState: 'x' }));
    });
    const client = await connected(server);
    expect(await codeOf(client.listTools())).toBe('UPSTREAM_PROTOCOL');
  });

  it('an answer that cannot be given fails the call with a code, and no retry is sent', async () => {
    const server = await modernHttp((request, res) => {
      json(res, result(request, { resultType: 'input_required', inputRequests: ask }));
    });
    const client = await connected(server, { onElicit: () => Promise.reject(new Error('user is away')) });
    expect(await codeOf(client.callTool('x'))).toBe('CLIENT_INPUT_FAILED');
    expect(server.of('tools/call')).toHaveLength(1);
  });
});

describe('mirrored parameters', () => {
  const schema = (header: unknown, type = 'string') => ({
    type: 'object',
    properties: { value: { type, 'x-mcp-header': header } },
  });

  it('tools with an invalid annotation are not listed and not called; the others are', async () => {
    const warnings: unknown[] = [];
    const server = await modernHttp((request, res) => {
      if (request.method === 'tools/list') {
        const tools = [
          { name: 'good', inputSchema: schema('Good') },
          { name: 'empty', inputSchema: schema('') },
          { name: 'number', inputSchema: schema('N', 'number') },
          { name: 'space', inputSchema: schema('a b') },
          { name: 'plain', inputSchema: { type: 'object' } },
          { name: 'schemaless' },
        ];
        json(res, result(request, { tools }));
      } else {
        json(res, result(request, text('called')));
      }
    });
    const client = await connected(server, {
      logger: { log: (level, _message, fields) => level === 'warn' && warnings.push(fields?.['tool']) },
    });
    expect((await client.listTools()).map(({ name }) => name)).toEqual(['good', 'plain']);
    expect(warnings).toEqual(['empty', 'number', 'space']);
    expect(await codeOf(client.callTool('empty', { value: 'x' }))).toBe('UPSTREAM_PROTOCOL');
    expect(server.of('tools/call')).toEqual([]);
    await client.callTool('good', { value: 'line1\nline2' });
    expect(server.of('tools/call')[0]?.headers['mcp-param-good']).toBe('=?base64?bGluZTEKbGluZTI=?=');
  });

  it('the list is fetched before the first call of an unknown tool, once', async () => {
    const server = await modernHttp((request, res) => {
      const tools = [{ name: 'q', inputSchema: schema('Region') }];
      json(res, result(request, request.method === 'tools/list' ? { tools } : text('x')));
    });
    const client = await connected(server);
    await client.callTool('q', { value: 'eu' });
    await client.callTool('q', { value: null });
    await client.callTool('other');
    expect(server.of('tools/list')).toHaveLength(1);
    const calls = server.of('tools/call').map(({ headers }) => headers['mcp-param-region']);
    expect(calls).toEqual(['eu', undefined, undefined]);
  });

  it('-32020 refreshes the list and is retried once with the new headers', async () => {
    let header = 'Old';
    const server = await modernHttp((request, res) => {
      if (request.method === 'tools/list') {
        json(res, result(request, { tools: [{ name: 'q', inputSchema: schema(header) }] }));
      } else if (request.headers['mcp-param-new'] === undefined) {
        json(res, failure(request, -32020), 400);
      } else {
        json(res, result(request, text('ok')));
      }
    });
    const client = await connected(server);
    await client.listTools();
    header = 'New';
    expect(textOf((await client.callTool('q', { value: 'v' })).content)).toBe('ok');
    expect(server.of('tools/call')).toHaveLength(2);
  });

  it('-32020 is not retried when the headers stay the same', async () => {
    const server = await modernHttp((request, res) => {
      if (request.method === 'tools/list') {
        json(res, result(request, { tools: [{ name: 'q', inputSchema: schema('A') }] }));
      } else {
        json(res, failure(request, -32020), 400);
      }
    });
    const client = await connected(server);
    await expect(client.callTool('q', { value: 'v' })).rejects.toMatchObject({ rpcCode: -32020 });
    expect(server.of('tools/call')).toHaveLength(1);
  });
});

describe('lists and results', () => {
  it('pages are followed in order; items without a key are dropped', async () => {
    const server = await modernHttp((request, res) => {
      const page = Number(request.body.params?.['cursor'] ?? 0);
      const resources = [{ uri: `a:${page}`, name: 'x' }, { name: 'no uri' }, null];
      json(res, result(request, { resources, ...(page < 3 ? { nextCursor: String(page + 1) } : {}) }));
    });
    const client = await connected(server);
    expect((await client.listResources()).map(({ uri }) => uri)).toEqual(['a:0', 'a:1', 'a:2', 'a:3']);
  });

  it('pages and items are bounded', async () => {
    let page = 0;
    const server = await modernHttp((request, res) => {
      page += 1;
      json(res, result(request, { prompts: [{ name: `p${page}` }], nextCursor: `c${page}` }));
    });
    expect(await codeOf((await connected(server, { maxPages: 5 })).listPrompts())).toBe('UPSTREAM_PROTOCOL');
    expect(server.of('prompts/list')).toHaveLength(5);
    expect(await codeOf((await connected(server, { maxItems: 3 })).listPrompts())).toBe('UPSTREAM_PROTOCOL');
  });

  it('what the server does not declare is an empty list, without asking', async () => {
    const server = await scriptedHttp((request, res) =>
      json(res, result(request, { ...DISCOVERED, capabilities: {} })),
    );
    const client = await connected(server);
    expect(await client.listTools()).toEqual([]);
    expect(await client.listResourceTemplates()).toEqual([]);
    expect(server.received).toHaveLength(1);
  });

  it('structured content is checked only by the given validator', async () => {
    const server = await modernHttp((request, res) => {
      const tools = [
        { name: 't', inputSchema: { type: 'object' }, outputSchema: { type: 'object', $ref: 'http://x/' } },
      ];
      const structuredContent = { a: 1 };
      const answer =
        request.method === 'tools/list' ? { tools } : { ...(text('x') as object), structuredContent };
      json(res, result(request, answer));
    });
    const unchecked = await connected(server);
    await unchecked.listTools();
    expect((await unchecked.callTool('t')).structuredContent).toEqual({ a: 1 });
    const checked = await connected(server, {
      validate: (_, value) => (JSON.stringify(value) === '{"a":1}' ? 'a is 1' : undefined),
    });
    await checked.listTools();
    expect(await codeOf(checked.callTool('t'))).toBe('UPSTREAM_PROTOCOL');
  });

  it('a throwing callback of ours does not break the connection', async () => {
    const server = await modernHttp((request, res) => {
      res.writeHead(200, STREAM);
      res.write(
        event({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken: request.body['id'], progress: 1 },
        }),
      );
      res.end(event(result(request, text('still here'))));
    });
    const client = await connected(server);
    const onProgress = (): void => {
      throw new Error('mine');
    };
    expect(textOf((await client.callTool('x', {}, { onProgress })).content)).toBe('still here');
  });
});

describe('subscriptions', () => {
  const acknowledge = (id: unknown, notifications: unknown) => ({
    jsonrpc: '2.0',
    method: 'notifications/subscriptions/acknowledged',
    params: { _meta: { [META.subscriptionId]: id }, notifications },
  });

  it('says how each one ended', async () => {
    const server = await modernHttp((request, res) => {
      const id = request.body['id'];
      const { toolsListChanged } = (request.body.params?.['notifications'] ?? {}) as Record<string, unknown>;
      res.writeHead(200, STREAM);
      res.write(event(acknowledge(id, {})));
      if (toolsListChanged === true) {
        setTimeout(() => res.end(event(result(request, { resultType: 'complete' }))), 20);
      } else {
        setTimeout(() => res.destroy(), 20);
      }
    });
    const client = await connected(server);
    const completed = await client.subscribe({ toolsListChanged: true });
    expect(completed.honoured).toEqual({});
    expect(await completed.ended).toEqual({ by: 'completed' });
    const lost = await client.subscribe({});
    expect(await lost.ended).toMatchObject({ by: 'lost', reason: { code: 'UPSTREAM_CRASHED' } });
  });

  it('a server that does not acknowledge ends in a timeout', async () => {
    const server = await modernHttp((_, res) => {
      res.writeHead(200, STREAM).write(': nothing\n\n');
    });
    const client = await connected(server, { timeoutMs: 80 });
    expect(await codeOf(client.subscribe({ toolsListChanged: true }))).toBe('UPSTREAM_TIMEOUT');
  });

  it('a server without subscriptions says so', async () => {
    const server = await modernHttp((request, res) => json(res, failure(request, -32601), 404));
    const client = await connected(server);
    await expect(client.subscribe({ toolsListChanged: true })).rejects.toMatchObject({ rpcCode: -32601 });
  });
});
