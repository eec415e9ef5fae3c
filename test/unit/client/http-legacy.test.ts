import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ClientTransport } from '../../../src/client/contract.ts';
import { FerroError, RpcError } from '../../../src/core/errors.ts';
import type { JsonRpcMessage } from '../../../src/core/jsonrpc.ts';
import { httpTransport } from '../../../src/transports/client/http.ts';
import { statusOf } from '../../../src/transports/client/http-failure.ts';
import { legacySseTransport } from '../../../src/transports/client/legacy-sse.ts';
import { targetTransport } from '../../../src/transports/client/target.ts';
import {
  connected,
  event,
  failure,
  json,
  legacyHttp,
  legacyOpening,
  result,
  scriptedHttp,
  text,
} from './scripted-http.ts';
import { closing, eventually, textOf } from './support.ts';

async function rejected(promise: Promise<unknown>): Promise<FerroError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FerroError);
  return error as FerroError;
}

const STREAM = { 'content-type': 'text/event-stream' };

describe('sessions', () => {
  it('the id and the version go with every request, and DELETE ends the session', async () => {
    const server = await legacyHttp((request, res) => json(res, result(request, { tools: [] })), 'abc-123');
    const client = await connected(server, {}, { headers: { Authorization: 'Bearer t' } });
    await client.listTools();
    await client.close();
    const [list] = server.of('tools/list');
    expect(list?.headers).toMatchObject({
      'mcp-session-id': 'abc-123',
      'mcp-protocol-version': '2025-11-25',
      authorization: 'Bearer t',
      accept: 'application/json, text/event-stream',
    });
    expect(list?.headers).not.toHaveProperty('mcp-method');
    expect(server.of('initialize')[0]?.headers).not.toHaveProperty('mcp-session-id');
    const last = server.received.at(-1);
    expect(last?.verb).toBe('DELETE');
    expect(last?.headers['mcp-session-id']).toBe('abc-123');
  });

  it('a session id that cannot be a header is refused', async () => {
    const server = await legacyHttp(() => {}, 'with space');
    expect((await rejected(connected(server))).code).toBe('UPSTREAM_PROTOCOL');
  });

  it.each([
    ['404', 404, -32001, 'Session not found'],
    ['400 of a server that forgot it', 400, -32000, 'Bad Request: No valid session ID provided'],
  ])(
    'K13 a lost session (%s) is renewed, a list is repeated, a tool call is not',
    async (_, status, code, message) => {
      let sessions = 0;
      let valid = '';
      const calls: string[] = [];
      const server = await scriptedHttp((request, res) => {
        if (request.method === 'initialize') {
          sessions += 1;
          valid = `s${sessions}`;
        }
        if (legacyOpening(request, res, valid)) {
          return;
        }
        if (request.verb === 'GET') {
          res.writeHead(405).end();
          return;
        }
        if (request.headers['mcp-session-id'] !== valid) {
          json(res, failure({ ...request, body: {} }, code, message), status);
          return;
        }
        calls.push(request.method ?? '');
        json(res, result(request, request.method === 'tools/call' ? text('done') : { tools: [] }));
      });
      const client = await connected(server);
      await client.subscribe({ resourceSubscriptions: ['a:b'] });
      valid = 'restarted';
      expect(await client.listTools()).toEqual([]);
      expect(sessions).toBe(2);
      await eventually(() => calls.filter((method) => method === 'resources/subscribe').length === 2);
      valid = 'again';
      const error = await rejected(client.callTool('write'));
      expect(error.code).toBe('UPSTREAM_UNAVAILABLE');
      expect(error.data).toEqual({ reason: 'session_expired' });
      expect(calls).not.toContain('tools/call');
      expect(textOf((await client.callTool('write')).content)).toBe('done');
      expect(calls.filter((method) => method === 'tools/call')).toHaveLength(1);
      expect(sessions).toBe(3);
    },
  );

  it('a renewal that fails is tried again by the next request', async () => {
    let down = false;
    let valid = 's';
    const server = await scriptedHttp((request, res) => {
      if (down) {
        res.writeHead(500).end();
      } else if (request.verb === 'GET') {
        res.writeHead(405).end();
      } else if (!legacyOpening(request, res, valid)) {
        const known = request.headers['mcp-session-id'] === valid;
        json(res, known ? result(request, text('ok')) : failure(request, -32001), known ? 200 : 404);
      }
    });
    const client = await connected(server);
    valid = 't';
    expect((await rejected(client.callTool('x'))).code).toBe('UPSTREAM_UNAVAILABLE');
    down = true;
    await rejected(client.callTool('x'));
    await rejected(client.callTool('x'));
    down = false;
    expect(textOf((await client.callTool('x')).content)).toBe('ok');
  });
});

describe('streams', () => {
  it('a closed answer stream is taken up by GET with Last-Event-ID after the retry time', async () => {
    let pending: unknown;
    const server = await legacyHttp((request, res) => {
      res.writeHead(200, STREAM);
      if (request.verb === 'GET') {
        res.end(`id: e2\ndata: \n\n${event({ ...(pending as object), result: text('resumed') }, 'e3')}`);
        return;
      }
      pending = { jsonrpc: '2.0', id: request.body['id'] };
      res.end('id: e1\nretry: 120\ndata: \n\n');
    }, 's');
    const client = await connected(server);
    expect(textOf((await client.callTool('poll')).content)).toBe('resumed');
    const [call] = server.of('tools/call');
    const resume = server.received.find(({ headers }) => headers['last-event-id'] !== undefined);
    expect(resume?.headers).toMatchObject({ 'last-event-id': 'e1', 'mcp-session-id': 's' });
    expect((resume?.at ?? 0) - (call?.at ?? 0)).toBeGreaterThan(110);
  });

  it('K13 a stream that breaks without an event id fails the call; it is not sent again', async () => {
    const server = await legacyHttp((_, res) => {
      res.writeHead(200, STREAM);
      res.write(': hello\n\n');
      setTimeout(() => res.destroy(), 20);
    });
    const client = await connected(server);
    expect((await rejected(client.callTool('x'))).code).toBe('UPSTREAM_CRASHED');
    expect(server.of('tools/call')).toHaveLength(1);
  });

  it('a stream that cannot be resumed fails the call', async () => {
    const server = await legacyHttp((request, res) => {
      if (request.verb === 'GET') {
        res.writeHead(405).end();
        return;
      }
      res.writeHead(200, STREAM).end('id: e1\nretry: 50\ndata: \n\n');
    });
    const client = await connected(server);
    expect((await rejected(client.callTool('x'))).code).toBe('UPSTREAM_CRASHED');
  });

  it('resuming ends with the deadline of the call', async () => {
    const server = await legacyHttp((_, res) => {
      res.writeHead(200, STREAM).end('id: e1\nretry: 50\ndata: \n\n');
    });
    const client = await connected(server, { timeoutMs: 300 });
    expect((await rejected(client.callTool('x'))).code).toBe('UPSTREAM_TIMEOUT');
    const resumes = (): number => server.received.filter(({ verb }) => verb === 'GET').length;
    const before = resumes();
    await delay(200);
    expect(resumes()).toBe(before);
  });

  it('the stream of the session is opened after initialized, carries notifications and is reconnected', async () => {
    let opened = 0;
    const seen: string[] = [];
    const server = await scriptedHttp((request, res) => {
      if (legacyOpening(request, res, 's')) {
        return;
      }
      opened += 1;
      res.writeHead(200, STREAM);
      res.write('retry: 60\n\n');
      const params = { n: opened };
      res.write(event({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params }, `g${opened}`));
      if (opened === 1) {
        res.end();
      }
    });
    await connected(server, { onNotification: ({ params }) => seen.push(String(params?.['n'])) });
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(['1', '2']);
    const gets = server.received.filter(({ verb }) => verb === 'GET');
    expect(gets.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'g1']);
    expect(server.received.findIndex(({ verb }) => verb === 'GET')).toBeGreaterThan(
      server.received.findIndex(({ method }) => method === 'notifications/initialized'),
    );
  });

  it('a question on the stream of a call names that call, and the clock of the call stands still meanwhile', async () => {
    let origin: unknown;
    let finish: (answer: unknown) => void = () => {};
    const server = await legacyHttp((request, res) => {
      if (request.method === 'tools/call') {
        res.writeHead(200, STREAM);
        const params = { message: 'Name?', requestedSchema: { type: 'object', properties: {} } };
        res.write(event({ jsonrpc: '2.0', id: 'q1', method: 'elicitation/create', params }));
        finish = (answer) => res.end(event(result(request, text(JSON.stringify(answer)))));
      } else {
        res.writeHead(202).end();
        finish(request.body['result']);
      }
    });
    let id: unknown;
    const client = await connected(server, {
      timeoutMs: 150,
      capabilities: { elicitation: { form: {} } },
      onServerRequest: async (request) => {
        origin = request.origin;
        await new Promise((resolve) => setTimeout(resolve, 400));
        return { action: 'decline' };
      },
    });
    const called = await client.callTool(
      'ask',
      {},
      {
        onSent: (sent) => {
          id = sent;
        },
      },
    );
    expect(textOf(called.content)).toBe('{"action":"decline"}');
    expect(origin).toEqual({ requestId: id });
  });
});

describe('answers that are none', () => {
  const cases: readonly [string, (res: Parameters<typeof json>[0], answer: unknown) => void, string][] = [
    ['HTML', (res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<html>'), 'UPSTREAM_PROTOCOL'],
    ['no type', (res) => res.writeHead(200).end('{}'), 'UPSTREAM_PROTOCOL'],
    [
      'a look-alike type',
      (res, answer) => json(res, answer, 200, { 'content-type': 'application/jsonx' }),
      'UPSTREAM_PROTOCOL',
    ],
    [
      'another charset',
      (res, answer) => json(res, answer, 200, { 'content-type': 'application/json; charset=utf-16' }),
      'UPSTREAM_PROTOCOL',
    ],
    [
      'broken JSON',
      (res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc"'),
      'UPSTREAM_PROTOCOL',
    ],
    [
      'invalid UTF-8',
      (res) =>
        res.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from([0x22, 0xff, 0x22])),
      'UPSTREAM_PROTOCOL',
    ],
    [
      'the answer to something else',
      (res) => json(res, { jsonrpc: '2.0', id: 999, result: {} }),
      'UPSTREAM_PROTOCOL',
    ],
    [
      'a result that is no object',
      (res, answer) => json(res, { ...(answer as object), result: 7 }),
      'UPSTREAM_PROTOCOL',
    ],
    [
      'an error without code',
      (res, answer) => json(res, { ...(answer as object), result: undefined, error: {} }),
      'UPSTREAM_PROTOCOL',
    ],
    ['nothing', (res) => res.writeHead(202).end(), 'UPSTREAM_PROTOCOL'],
    [
      'a compressed body',
      (res, answer) => json(res, answer, 200, { 'content-encoding': 'gzip' }),
      'UPSTREAM_PROTOCOL',
    ],
    [
      'a redirect',
      (res) => res.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
      'UPSTREAM_PROTOCOL',
    ],
    ['401', (res) => res.writeHead(401, { 'www-authenticate': 'Bearer x' }).end(), 'UPSTREAM_UNAUTHORIZED'],
    ['403', (res) => res.writeHead(403).end(), 'UPSTREAM_UNAUTHORIZED'],
    ['429', (res) => res.writeHead(429).end(), 'UPSTREAM_BUSY'],
    ['503', (res) => res.writeHead(503).end(), 'UPSTREAM_BUSY'],
    ['500', (res) => res.writeHead(500).end('oops'), 'UPSTREAM_UNAVAILABLE'],
    [
      'a body over the limit',
      (res, answer) => json(res, { ...(answer as object), fill: 'x'.repeat(70_000) }),
      'UPSTREAM_PROTOCOL',
    ],
    [
      'an event over the limit',
      (res) => res.writeHead(200, STREAM).end(`data: ${'x'.repeat(70_000)}\n\n`),
      'UPSTREAM_PROTOCOL',
    ],
    [
      'an endless event',
      (res) => {
        res.writeHead(200, STREAM);
        for (let i = 0; i < 10; i += 1) {
          res.write(`data: ${'x'.repeat(10_000)}\n`);
        }
      },
      'UPSTREAM_PROTOCOL',
    ],
    [
      'a stream that is not UTF-8',
      (res) => res.writeHead(200, STREAM).end(Buffer.from([0x64, 0xff, 0x0a])),
      'UPSTREAM_PROTOCOL',
    ],
    ['a dropped connection', (res) => res.destroy(), 'UPSTREAM_CRASHED'],
    [
      'half a body',
      (res) => {
        res.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        res.write('{');
        setTimeout(() => res.destroy(), 20);
      },
      'UPSTREAM_CRASHED',
    ],
  ];

  it.each(cases)('%s', async (_, answer, code) => {
    const server = await legacyHttp((request, res) => {
      if (request.body.params?.['name'] === 'good') {
        json(res, result(request, text('alive')));
      } else {
        answer(res, result(request, text('x')));
      }
    });
    const client = await connected(server, {}, { maxMessageBytes: 65_536 });
    expect((await rejected(client.callTool('bad'))).code).toBe(code);
    expect(server.of('tools/call')).toHaveLength(1);
    expect(textOf((await client.callTool('good')).content)).toBe('alive');
  });

  it('the status and the challenge stay available', async () => {
    const server = await scriptedHttp((_, res) => {
      res.writeHead(401, { 'www-authenticate': 'Bearer resource_metadata="x"' }).end();
    });
    const error = await rejected(connected(server));
    expect(statusOf(error)).toBe(401);
    expect(error.cause).toMatchObject({ wwwAuthenticate: 'Bearer resource_metadata="x"' });
  });

  it('an error body without id is the answer of its request', async () => {
    const server = await legacyHttp((_, res) => {
      json(res, { jsonrpc: '2.0', id: null, error: { code: -32602, message: 'bad', data: { a: 1 } } }, 400);
    });
    const client = await connected(server);
    const error: unknown = await client.callTool('x').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ rpcCode: -32602, message: 'bad', data: { a: 1 } });
  });

  it('nesting that could not be written again is no message', async () => {
    const server = await legacyHttp((request, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(
        `{"jsonrpc":"2.0","id":${request.body['id']},"result":{"content":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
      );
    });
    const client = await connected(server);
    expect((await rejected(client.callTool('x'))).code).toBe('UPSTREAM_PROTOCOL');
  });

  it('a batch of 2025-03-26 is read', async () => {
    const server = await legacyHttp((request, res) => {
      json(res, [{ jsonrpc: '2.0', method: 'notifications/x' }, result(request, text('batched'))]);
    });
    const seen: string[] = [];
    const client = await connected(server, { onNotification: ({ method }) => seen.push(method) });
    expect(textOf((await client.callTool('x')).content)).toBe('batched');
    expect(seen).toEqual(['notifications/x']);
  });
});

describe('configuration', () => {
  it.each([
    ['file:///etc/passwd', {}],
    ['http://user:pass@127.0.0.1/mcp', {}],
    ['no url', {}],
    ['http://127.0.0.1/mcp', { 'Mcp-Session-Id': 'x' }],
    ['http://127.0.0.1/mcp', { Host: 'x' }],
    ['http://127.0.0.1/mcp', { 'x-a': 'b\r\nc: d' }],
    ['http://127.0.0.1/mcp', { 'x a': 'b' }],
  ])('%s with headers %j is refused', (url, headers) => {
    expect(() => httpTransport({ url, headers })).toThrow(/configuration is invalid/i);
  });

  it('headers may be made for each request', async () => {
    let count = 0;
    const server = await legacyHttp((request, res) => json(res, result(request, text('x'))));
    const headers = async (): Promise<Record<string, string>> => {
      count += 1;
      return { 'x-token': String(count) };
    };
    const client = await connected(server, {}, { headers });
    await client.callTool('x');
    const tokens = server.received.map((request) => Number(request.headers['x-token']));
    expect(tokens.every((token) => token > 0)).toBe(true);
    expect(new Set(tokens).size).toBe(tokens.length);
  });
});

describe('HTTP+SSE', () => {
  const sse = (endpoint: string) =>
    scriptedHttp((request, res) => {
      if (request.verb === 'GET') {
        res.writeHead(200, STREAM);
        res.write(`event: endpoint\ndata: ${endpoint}\n\n`);
      } else {
        res.writeHead(404).end();
      }
    });

  it.each(['http://evil.example/messages', '//evil.example/x', 'http://u@127.0.0.1/x', 'http://'])(
    'F03 an endpoint of another origin (%s) is refused',
    async (endpoint) => {
      const server = await sse(endpoint);
      const transport = closing(legacySseTransport({ url: server.url }));
      const events = { message: () => {}, closed: () => {} };
      expect((await rejected(transport.start(events))).code).toBe('UPSTREAM_PROTOCOL');
    },
  );

  it('a server that never names its endpoint ends in a timeout', async () => {
    const server = await scriptedHttp((_, res) => {
      res.writeHead(200, STREAM).write(': hello\n\n');
    });
    const transport = closing(legacySseTransport({ url: server.url, endpointTimeoutMs: 100 }));
    expect((await rejected(transport.start({ message: () => {}, closed: () => {} }))).code).toBe(
      'UPSTREAM_TIMEOUT',
    );
  });

  it('the end of the stream closes the connection with a reason', async () => {
    let stream: { end(): void } | undefined;
    const server = await scriptedHttp((request, res) => {
      if (request.verb === 'GET') {
        res.writeHead(200, STREAM);
        res.write('event: endpoint\ndata: /post?session=1\n\n');
        stream = res;
      } else {
        res.writeHead(202).end();
      }
    });
    const transport = closing(legacySseTransport({ url: server.url }));
    let reason: Error | undefined;
    await transport.start({
      message: () => {},
      closed: (error) => {
        reason = error;
      },
    });
    stream?.end();
    await eventually(() => reason !== undefined);
    expect((reason as FerroError).code).toBe('UPSTREAM_CRASHED');
  });

  it('fall-back keeps the first refusal when there is no HTTP+SSE either', async () => {
    const server = await scriptedHttp((_, res) => res.writeHead(404).end());
    const transport: ClientTransport = closing(targetTransport(server.url));
    await transport.start({ message: () => {}, closed: () => {} });
    const initialize: JsonRpcMessage = { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} };
    expect(statusOf(await rejected(transport.send(initialize)))).toBe(404);
    expect(server.received.map(({ verb }) => verb)).toEqual(['POST', 'GET']);
  });

  it('an answer that speaks JSON-RPC does not lead to HTTP+SSE', async () => {
    const server = await scriptedHttp((request, res) => json(res, failure(request, -32600), 400));
    const transport = closing(targetTransport(server.url));
    const messages: JsonRpcMessage[] = [];
    await transport.start({ message: (message) => messages.push(message), closed: () => {} });
    await transport.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} });
    expect(messages).toHaveLength(1);
    expect(server.received.map(({ verb }) => verb)).toEqual(['POST']);
  });
});
