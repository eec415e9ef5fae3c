import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modernHeaders, modernMeta, modernRequest } from './harness/messages.ts';
import { StdioPeer } from './harness/stdio-peer.ts';
import { HttpTarget } from './harness/target.ts';

interface Rpc {
  readonly result?: {
    readonly resultType?: string;
    readonly requestState?: string;
    readonly nextCursor?: string;
    readonly tools?: readonly { readonly name: string }[];
    readonly content?: readonly { readonly text: string }[];
  };
  readonly error?: { readonly code: number; readonly message: string };
}

const secret = '5a'.repeat(32);
let target: HttpTarget;
beforeAll(async () => {
  target = await HttpTarget.start({ secret, limits: { pageSize: 3 } });
});
afterAll(() => target.stop());

const ACCEPT = { 'elicit-1': { action: 'accept', content: { name: 'honest' } } };

const askBody = (more: object = {}): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'ask', arguments: {}, ...more, _meta: modernMeta({}, { elicitation: {} }) },
  });

async function ask(more: object = {}, at: HttpTarget = target): Promise<Rpc> {
  const response = await at.post(askBody(more), modernHeaders('tools/call', 'ask'));
  return JSON.parse(response.body) as Rpc;
}

async function freshState(at: HttpTarget = target): Promise<string> {
  const { result } = await ask({}, at);
  expect(result?.resultType).toBe('input_required');
  return result?.requestState ?? '';
}

/** Every refusal is the same: nothing tells which part was wrong. */
async function expectRefused(state: string, more: object = {}): Promise<void> {
  const { effects } = await target.state();
  const answer = await ask({ requestState: state, inputResponses: ACCEPT, ...more });
  expect(answer.error).toMatchObject({ code: -32602, message: 'requestState is invalid or expired' });
  expect((await target.state()).effects).toBe(effects);
}

describe('I07 requestState', () => {
  it('I07 as it was given, it opens', async () => {
    const answer = await ask({ requestState: await freshState(), inputResponses: ACCEPT });
    expect(answer.result?.content?.[0]?.text).toBe('accept honest');
  });

  it('I07 tells nothing of what it holds, and never the same twice', async () => {
    const [first, second] = [await freshState(), await freshState()];
    expect(first).not.toBe(second);
    const plain = Buffer.from(first, 'base64url').toString('latin1');
    for (const word of ['Who', 'elicit', 'tools/call', 'anonymous']) expect(plain).not.toContain(word);
  });

  it('I07 one bit flipped, anywhere -> -32602', async () => {
    const bytes = Buffer.from(await freshState(), 'base64url');
    const step = Math.max(1, Math.floor(bytes.length / 24));
    for (let at = 0; at < bytes.length; at += step) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      await expectRefused(flipped.toString('base64url'));
    }
  });

  it('I07 truncated, prolonged, respelled -> -32602', async () => {
    const state = await freshState();
    for (const spoilt of [
      state.slice(0, -1),
      state.slice(0, -16),
      state.slice(1),
      `${state}A`,
      `${state}=`,
      ` ${state}`,
      `${state}\n`,
      `${state}${state}`,
      Buffer.from(state, 'base64url').toString('base64'),
      state.slice(0, 20),
    ]) {
      if (spoilt !== state) await expectRefused(spoilt);
    }
    await target.expectAlive();
  });

  it('I07 with other arguments or another tool -> -32602', async () => {
    await expectRefused(await freshState(), { arguments: { other: true } });
    const state = await freshState();
    const other = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: 'echo',
        arguments: {},
        requestState: state,
        _meta: modernMeta({}, { elicitation: {} }),
      },
    });
    const answer = JSON.parse((await target.post(other, modernHeaders('tools/call', 'echo'))).body) as Rpc;
    expect(answer.error?.code).toBe(-32602);
  });

  it('I07 with another method -> -32602', async () => {
    const params = { name: 'greet', arguments: { who: 'x' }, requestState: await freshState() };
    const response = await target.post(
      modernRequest(1, 'prompts/get', params),
      modernHeaders('prompts/get', 'greet'),
    );
    expect((JSON.parse(response.body) as Rpc).error?.code).toBe(-32602);
  });

  it('I07 expired -> -32602', async () => {
    const short = await HttpTarget.start({ limits: { requestStateTtlMs: 100 } });
    try {
      const state = await freshState(short);
      await delay(200);
      const answer = await ask({ requestState: state, inputResponses: ACCEPT }, short);
      expect(answer.error?.code).toBe(-32602);
    } finally {
      await short.stop();
    }
  });

  it('I07 of another key -> -32602; of the same key on another node it opens', async () => {
    const [foreign, twin] = await Promise.all([HttpTarget.start(), HttpTarget.start({ secret })]);
    try {
      await expectRefused(await freshState(foreign));
      const answer = await ask({ requestState: await freshState(twin), inputResponses: ACCEPT });
      expect(answer.result?.content?.[0]?.text).toBe('accept honest');
    } finally {
      await Promise.all([foreign.stop(), twin.stop()]);
    }
  });

  it('I07 of another principal -> -32602, although the key is the same', async () => {
    // Over HTTP everybody is anonymous; over stdio it is the user who started the process.
    const peer = await StdioPeer.start({ secret });
    try {
      peer.line(askBody({ requestState: await freshState(), inputResponses: ACCEPT }));
      const answer = await peer.replyTo(1);
      expect(answer.error?.code).toBe(-32602);
    } finally {
      await peer.stop();
    }
  });

  it('I07 C15 a cursor is no state, a state no cursor, and a cursor of one list none of another', async () => {
    const list = async (method: string, cursor?: string): Promise<Rpc> => {
      const response = await target.post(modernRequest(1, method, { cursor }), modernHeaders(method));
      return JSON.parse(response.body) as Rpc;
    };
    const cursor = (await list('tools/list')).result?.nextCursor ?? '';
    expect(cursor).not.toBe('');
    expect((await list('tools/list', cursor)).result?.tools).toHaveLength(3);
    await expectRefused(cursor);
    expect((await list('tools/list', await freshState())).error?.code).toBe(-32602);
    for (const method of ['resources/list', 'prompts/list', 'resources/templates/list']) {
      expect((await list(method, cursor)).error?.code).toBe(-32602);
    }
  });

  it('I07 answers that were not asked for are not taken', async () => {
    const answer = await ask({
      requestState: await freshState(),
      inputResponses: {
        'elicit-2': { action: 'accept', content: { name: 'forged' } },
        ['__proto__']: ACCEPT,
      },
    });
    expect(answer.result?.resultType).toBe('input_required');
    const invalid = await ask({
      requestState: await freshState(),
      inputResponses: { 'elicit-1': { action: 'accept', content: { name: 7 } } },
    });
    expect(invalid.result?.resultType).toBe('input_required');
  });
});
