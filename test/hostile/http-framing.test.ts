import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { call, type HeaderLine, modernHeaders, postLines, rawRequest } from './harness/messages.ts';
import { HttpTarget } from './harness/target.ts';

let target: HttpTarget;
let effects = 0;
const { body, headers } = call('echo', { attack: true });

beforeAll(async () => {
  target = await HttpTarget.start();
});
afterAll(() => target.stop());
beforeEach(async () => {
  effects = (await target.state()).effects;
});

/** No handler ran and the process answers on. */
async function expectUnharmed(): Promise<void> {
  expect((await target.state()).effects).toBe(effects);
  await target.expectAlive();
}

/** The lines of a sound tool call, with lines added or changed. */
function lines(
  changes: Readonly<Record<string, string | undefined>> = {},
  ...more: HeaderLine[]
): HeaderLine[] {
  return [...postLines(target.port, Buffer.byteLength(body), { ...headers, ...changes }), ...more];
}

/** The request line and these header lines, byte by byte. */
function verbatim(headerText: string, payload: string): string {
  const fixed = Object.entries({
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\n${fixed.join('')}${headerText}\r\n${payload}`;
}

const chunked = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const smuggled = 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

describe('A01 ambiguous message framing', () => {
  const length = Buffer.byteLength(body);
  it.each([
    [
      'Content-Length and Transfer-Encoding',
      `Content-Length: ${length}\r\nTransfer-Encoding: chunked\r\n`,
      chunked(body),
    ],
    [
      'Transfer-Encoding and Content-Length',
      `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`,
      chunked(body) + smuggled,
    ],
    ['two different Content-Length', `Content-Length: ${length}\r\nContent-Length: 4\r\n`, body],
    ['the same Content-Length twice', `Content-Length: ${length}\r\nContent-Length: ${length}\r\n`, body],
    ['a list of Content-Length', `Content-Length: ${length}, ${length}\r\n`, body],
    ['Content-Length +4', 'Content-Length: +4\r\n', body],
    ['Content-Length -1', 'Content-Length: -1\r\n', body],
    ['Content-Length 0x10', 'Content-Length: 0x10\r\n', body],
    ['Content-Length 1e3', 'Content-Length: 1e3\r\n', body],
    ['an overflowing Content-Length', `Content-Length: ${'9'.repeat(30)}\r\n`, body],
    ['Transfer-Encoding xchunked', 'Transfer-Encoding: xchunked\r\n', chunked(body)],
    ['Transfer-Encoding chunked, gzip', 'Transfer-Encoding: chunked, gzip\r\n', chunked(body)],
    ['Transfer-Encoding : chunked', 'Transfer-Encoding : chunked\r\n', chunked(body)],
    [
      'an overflowing chunk size',
      'Transfer-Encoding: chunked\r\n',
      `${'f'.repeat(20)}\r\n${body}\r\n0\r\n\r\n`,
    ],
    ['a chunk size that is no number', 'Transfer-Encoding: chunked\r\n', `zz\r\n${body}\r\n0\r\n\r\n`],
    ['a negative chunk size', 'Transfer-Encoding: chunked\r\n', `-5\r\n${body}\r\n0\r\n\r\n`],
    [
      'a chunk extension of 20 KB',
      'Transfer-Encoding: chunked\r\n',
      `${length.toString(16)};${'x'.repeat(20_000)}\r\n${body}\r\n0\r\n\r\n`,
    ],
    ['a chunk longer than its size', 'Transfer-Encoding: chunked\r\n', `4\r\n${body}\r\n0\r\n\r\n`],
  ])('A01 %s -> 400 or 413 and the end of the connection', async (_title, headerText, payload) => {
    const connection = await target.connect();
    connection.write(verbatim(headerText, payload));
    const response = await connection.response();
    expect([400, 413]).toContain(response.status);
    expect(JSON.parse(response.body)).toMatchObject({ jsonrpc: '2.0', error: { code: -32600 } });
    await connection.untilClosed();
    // What follows the broken message is never read as a request.
    expect(connection.text).not.toContain('HTTP/1.1 200');
    await expectUnharmed();
  });

  it('A01 bytes behind a whole message are a request of their own, and a bad one ends the connection', async () => {
    const connection = await target.connect();
    const ping = rawRequest('GET', '/healthz', [['Host', `127.0.0.1:${target.port}`]]);
    connection.write(Buffer.concat([ping, Buffer.from('{"trailing":true}\r\n\r\n')]));
    expect((await connection.response()).status).toBe(200);
    expect((await connection.response()).status).toBe(400);
    await connection.untilClosed();
    await expectUnharmed();
  });
});

describe('A02 characters that split or join headers', () => {
  const length = Buffer.byteLength(body);
  it.each([
    ['obs-fold', `X-Folded: a\r\n b\r\nContent-Length: ${length}\r\n`],
    ['a bare LF in a value', `X-Bare: a\nX-Next: b\r\nContent-Length: ${length}\r\n`],
    ['a bare CR in a value', `X-Bare: a\rb\r\nContent-Length: ${length}\r\n`],
    ['NUL in a value', `X-Nul: a\0b\r\nContent-Length: ${length}\r\n`],
    ['NUL in a name', `X-\0Nul: a\r\nContent-Length: ${length}\r\n`],
    ['a space before the colon', `X-Space : a\r\nContent-Length: ${length}\r\n`],
    ['a name with a space', `X Space: a\r\nContent-Length: ${length}\r\n`],
    ['a line without a colon', `garbage\r\nContent-Length: ${length}\r\n`],
    ['an empty name', `: a\r\nContent-Length: ${length}\r\n`],
  ])('A02 %s -> 400 and the end of the connection', async (_title, headerText) => {
    const connection = await target.connect();
    connection.write(verbatim(headerText, body));
    expect((await connection.response()).status).toBe(400);
    await connection.untilClosed();
    await expectUnharmed();
  });

  it.each([
    ['a session id', { 'Mcp-Session-Id': 'a%0d%0aX-Injected: yes' }],
    ['a version', { 'MCP-Protocol-Version': '2026%0d%0aX-Injected: yes' }],
    ['an Accept', { Accept: 'application/json, text/event-stream;x="%0d%0aX-Injected: yes"' }],
  ])('A02 encoded CR LF in %s is not echoed as a header', async (_title, changes) => {
    const response = await target.exchange(rawRequest('POST', '/mcp', lines(changes), body));
    expect(response.headers.has('x-injected')).toBe(false);
    await target.expectAlive();
  });

  it('A02 line breaks in data stay within one event', async () => {
    const message = call('tagged', { tag: 'a\r\n\r\nevent: forged\ndata: {}\u2028\u0085', turns: 1 }, 1, {
      progressToken: 'a\r\nid: 7',
    });
    const connection = await target.connect();
    connection.write(
      rawRequest(
        'POST',
        '/mcp',
        postLines(target.port, Buffer.byteLength(message.body), message.headers),
        message.body,
      ),
    );
    const response = await connection.response();
    connection.destroy();
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const fields = response.body.split(/\r\n|\n|\r/).filter((line) => line !== '');
    expect(fields.map((line) => line.slice(0, line.indexOf(':')))).toEqual([
      'event',
      'data',
      'event',
      'data',
    ]);
    expect(fields.filter((line) => line.startsWith('event'))).toEqual(['event: message', 'event: message']);
  });
});

describe('A03 headers that must be single', () => {
  it.each([
    ['Host', `127.0.0.1:1`],
    ['host', 'evil.example'],
    ['Origin', 'http://localhost'],
    ['Authorization', 'Bearer a'],
    ['Content-Type', 'text/plain'],
    ['Mcp-Method', 'tools/list'],
    ['mcp-method', 'tools/call'],
    ['Mcp-Name', 'other'],
    ['Mcp-Session-Id', 'a'],
    ['MCP-Protocol-Version', '2025-11-25'],
    ['Mcp-Param-Region', 'eu'],
    ['Mcp-Anything', 'x'],
    ['Last-Event-ID', '1'],
  ])('A03 two %s -> 400', async (name, value) => {
    const twice: HeaderLine[] = [
      [name, value],
      [name.toUpperCase(), value],
    ];
    const present = lines().some(([each]) => each.toLowerCase() === name.toLowerCase());
    const more = present ? twice.slice(1) : twice;
    const response = await target.exchange(rawRequest('POST', '/mcp', lines({}, ...more), body));
    expect(response.status).toBe(400);
    expect(JSON.parse(response.body)).toMatchObject({ error: { code: -32600 } });
    await expectUnharmed();
  });

  it('A03 no Host -> 400, on HTTP/1.1 and 1.0', async () => {
    expect((await target.exchange(rawRequest('POST', '/mcp', lines({ Host: undefined }), body))).status).toBe(
      400,
    );
    const old = rawRequest('POST', '/mcp', lines({ Host: undefined }), body)
      .toString()
      .replace('1.1', '1.0');
    expect((await target.exchange(old)).status).toBe(400);
    await expectUnharmed();
  });

  it('A03 an empty Host -> 403', async () => {
    expect((await target.exchange(rawRequest('POST', '/mcp', lines({ Host: '' }), body))).status).toBe(403);
    await expectUnharmed();
  });
});

describe('A04 too many headers', () => {
  const padding = (count: number): HeaderLine[] =>
    Array.from({ length: count }, (_, index) => [`x${index}`, ''] as const);

  it('A04 100 lines are legal, 101 -> 431', async () => {
    const sound = lines();
    const legal = await target.exchange(
      rawRequest('POST', '/mcp', [...sound, ...padding(100 - sound.length)], body),
    );
    expect(legal.status).toBe(200);
    effects += 1;
    const surplus = await target.exchange(
      rawRequest('POST', '/mcp', [...sound, ...padding(101 - sound.length)], body),
    );
    expect(surplus.status).toBe(431);
    await expectUnharmed();
  });

  it('A04 a foreign Origin behind 1,000 lines of padding -> 431, not past the guard', async () => {
    const request = rawRequest(
      'POST',
      '/mcp',
      [...lines(), ...padding(1_000), ['Origin', 'http://evil.example']],
      body,
    );
    expect((await target.exchange(request)).status).toBe(431);
    await expectUnharmed();
  });

  it('A04 a Host behind 1,000 lines of padding -> 431', async () => {
    const request = rawRequest('POST', '/mcp', [...padding(1_000), ...lines()], body);
    expect((await target.exchange(request)).status).toBe(431);
    await expectUnharmed();
  });

  it('A04 a header section of 17 KB -> 431', async () => {
    const request = rawRequest('POST', '/mcp', lines({ 'X-Large': 'x'.repeat(17_000) }), body);
    const connection = await target.connect();
    connection.write(request);
    expect((await connection.response()).status).toBe(431);
    await connection.untilClosed();
    await expectUnharmed();
  });

  it('A04 trailers behind a chunked body change nothing', async () => {
    const request = verbatim(
      'Transfer-Encoding: chunked\r\nTrailer: Origin, Mcp-Name\r\n',
      `${body.length.toString(16)}\r\n${body}\r\n0\r\nMcp-Name: other\r\nOrigin: http://evil.example\r\n\r\n`,
    );
    const response = await target.exchange(request);
    expect(response.status).toBe(200);
    await target.expectAlive();
  });
});

describe('A05 request targets', () => {
  const at = (requestTarget: string, changes: Readonly<Record<string, string | undefined>> = {}) =>
    target.exchange(rawRequest('POST', requestTarget, lines(changes), body));

  it.each([
    ['another host', () => 'http://evil.example/mcp'],
    ['our host without the port', () => 'http://127.0.0.1/mcp'],
    ['another port', () => 'http://127.0.0.1:1/mcp'],
    ['our host as user', () => `http://127.0.0.1:${target.port}@evil.example/mcp`],
    ['a user at our host', () => `http://user@127.0.0.1:${target.port}/mcp`],
    ['another scheme', () => `ftp://127.0.0.1:${target.port}/mcp`],
    ['no path', () => `127.0.0.1:${target.port}`],
    ['an asterisk', () => '*'],
  ])('A05 %s -> 400', async (_title, requestTarget) => {
    expect((await at(requestTarget())).status).toBe(400);
    await expectUnharmed();
  });

  it('A05 absolute form that agrees with Host is served', async () => {
    expect((await at(`http://127.0.0.1:${target.port}/mcp`)).status).toBe(200);
    expect((await at(`http://127.0.0.1:${target.port}/other`)).status).toBe(404);
  });

  it('A05 absolute form and Host agree on a foreign name -> 403', async () => {
    const refused = await at('http://evil.example/mcp', { Host: 'evil.example' });
    expect(refused.status).toBe(403);
    await expectUnharmed();
  });

  it('A05 nothing is refused without a reason', async () => {
    const sound = await target.exchange(
      rawRequest('POST', '/mcp', lines(modernHeaders('tools/call', 'echo')), body),
    );
    expect(sound.status).toBe(200);
    expect((await target.state()).effects).toBe(effects + 1);
  });
});
