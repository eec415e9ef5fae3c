import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { call, META, MODERN, modernHeaders, modernMeta, modernRequest } from './harness/messages.ts';
import { HttpTarget } from './harness/target.ts';

interface Rpc {
  readonly error?: { readonly code: number; readonly data?: Readonly<Record<string, unknown>> };
  readonly result?: Readonly<Record<string, unknown>>;
}

let target: HttpTarget;
let effects = 0;
beforeAll(async () => {
  target = await HttpTarget.start();
});
afterAll(() => target.stop());
beforeEach(async () => {
  effects = (await target.state()).effects;
});

async function expectRefused(
  body: string,
  headers: Readonly<Record<string, string | undefined>>,
  code: number,
): Promise<Rpc> {
  const response = await target.post(body, headers);
  const answer = JSON.parse(response.body) as Rpc;
  expect([response.status, answer.error?.code]).toEqual([400, code]);
  expect((await target.state()).effects).toBe(effects);
  await target.expectAlive();
  effects += 1;
  return answer;
}

const base64 = (text: string | Buffer): string => `=?base64?${Buffer.from(text).toString('base64')}?=`;
const withMeta = (meta: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', _meta: meta } });

describe('D05 the revision of a request', () => {
  const { body, headers } = call('echo');

  it('D05 no header -> -32020', async () => {
    await expectRefused(body, { ...headers, 'MCP-Protocol-Version': undefined }, -32020);
  });
  it.each([
    '2025-11-25',
    '2026-07-27',
    '2026-07-28x',
    MODERN.slice(0, -1),
    '',
    'latest',
    '2026-07-28, 2026-07-28',
  ])('D05 header %j against _meta -> -32020', async (version) => {
    await expectRefused(body, { ...headers, 'MCP-Protocol-Version': version }, -32020);
  });
  it.each(['2027-01-01', 'x', '', '2025-11-25', '9'.repeat(300)])(
    'D05 unknown revision %j on both sides -> -32022 with the list',
    async (version) => {
      const meta = modernMeta({ [`${META}/protocolVersion`]: version });
      const answer = await expectRefused(
        withMeta(meta),
        { ...headers, 'MCP-Protocol-Version': version },
        -32022,
      );
      expect(answer.error?.data?.['supported']).toContain(MODERN);
      expect(JSON.stringify(answer).length).toBeLessThan(1_000);
    },
  );
  it('D05 unknown revision in the header and none in the body -> -32022 with the list', async () => {
    const plain = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    const answer = await expectRefused(plain, { 'MCP-Protocol-Version': '2027-01-01' }, -32022);
    expect(answer.error?.data?.['supported']).toContain(MODERN);
  });
  it.each([
    ['no _meta', undefined],
    ['_meta null', null],
    ['_meta a string', 'x'],
    ['_meta an array', []],
    ['_meta empty', {}],
    ['a version that is a number', modernMeta({ [`${META}/protocolVersion`]: 20260728 })],
    ['no capabilities', { [`${META}/protocolVersion`]: MODERN }],
    ['capabilities null', modernMeta({ [`${META}/clientCapabilities`]: null })],
    ['capabilities a list', modernMeta({ [`${META}/clientCapabilities`]: ['elicitation'] })],
    ['client info a string', modernMeta({ [`${META}/clientInfo`]: 'x' })],
    ['client info without a version', modernMeta({ [`${META}/clientInfo`]: { name: 'x' } })],
    ['an unknown log level', modernMeta({ [`${META}/logLevel`]: 'loud' })],
    ['a log level that is __proto__', modernMeta({ [`${META}/logLevel`]: '__proto__' })],
  ])('D05 %s -> -32602', async (_title, meta) => {
    await expectRefused(withMeta(meta), headers, -32602);
  });
});

describe('D06 headers that mirror the body', () => {
  const { body, headers } = call('echo');

  it.each([
    ['Mcp-Method missing', { 'Mcp-Method': undefined }],
    ['Mcp-Method of another method', { 'Mcp-Method': 'tools/list' }],
    ['Mcp-Method in another case', { 'Mcp-Method': 'Tools/Call' }],
    ['Mcp-Method encoded', { 'Mcp-Method': base64('tools/call') }],
    ['Mcp-Method percent-encoded', { 'Mcp-Method': 'tools%2Fcall' }],
    ['Mcp-Method with more behind it', { 'Mcp-Method': 'tools/call;x' }],
    ['Mcp-Method with a no-break space behind it', { 'Mcp-Method': 'tools/call\xa0' }],
    ['Mcp-Method empty', { 'Mcp-Method': '' }],
    ['Mcp-Name missing', { 'Mcp-Name': undefined }],
    ['Mcp-Name of another tool', { 'Mcp-Name': 'never' }],
    ['Mcp-Name in another case', { 'Mcp-Name': 'Echo' }],
    ['Mcp-Name empty', { 'Mcp-Name': '' }],
    ['Mcp-Name with a no-break space behind it', { 'Mcp-Name': 'echo\xa0' }],
    ['Mcp-Name of bytes beyond ASCII', { 'Mcp-Name': 'écho' }],
    ['Mcp-Name of another tool, encoded', { 'Mcp-Name': base64('never') }],
    ['Mcp-Name encoded with CR LF', { 'Mcp-Name': base64('echo\r\nX: y') }],
    ['Mcp-Name encoded with NUL', { 'Mcp-Name': base64('echo\0') }],
    ['Mcp-Name encoded without padding', { 'Mcp-Name': '=?base64?ZWNobw?=' }],
    ['Mcp-Name encoded with stray bits', { 'Mcp-Name': '=?base64?ZWNobx==?=' }],
    ['Mcp-Name encoded in the URL alphabet', { 'Mcp-Name': '=?base64?ZW-_bw==?=' }],
    ['Mcp-Name encoded with white space', { 'Mcp-Name': '=?base64?ZWNo bw==?=' }],
    ['Mcp-Name encoded, not UTF-8', { 'Mcp-Name': base64(Buffer.of(0xff, 0xfe)) }],
    ['Mcp-Name encoded, overlong UTF-8', { 'Mcp-Name': base64(Buffer.of(0xc1, 0xa5)) }],
    ['Mcp-Name encoded twice', { 'Mcp-Name': base64(base64('echo')) }],
    ['Mcp-Name with the sentinel in another case', { 'Mcp-Name': '=?BASE64?ZWNobw==?=' }],
    ['Mcp-Name with a broken sentinel', { 'Mcp-Name': '=?base64?ZWNobw==' }],
    ['Mcp-Name of 8 KB', { 'Mcp-Name': 'x'.repeat(8_000) }],
  ])('D06 %s -> -32020', async (_title, changes) => {
    await expectRefused(body, { ...headers, ...changes }, -32020);
  });

  it('D06 a name in its encoded form agrees', async () => {
    expect((await target.post(body, { ...headers, 'Mcp-Name': base64('echo') })).status).toBe(200);
  });

  it('D06 header names are compared without case', async () => {
    const shouted = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
    );
    expect((await target.post(body, shouted)).status).toBe(200);
  });

  it('D06 a resource is named by its URI', async () => {
    const read = modernRequest(1, 'resources/read', { uri: 'test://note' });
    expect((await target.post(read, modernHeaders('resources/read', 'test://note'))).status).toBe(200);
    await expectRefused(read, modernHeaders('resources/read', 'test://item/1'), -32020);
    await expectRefused(read, modernHeaders('resources/read'), -32020);
  });

  describe('parameters', () => {
    const typed = (args: object, changes: Readonly<Record<string, string | undefined>> = {}) => {
      const message = call('typed', args);
      return [message.body, { ...message.headers, ...changes }] as const;
    };

    it.each([
      ['missing', {}],
      ['of another value', { 'Mcp-Param-Region': 'us' }],
      ['in another case', { 'Mcp-Param-Region': 'EU' }],
      ['empty', { 'Mcp-Param-Region': '' }],
      ['encoded with CR LF', { 'Mcp-Param-Region': base64('eu\r\nX: y') }],
      ['encoded badly', { 'Mcp-Param-Region': '=?base64?!?=' }],
      ['of another name', { 'Mcp-Param-region-x': 'eu' }],
      ['with one the body has not', { 'Mcp-Param-Region': 'eu', 'Mcp-Param-Shard': '1' }],
    ])('D06 Mcp-Param %s -> -32020', async (_title, changes) => {
      await expectRefused(...typed({ region: 'eu' }, changes), -32020);
    });

    it.each(['2', '1.5', '0x1', '1e', '', 'NaN', ' 1 1', '1,1', '١', '1'.repeat(400)])(
      'D06 Mcp-Param of a number as %j -> -32020',
      async (shard) => {
        await expectRefused(
          ...typed({ region: 'eu', shard: 1 }, { 'Mcp-Param-Region': 'eu', 'Mcp-Param-Shard': shard }),
          -32020,
        );
      },
    );

    it.each(['1', '1.0'])('D06 Mcp-Param of a number as %s agrees', async (shard) => {
      const [body_, headers_] = typed(
        { region: 'eu', shard: 1 },
        { 'Mcp-Param-Region': 'eu', 'mcp-param-shard': shard },
      );
      expect((await target.post(body_, headers_)).status).toBe(200);
    });
  });

  it('D06 the body decides what runs, never a header alone', async () => {
    const listing = modernRequest(1, 'tools/list');
    await expectRefused(listing, { ...modernHeaders('tools/call', 'echo') }, -32020);
    const hidden = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}';
    await expectRefused(hidden, modernHeaders('tools/list'), -32602);
  });
});

describe('D07 questions to clients that cannot be asked', () => {
  it('D07 an undeclared capability -> -32021, and nothing is asked', async () => {
    const { body, headers } = call('ask');
    const response = await target.post(body, headers);
    const answer = JSON.parse(response.body) as Rpc;
    expect([response.status, answer.error?.code]).toEqual([400, -32021]);
    expect(answer.error?.data).toEqual({ requiredCapabilities: { elicitation: {} } });
    expect(response.body).not.toContain('inputRequests');
    expect(response.body).not.toContain('Who?');
  });

  it('D07 another mode of the capability is not the capability', async () => {
    const params = { name: 'ask', _meta: modernMeta({}, { elicitation: { url: {} } }) };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    const answer = JSON.parse((await target.post(body, modernHeaders('tools/call', 'ask'))).body) as Rpc;
    expect(answer.error?.code).toBe(-32021);
  });

  it('D07 in the legacy era nothing is asked either', async () => {
    const session = await target.session();
    const body = '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"ask"}}';
    const response = await target.post(body, { 'Mcp-Session-Id': session });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.body).not.toContain('elicitation/create');
    expect(JSON.stringify(JSON.parse(response.body))).toMatch(/-32600|isError/);
  });
});
