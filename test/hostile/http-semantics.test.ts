import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { call, type HeaderLine, legacyRequest, post, postLines, rawRequest } from './harness/messages.ts';
import { HttpTarget } from './harness/target.ts';

let target: HttpTarget;
let effects = 0;
const { body, headers } = call('echo', { attack: true });

beforeAll(async () => {
  target = await HttpTarget.start({ listen: { allowedOrigins: ['https://app.example'] } });
});
afterAll(() => target.stop());
beforeEach(async () => {
  effects = (await target.state()).effects;
});

async function expectUnharmed(): Promise<void> {
  expect((await target.state()).effects).toBe(effects);
  await target.expectAlive();
}

const host = (): HeaderLine => ['Host', `127.0.0.1:${target.port}`];

describe('A11 Content-Type', () => {
  it.each([
    [undefined],
    [''],
    ['text/plain'],
    ['text/plain; a=application/json'],
    ['text/plain, application/json'],
    ['application/json, text/plain'],
    ['application/json\t;x'],
    ['application/json; charset=utf-16'],
    ['application/json; charset="utf-16"'],
    ['application/json; charset=utf-8; charset=utf-16'],
    ['application/json; charset='],
    ['application/json charset=utf-8'],
    ['application/jsonp'],
    ['application/json-seq'],
    ['application/json+x'],
    ['application/vnd.api+json'],
    ['application/ json'],
    ['application/json\x0b'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=application/json'],
    ['application/*'],
    ['*/*'],
    ['json'],
    [`application/json; x=${'y'.repeat(4_000)}`],
    [`application/json${'; a=b'.repeat(400)}`],
  ])('A11 %j -> 415', async (type) => {
    const response = await target.post(body, { ...headers, 'Content-Type': type });
    // A control character ends in the parser already.
    expect(response.status).toBe(type?.includes('\x0b') === true ? 400 : 415);
    await expectUnharmed();
  });

  it.each([
    ['application/json'],
    ['APPLICATION/JSON'],
    // Empty parameters are part of the grammar (RFC 9110, 5.6.6).
    ['application/json;'],
    ['application/json; charset=utf-8'],
    ['application/json;charset=UTF-8'],
    ['application/json ; charset="utf-8"'],
    ['application/json; profile=x'],
  ])('A11 %j is what it says', async (type) => {
    expect((await target.post(body, { ...headers, 'Content-Type': type })).status).toBe(200);
  });
});

describe('A12 Accept', () => {
  it.each([
    ['text/html'],
    ['application/json;q=0, text/event-stream;q=0'],
    ['*/*;q=0'],
    ['application/json;q=0, text/event-stream;q=0, */*'],
    ['application/jsonp, text/event-streams'],
    ['application'],
    [','.repeat(500)],
    [`text/html;q=${'9'.repeat(500)}`],
    ['a/b, '.repeat(2_000)],
  ])('A12 %j -> 406', async (accept) => {
    expect((await target.post(body, { ...headers, Accept: accept })).status).toBe(406);
    await expectUnharmed();
  });

  it('A12 10 KB that would allow it are not read -> 406', async () => {
    const accept = `${'x/y;q=0.1, '.repeat(900)}application/json, text/event-stream`;
    expect((await target.post(body, { ...headers, Accept: accept })).status).toBe(406);
    await expectUnharmed();
  });

  it('A12 a GET without text/event-stream -> 406', async () => {
    const session = await target.session();
    const response = await target.exchange(
      rawRequest('GET', '/mcp', [host(), ['Accept', 'application/json'], ['Mcp-Session-Id', session]]),
    );
    expect(response.status).toBe(406);
  });
});

describe('A13 methods', () => {
  it.each(['GET', 'DELETE'])('A13 %s of the modern era -> 405 with Allow: POST', async (method) => {
    const response = await target.exchange(
      rawRequest(method, '/mcp', [
        host(),
        ['MCP-Protocol-Version', '2026-07-28'],
        ['Accept', 'text/event-stream'],
      ]),
    );
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });

  it.each(['PUT', 'PATCH', 'TRACE', 'OPTIONS', 'HEAD', 'PROPFIND', 'LOCK', 'SEARCH', 'QUERY'])(
    'A13 %s -> 405 with Allow',
    async (method) => {
      const connection = await target.connect();
      connection.write(rawRequest(method, '/mcp', [host(), ['X-Secret', 'do-not-echo']]));
      const { status, headers: answered } = await connection.streamHead();
      connection.destroy();
      // A method Node's parser does not know is no HTTP to it.
      expect(status).toBe(method === 'QUERY' && status === 400 ? 400 : 405);
      if (status === 405) expect(answered.get('allow')).toMatch(/POST/);
      expect(connection.text).not.toContain('do-not-echo');
      await expectUnharmed();
    },
  );

  it('A13 PUT with a body and any Content-Type -> 405, and the body is no request', async () => {
    for (const type of ['application/json', 'text/plain', ';;;', undefined]) {
      const smuggled = rawRequest('POST', '/mcp', postLines(target.port, body.length, headers), body);
      const request = rawRequest(
        'PUT',
        '/mcp',
        postLines(target.port, smuggled.length, { 'Content-Type': type }),
        smuggled,
      );
      expect((await target.exchange(request)).status).toBe(405);
    }
    await expectUnharmed();
  });

  it('A13 CONNECT -> 405 with Allow, no tunnel', async () => {
    const connection = await target.connect();
    connection.write(`CONNECT 127.0.0.1:${target.port} HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\n\r\n`);
    const response = await connection.response();
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toContain('POST');
    connection.write(post(target.port, body, headers));
    await connection.untilClosed();
    await expectUnharmed();
  });

  it.each(['websocket', 'h2c', 'TLS/1.0'])('A13 Upgrade: %s is not done', async (protocol) => {
    const response = await target.post(body, {
      ...headers,
      Connection: 'Upgrade, HTTP2-Settings',
      Upgrade: protocol,
      'HTTP2-Settings': 'AAMAAABkAAQCAAAAAAIAAAAA',
    });
    expect(response.status).toBe(200);
    expect(response.headers.has('upgrade')).toBe(false);
  });

  it.each(['http://evil.example', 'https://app.example', 'http://localhost:3000'])(
    'A13 a preflight from %s gets no CORS grant',
    async (origin) => {
      const response = await target.exchange(
        rawRequest('OPTIONS', '/mcp', [
          host(),
          ['Origin', origin],
          ['Access-Control-Request-Method', 'POST'],
          ['Access-Control-Request-Headers', 'content-type, authorization'],
        ]),
      );
      expect(response.status).toBe(origin.includes('evil') ? 403 : 405);
      expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    },
  );
});

describe('A14 spellings of the path', () => {
  it.each([
    '//mcp',
    '/mcp/',
    '/mcp//',
    '/./mcp',
    '/mcp/.',
    '/x/../mcp',
    '/mcp/../admin',
    '/mcp/../mcp',
    '/%6dcp',
    '/%6Dcp',
    '/%6d%63%70',
    '/mcp%2f',
    '/mcp%2f..%2fadmin',
    '/mcp%00',
    '/MCP',
    '/mcp;x=1',
    '/mcp.json',
    '/%2e/mcp',
    '/\\mcp',
    '/mcp#x',
    '/%',
    '/%zz',
    '/%ff',
    '/%c0%af',
    '/%e0%80%80',
    '/',
    `/${'a'.repeat(8_000)}`,
    `/${'%41'.repeat(3_000)}`,
    '/healthz/',
    '/%68ealthz',
    '/../../etc/passwd',
    '/__proto__',
    '/constructor',
    '/:id',
    '/*',
  ])('A14 %s -> 404', async (path) => {
    for (const method of ['POST', 'GET']) {
      const response = await target.exchange(
        rawRequest(method, path, postLines(target.port, body.length, headers), body),
      );
      expect(response.status).toBe(404);
      expect(JSON.parse(response.body)).toMatchObject({ jsonrpc: '2.0', error: { code: -32600 } });
      expect(response.body).not.toContain('etc/passwd');
    }
    await expectUnharmed();
  });

  it('A14 the guard stands before every spelling', async () => {
    for (const path of ['/mcp', '/%6dcp', '/%zz', '/nowhere', '/healthz', '/readyz', '//']) {
      const request = rawRequest('GET', path, [['Host', 'evil.example']]);
      expect((await target.exchange(request)).status, path).toBe(403);
    }
  });

  it('A14 a query is no part of the path', async () => {
    const request = rawRequest(
      'POST',
      '/mcp?a=/../b&__proto__=1',
      postLines(target.port, body.length, headers),
      body,
    );
    expect((await target.exchange(request)).status).toBe(200);
  });
});

describe('A15 headers of proxies that are none', () => {
  it('A15 forwarded names neither refuse nor allow', async () => {
    const forwarded = {
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-For': '10.0.0.1',
      'X-Forwarded-Proto': 'https',
      'X-Real-IP': '10.0.0.1',
      Forwarded: 'for=10.0.0.1;host=evil.example;proto=https',
    };
    expect((await target.post(body, { ...headers, ...forwarded })).status).toBe(200);
    effects += 1;
    const trusted = Object.fromEntries(
      Object.keys(forwarded).map((name) => [name, name === 'Forwarded' ? 'host=127.0.0.1' : '127.0.0.1']),
    );
    expect((await target.post(body, { ...headers, ...trusted, Host: 'evil.example' })).status).toBe(403);
    const method = { ...headers, 'X-HTTP-Method-Override': 'DELETE', 'X-Original-URL': '/admin' };
    expect((await target.post(body, method)).status).toBe(200);
    effects += 1;
    await expectUnharmed();
  });
});

describe('what the rest of the section rests on', () => {
  it('answers a sound request of each era', async () => {
    expect((await target.post(body, headers)).status).toBe(200);
    const session = await target.session();
    const listed = await target.post(legacyRequest(1, 'tools/list'), { 'Mcp-Session-Id': session });
    expect(listed.status).toBe(200);
    expect(listed.body).toContain('"echo"');
  });
});
