import { describe, expect, it } from 'vitest';
import type { ServerRequest } from '../../../src/client/contract.ts';
import type { InputRequest } from '../../../src/core/mcp.ts';
import { UpstreamCall } from '../../../src/gateway/upstream-call.ts';
import { context } from './harness.ts';

const question: InputRequest = { method: 'roots/list' };
const origin: ServerRequest = {
  method: 'roots/list',
  params: {},
  origin: {},
  signal: new AbortController().signal,
};

/** A call whose result is there at once. */
function finished(): UpstreamCall {
  const call = new UpstreamCall(context());
  call.run(() => Promise.resolve({ content: [] }));
  return call;
}

describe('a call that ends with a question open', () => {
  it('has the client answer it first when it may be another call that asks', async () => {
    const call = finished();
    const answer = call.ask(question, origin, () => true);
    expect((await call.next()).kind).toBe('questions');
    const keys = Object.keys(call.takeQuestions());
    call.answer({ [keys[0] ?? '']: { roots: [] } });
    expect(await answer).toEqual({ roots: [] });
    expect((await call.next()).kind).toBe('result');
  });

  it('refuses it when it can only be its own', async () => {
    const call = finished();
    const answer = call.ask(question, origin);
    answer.catch(() => {});
    await expect(answer).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
    expect((await call.next()).kind).toBe('result');
  });

  it('refuses it when the client goes away', async () => {
    const call = finished();
    const answer = call.ask(question, origin, () => true);
    answer.catch(() => {});
    expect((await call.next()).kind).toBe('questions');
    call.takeQuestions();
    call.abort();
    await expect(answer).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
    expect((await call.next()).kind).toBe('result');
  });
});
