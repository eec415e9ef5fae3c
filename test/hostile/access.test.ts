import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  call,
  type HeaderLine,
  legacyRequest,
  modernHeaders,
  modernRequest,
  postLines,
  rawRequest,
} from './harness/messages.ts';
import { HttpTarget, type TargetOptions } from './harness/target.ts';

const { body, headers } = call('echo', { attack: true });
const LISTENERS = ['/mcp', '/healthz', '/readyz', '/sse', '/messages', '/nowhere'];

function request(
  target: HttpTarget,
  changes: Readonly<Record<string, string | undefined>>,
  path = '/mcp',
  method = 'POST',
): Buffer {
  const lines: HeaderLine[] = postLines(target.port, Buffer.byteLength(body), { ...headers, ...changes });
  return rawRequest(method, path, lines, body);
}

describe('on a loopback address', () => {
  let target: HttpTarget;
  let effects = 0;
  beforeAll(async () => {
    target = await HttpTarget.start({ listen: { legacySse: true, allowedOrigins: ['https://app.example'] } });
  });
  afterAll(() => target.stop());
  beforeEach(async () => {
    effects = (await target.state()).effects;
  });

  async function expectRefused(changes: Readonly<Record<string, string | undefined>>): Promise<void> {
    for (const path of LISTENERS) {
      for (const method of ['POST', 'GET', 'DELETE', 'OPTIONS']) {
        const response = await target.exchange(request(target, changes, path, method));
        expect(response.status, `${method} ${path}`).toBe(403);
        expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
    }
    expect((await target.state()).effects).toBe(effects);
    await target.expectAlive();
  }

  it.each([
    'http://evil.example',
    'https://evil.example:3000',
    'null',
    '',
    'x',
    'file://',
    'http://',
    '://localhost',
    'http://localhost.evil.example',
    'http://evil.example/localhost',
    'http://localhost@evil.example',
    'http://user@localhost',
    'http://user:pass@localhost:3000',
    'http://localhost/',
    'http://localhost/path',
    'http://localhost?x',
    'http://localhost#x',
    'http://localhost:',
    'http://localhost:99999999',
    'http://localhost:3000, http://evil.example',
    'http://localhost http://evil.example',
    'http://localhost.',
    'HTTP://LOCALHOST',
    'http://127.0.0.2',
    'http://127.1',
    'http://2130706433',
    'http://0x7f.1',
    'http://0.0.0.0',
    'http://[::]',
    'http://[::ffff:127.0.0.1]',
    'http://[::1',
    'ws://localhost',
    'chrome-extension://abcdef',
    'https://app.example.evil.example',
    'https://app.example:444',
    'http://app.example',
    'https://APP.example',
    'https://xapp.example',
  ])('D01 Origin %j -> 403 on every path and method', async (origin) => {
    await expectRefused({ Origin: origin });
  });

  it.each([
    'http://localhost',
    'http://localhost:5173',
    'https://127.0.0.1:1',
    'http://[::1]:80',
    'https://app.example',
  ])('D01 Origin %s is let in', async (origin) => {
    const response = await target.exchange(request(target, { Origin: origin }));
    expect(response.status).toBe(200);
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
  });

  it.each([
    'evil.example',
    'evil.example:3000',
    '127.0.0.1.nip.io',
    'localhost.',
    'localhost.evil.example',
    '127.0.0.1.',
    '0.0.0.0',
    '0',
    '127.1',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '[::ffff:7f00:1]',
    '[::ffff:127.0.0.1]',
    '[::]',
    '[::1',
    '::1',
    '[::1]x',
    'localhost:80:80',
    'localhost:http',
    'localhost:',
    'localhost:-1',
    'localhost@evil.example',
    'evil.example@localhost',
    'localhost/',
    'localhost, evil.example',
    '',
    ' ',
    'LOCALHOST\u0130',
    '%6cocalhost',
  ])('D02 Host %j -> 403 on every path and method', async (host) => {
    await expectRefused({ Host: host });
  });

  it.each(['localhost', 'LocalHost', '127.0.0.1', '127.0.0.1:1', '[::1]', '[::1]:8080'])(
    'D02 Host %s is let in',
    async (host) => {
      expect((await target.exchange(request(target, { Host: host }))).status).toBe(200);
    },
  );

  it.each([
    ['a foreign page that posts text', 'http://evil.example', 'text/plain', 403],
    ['a foreign page that posts a form', 'http://evil.example', 'application/x-www-form-urlencoded', 403],
    ['a sandboxed page', 'null', 'text/plain', 403],
    ['a local page that posts text', 'http://localhost:3000', 'text/plain;charset=UTF-8', 415],
    ['a local page that posts without a type', 'http://localhost:3000', undefined, 415],
    ['a client that sends no Origin but text', undefined, 'text/plain', 415],
  ])('D03 %s -> no effect', async (_title, origin, type, status) => {
    const response = await target.exchange(
      request(target, { Origin: origin, 'Content-Type': type, 'Sec-Fetch-Mode': 'no-cors' }),
    );
    expect(response.status).toBe(status);
    expect((await target.state()).effects).toBe(effects);
    await target.expectAlive();
  });
});

describe('on a public address', () => {
  /** Why a target does not start. */
  async function refusal(listen: TargetOptions['listen']): Promise<string> {
    try {
      const target = await HttpTarget.start(listen === undefined ? {} : { listen });
      await target.stop();
      return 'it listens';
    } catch (error) {
      return String(error);
    }
  }

  it.each(['0.0.0.0', '::', '', '127.0.0.1.nip.io', '0', '[::]'])(
    'D04 listening on %j without being told that it is open -> refused',
    async (host) => {
      expect(await refusal({ host })).toContain('LISTEN_INSECURE');
    },
  );

  it('D04 an allow-list alone does not open it', async () => {
    expect(await refusal({ host: '0.0.0.0', allowedHosts: ['127.0.0.1'] })).toContain('LISTEN_INSECURE');
    expect(await refusal({ host: '0.0.0.0', insecurePublic: 'yes' })).toContain('LISTEN_INSECURE');
  });

  it('D04 origins that are none -> refused', async () => {
    for (const origin of ['*', 'evil.example', 'https://a.example/path', 'null']) {
      expect(await refusal({ allowedOrigins: [origin] })).toContain('CONFIG_INVALID');
    }
  });

  it('D02 D04 told to, it still refuses foreign hosts and origins', async () => {
    const target = await HttpTarget.start({
      listen: { host: '0.0.0.0', insecurePublic: true, allowedHosts: ['Server.example'] },
    });
    try {
      const status = async (changes: Record<string, string>) =>
        (await target.exchange(request(target, changes))).status;
      expect(await status({ Host: 'server.example' })).toBe(200);
      expect(await status({ Host: 'SERVER.example:8443' })).toBe(200);
      expect(await status({ Host: 'evil.example' })).toBe(403);
      expect(await status({ Host: '127.0.0.1' })).toBe(403);
      expect(await status({ Host: 'server.example', Origin: 'http://evil.example' })).toBe(403);
      // Off loopback a page on the visitor's own machine is foreign too.
      expect(await status({ Host: 'server.example', Origin: 'http://localhost' })).toBe(403);
      const sound = modernRequest(1, 'server/discover');
      const { status: alive } = await target.post(sound, {
        ...modernHeaders('server/discover'),
        Host: 'server.example',
      });
      expect(alive).toBe(200);
      expect((await target.post(legacyRequest(1, 'ping'), { Host: 'server.example' })).status).toBe(400);
    } finally {
      await target.stop();
    }
  });
});
