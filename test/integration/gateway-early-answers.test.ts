/** Answers that come with the first request, before anything was asked (2026-07-28, MRTR). */
import { expect, it } from 'vitest';
import type { Era } from '../../src/core/revisions.ts';
import { createServer, type Server } from '../../src/server/index.ts';
import { textOf } from '../unit/client/support.ts';
import { cleanup, inMemory, startGateway, type TestGateway } from '../unit/gateway/harness.ts';

function asking(): Server {
  const server = createServer({ name: 'asking', version: '1.0.0' }).tool('ask', {}, async (_args, ctx) => {
    const requestedSchema = {
      type: 'object',
      properties: { name: { type: 'string' } },
      required: ['name'],
    } as const;
    const { content } = await ctx.elicit({ message: 'Who?', requestedSchema }, { key: 'user_name' });
    return `Hello, ${String(content?.['name'])}!`;
  });
  cleanup(() => server.close());
  return server;
}

const gatewayTo = (era: Era): TestGateway =>
  startGateway({ up: { target: inMemory(asking()), options: { era } } }, { transparent: true });

const early = {
  inputRequired: 'return',
  inputResponses: {
    user_name: { action: 'accept', content: { name: 'Ada' } },
    nobody_asked: { action: 'accept', content: {} },
  },
} as const;

const modern = { era: 'modern', capabilities: { elicitation: { form: {} } } } as const;

it('reach a modern upstream, which takes those it asks for', async () => {
  const client = await gatewayTo('modern').connect(modern);
  expect(textOf((await client.callTool('ask', {}, early)).content)).toBe('Hello, Ada!');
});

it('of the wrong form lead to the question', async () => {
  const client = await gatewayTo('modern').connect(modern);
  const inputResponses = { user_name: { action: 'accept', content: { name: 7 } } };
  const result = await client.request('tools/call', { name: 'ask' }, { ...early, inputResponses });
  expect(result).toMatchObject({ resultType: 'input_required', inputRequests: { user_name: {} } });
});

it('mean nothing to a legacy upstream, which asks itself', async () => {
  const client = await gatewayTo('legacy').connect(modern);
  const result = await client.request('tools/call', { name: 'ask' }, early);
  expect(result).toMatchObject({ resultType: 'input_required' });
  expect(Object.values(result['inputRequests'] ?? {})).toMatchObject([{ method: 'elicitation/create' }]);
});
