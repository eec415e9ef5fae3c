import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, modernHeaders, modernRequest } from './harness/messages.ts';
import { CANARY, CODECS, eventually, HttpTarget } from './harness/target.ts';

const MIB = 1024 * 1024;
const THROWN = [
  'error',
  'type-error',
  'string',
  'number',
  'null',
  'undefined',
  'symbol',
  'function',
  'frozen',
  'proxy',
  'message-getter',
];
const RESULTS = [
  'cycle',
  'bigint',
  'bare-bigint',
  'nan',
  'nan-inside',
  'infinity',
  'function',
  'symbol',
  'hole-inside',
  'huge',
  'huge-escaped',
  'deep',
  'getter',
  'to-json',
  'proxy',
  'content-cycle',
  'thenable-throws',
];

interface Answer {
  readonly result?: {
    readonly isError?: boolean;
    readonly content?: readonly { readonly text: string }[];
    readonly contents?: readonly unknown[];
  };
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly correlationId?: string };
  };
}

describe.each(CODECS)('handlers that fail, on %s', (codec) => {
  let target: HttpTarget;
  beforeAll(async () => {
    target = await HttpTarget.start({ codec });
  });
  afterAll(() => target.stop());

  async function ask(method: string, params: object, name?: string): Promise<Answer> {
    const response = await target.post(modernRequest(1, method, params), modernHeaders(method, name));
    expect(response.status).toBe(200);
    expect(response.body).not.toMatch(/\bat .*\.(js|ts|mjs):\d+/);
    expect(response.body).not.toContain(CANARY);
    return JSON.parse(response.body) as Answer;
  }
  const callTool = (name: string, args: object = {}): Promise<Answer> =>
    ask('tools/call', { name, arguments: args }, name);

  /** A failure that tells nothing but where to look in the log. */
  async function expectInternal(answer: Answer): Promise<void> {
    expect(answer.error?.code).toBe(-32603);
    const id = answer.error?.data?.correlationId ?? '';
    expect(id).toMatch(/^[\w-]{12}$/);
    await eventually(() => target.output.includes(id));
  }

  describe.each(THROWN)('A16 %s', (kind) => {
    it.each(['throw', 'reject'])('A16 a tool that %ss it -> isError, no stack', async (how) => {
      const answer = await callTool(`${how}-${kind}`);
      expect(answer.result?.isError).toBe(true);
      const said = answer.result?.content?.[0]?.text ?? '';
      if (kind === 'error' || kind === 'type-error') expect(said).toBe('on purpose');
      else expect(said).toMatch(/^The tool failed \([\w-]{12}\)$/);
      await target.expectAlive();
    });

    it('A16 a resource or prompt that throws it -> -32603 with a correlation id', async () => {
      const uri = `throw://${kind}`;
      await expectInternal(await ask('resources/read', { uri }, uri));
      const name = `throw-${kind}`;
      await expectInternal(await ask('prompts/get', { name }, name));
      await target.expectAlive();
    });
  });

  it('A16 a handler that never settles -> the deadline answers', async () => {
    const answer = await callTool('never');
    expect(answer.error).toMatchObject({ code: -32001, data: { code: 'REQUEST_TIMEOUT' } });
    await target.expectAlive();
  });

  it('A16 a handler that rejects after its deadline changes nothing', async () => {
    const answer = await callTool('reject-late');
    expect(answer.error?.code).toBe(-32001);
    await delay(500);
    await target.expectAlive();
  });

  it.each(RESULTS)('C20 a tool that returns %s -> -32603 or isError', async (kind) => {
    const answer = await callTool(`result-${kind}`);
    if (answer.result === undefined) await expectInternal(answer);
    else expect(answer.result.isError).toBe(true);
    await target.expectAlive();
  });

  it.each(RESULTS)('C20 a resource that returns %s -> -32603', async (kind) => {
    const uri = `result://${kind}`;
    await expectInternal(await ask('resources/read', { uri }, uri));
    await target.expectAlive();
  });

  it('C20 a tool that returns nothing has no content', async () => {
    expect((await callTool('result-undefined')).result).toMatchObject({ content: [] });
  });

  it('C20 a result against its own schema -> -32603, without the result', async () => {
    await expectInternal(await callTool('result-against-schema'));
    await target.expectAlive();
  });

  it('C20 the limit of a result is legal, one byte more -> -32603', async () => {
    const { body } = await target.post(...messageOf(call('big', { bytes: 1 })));
    const overhead = Buffer.byteLength(body) - 1 - '{"jsonrpc":"2.0","id":1,"result":}'.length;
    const legal = await target.post(...messageOf(call('big', { bytes: 16 * MIB - overhead })));
    expect(legal.body.length).toBeGreaterThan(16 * MIB);
    const answer = await callTool('big', { bytes: 16 * MIB - overhead + 1 });
    await expectInternal(answer);
    expect(answer.error?.message).toContain(String(16 * MIB));
  });

  it.each([
    ['without-promise', 'from a thenable'],
    ['twice', 'first'],
  ])('A16 a thenable that is no promise (%s) is awaited', async (kind, expected) => {
    expect((await callTool(`result-thenable-${kind}`)).result?.content?.[0]?.text).toBe(expected);
    await target.expectAlive();
  });

  it('A16 C20 nothing of all that has left the process but by its log', () => {
    expect(target.child.exitCode).toBeNull();
    expect(target.output).not.toMatch(/unhandled|uncaught/i);
  });
});

function messageOf(message: ReturnType<typeof call>): [string, Record<string, string>] {
  return [message.body, message.headers];
}
