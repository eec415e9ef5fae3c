import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkAnswers, open, sampleAnswers } from '../../../bench/load/check.mjs';
import { runLoad } from '../../../bench/load/generator.mjs';
import { h2loadArguments, readH2load } from '../../../bench/load/h2load.mjs';
import { lastEvent, messageIn, wholeReply } from '../../../bench/load/http1-reply.mjs';
import { operation } from '../../../bench/load/operations.mjs';
import { http1, operationRequest, PREPARED, prepared } from '../../../bench/load/requests.mjs';

const reply = (text) => {
  const buffer = Buffer.from(text);
  const whole = wholeReply(buffer);
  return whole === undefined ? undefined : { ...whole, message: messageIn(buffer, whole) };
};

describe('a reply on a socket', () => {
  it('is whole when all of its length is there', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"id":1}';
    expect(reply(text)).toMatchObject({ status: 200, bytes: text.length, message: { id: 1 } });
    for (let length = 0; length < text.length; length += 1)
      expect(reply(text.slice(0, length))).toBeUndefined();
  });

  it('may be chunked, or an event stream', () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n';
    expect(reply(`${head}\r\n4\r\n{"id\r\n4\r\n":2}\r\n0\r\n\r\n`)?.message).toEqual({ id: 2 });
    const events = 'event: message\ndata: {"id":3}\n\n';
    const stream = `${head}Content-Type: text/event-stream\r\n\r\n${events.length.toString(16)}\r\n${events}\r\n0\r\n\r\n`;
    expect(reply(stream)?.message).toEqual({ id: 3 });
    expect(reply(stream.slice(0, -1))).toBeUndefined();
  });

  it('may be empty or nonsense', () => {
    expect(reply('HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n')).toMatchObject({
      status: 202,
      message: undefined,
    });
    expect(reply('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{x')?.message).toBeUndefined();
    expect(lastEvent('data: \n\n: comment\n')).toBeUndefined();
    expect(lastEvent('data: {"id":1}\r\n\r\ndata: {"id":2}\r\n\r\n')).toEqual({ id: 2 });
  });
});

describe('requests', () => {
  it('carry what their era asks for', () => {
    const modern = operationRequest({ port: 1, era: 'modern' }, 'echo', 7);
    expect(modern.headers).toMatchObject({ 'mcp-method': 'tools/call', 'mcp-name': 'echo' });
    expect(JSON.parse(modern.body)).toMatchObject({
      id: 7,
      params: { name: 'echo', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
    });
    const legacy = operationRequest({ port: 1, era: 'legacy', session: 'abc' }, 'ping', 7);
    expect(legacy.headers['mcp-session-id']).toBe('abc');
    expect(legacy.headers['mcp-method']).toBeUndefined();
    expect(JSON.parse(legacy.body)).toEqual({ jsonrpc: '2.0', id: 7, method: 'ping', params: {} });
    expect(operationRequest({ port: 1, era: 'modern' }, 'read', 1).headers['mcp-name']).toBe(
      'bench://record',
    );
  });

  it('are prepared with ids of their own and say how long they are', () => {
    const bodies = prepared({ port: 1, era: 'bare' }, 'add').map(({ body }) => JSON.parse(body).id);
    expect(new Set(bodies).size).toBe(PREPARED);
    const text = http1({ headers: { a: 'b' }, body: '{"é":1}' }, 8080);
    expect(text).toContain('host: 127.0.0.1:8080\r\na: b\r\ncontent-length: 8\r\n\r\n{"é":1}');
  });

  it('of an unknown operation are refused with the names there are', () => {
    expect(() => operation('nothing')).toThrow('echo');
  });

  it('know a wrong answer', () => {
    const { holds } = operation('add');
    const result = (text) => ({ content: [{ type: 'text', text }] });
    expect(holds(3, result('6'), { tools: 20 })).toBe(true);
    expect(holds(3, result('6.5'), { tools: 20 })).toBe(false);
    expect(holds(3, undefined, { tools: 20 })).toBe(false);
    expect(operation('list').holds(1, { tools: [1] }, { tools: 20 })).toBe(false);
  });
});

describe('a load', () => {
  let server;
  let answers;
  beforeEach(async () => {
    answers = (message) => ({ content: [{ type: 'text', text: message.params.arguments.message }] });
    server = http.createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const message = JSON.parse(Buffer.concat(chunks).toString());
      const body = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: answers(message) });
      response.writeHead(200, {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
      });
      response.end(body);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const load = async (more) =>
    runLoad({
      target: await open(server.address().port, 'bare'),
      operation: 'echo',
      connections: 4,
      seconds: 0.3,
      protocol: 'h1',
      generator: 'node',
      core: undefined,
      ...more,
    });

  it('ends after its calls and counts no failure where there is none', async () => {
    const result = await load({ calls: 700 });
    expect(result).toMatchObject({ replies: 700, failures: 0 });
    expect(result.p50).toBeGreaterThan(0);
    expect(result.rate).toBeGreaterThan(0);
  });

  it('finds wrong answers', async () => {
    answers = () => ({ content: [{ type: 'text', text: 'other' }] });
    expect((await load({ calls: 640 })).failures).toBe(10);
    const target = await open(server.address().port, 'bare');
    await expect(checkAnswers(target, ['echo'], 20)).rejects.toThrow('wrong answer to echo');
    const sampled = sampleAnswers(target, 'echo', 20);
    await expect(sampled.end()).rejects.toThrow('wrong answer');
  });

  it('is sampled while it runs', async () => {
    const target = await open(server.address().port, 'bare');
    expect((await checkAnswers(target, ['echo'], 20)).echo).toBeGreaterThan(100);
    const sampled = sampleAnswers(target, 'echo', 20);
    await load({});
    expect(await sampled.end()).toBeGreaterThan(1);
  });
});

describe('h2load', () => {
  it('gets the headers and a body', () => {
    const args = h2loadArguments(80, { headers: { a: 'b' }, body: '' }, '/tmp/x', 4, 10, 2);
    expect(args.join(' ')).toBe('-t 1 -c 4 -m 10 -D 2 -H a: b -d /tmp/x http://127.0.0.1:80/mcp');
  });

  it('is read', () => {
    const output = [
      'finished in 2.00s, 1500.00 req/s, 400.00KB/s',
      'requests: 3000 total, 3010 started, 3000 done, 2990 succeeded, 10 failed, 10 errored, 0 timeout',
      'status codes: 2990 2xx, 1 3xx, 9 4xx, 0 5xx',
      'traffic: 800.00KB (819200) total, 10.00KB (10240) headers (space savings 90.00%), 700KB (716800) data',
      '                     min         max         mean         sd        +/- sd',
      'time for request:      100us     12.50ms      1.20ms       300us    80.00%',
    ].join('\n');
    expect(readH2load(output, 2)).toMatchObject({ replies: 2990, rate: 1495, bytes: 819_200, max: 12.5 });
    expect(readH2load(output, 2).failures).toBe(11);
    expect(() => readH2load('nothing', 2)).toThrow('h2load failed');
  });
});
