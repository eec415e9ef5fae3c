import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { McpClient } from '../../src/client/contract.ts';
import { connect, connectInMemory, createServer } from '../../src/server/index.ts';

function build() {
  return createServer({ name: 'both-eras', version: '1.0.0', instructions: 'Use echo.' })
    .tool(
      'echo',
      { description: 'Echoes', input: z.object({ message: z.string() }) },
      ({ message }) => message,
    )
    .tool(
      'add',
      { input: z.object({ a: z.number(), b: z.number() }), output: z.object({ sum: z.number() }) },
      ({ a, b }) => ({
        sum: a + b,
      }),
    )
    .tool('greet', {}, async (_args, ctx) => {
      const runs = await ctx.step('count', () => 1);
      const answer = await ctx.elicit({
        message: 'Who are you?',
        requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
      });
      return answer.action === 'accept'
        ? `Hello, ${String(answer.content?.['name'])}! (${runs})`
        : answer.action;
    })
    .tool('fail', {}, () => {
      throw new Error('on purpose');
    })
    .tool('progress', {}, async (_args, ctx) => {
      for (const progress of [1, 2, 3]) ctx.progress({ progress, total: 3 });
      ctx.log('info', 'working');
      return 'done';
    })
    .resource('test://text', { mimeType: 'text/plain' }, () => 'hello')
    .resourceTemplate('test://item/{id}', { complete: { id: ['one', 'two'] } }, ({ id }) => ({
      id: id ?? null,
    }))
    .prompt('ask', { arguments: [{ name: 'topic', required: true }] }, ({ topic }) => `About ${topic}`);
}

const eras = ['legacy', 'modern'] as const;
const places = ['memory', 'http'] as const;

for (const era of eras) {
  for (const place of places) {
    describe(`${era} over ${place}`, () => {
      const server = build();
      let client: McpClient;
      beforeAll(async () => {
        const options = {
          era,
          onElicit: () => Promise.resolve({ action: 'accept' as const, content: { name: 'Ada' } }),
        };
        if (place === 'memory') client = await connectInMemory(server, options);
        else client = await connect((await server.listen({ port: 0 })).url, options);
      });
      afterAll(async () => {
        await client.close();
        await server.close();
      });

      it('says who it is', () => {
        expect(client.server?.era).toBe(era);
        expect(client.server?.serverInfo?.name).toBe('both-eras');
        expect(client.server?.instructions).toBe('Use echo.');
      });
      it('lists and calls tools', async () => {
        expect((await client.listTools()).map((tool) => tool.name)).toEqual([
          'echo',
          'add',
          'greet',
          'fail',
          'progress',
        ]);
        expect((await client.callTool('echo', { message: 'hi' })).content).toEqual([
          { type: 'text', text: 'hi' },
        ]);
        expect((await client.callTool('add', { a: 1, b: 2 })).structuredContent).toEqual({ sum: 3 });
      });
      it('asks the user', async () => {
        expect((await client.callTool('greet')).content).toEqual([{ type: 'text', text: 'Hello, Ada! (1)' }]);
      });
      it('tells the model what is wrong', async () => {
        const result = await client.callTool('echo', { message: 7 });
        expect(result.isError).toBe(true);
        expect(JSON.stringify(result.content)).toContain('/message');
        expect((await client.callTool('fail')).content).toEqual([{ type: 'text', text: 'on purpose' }]);
        await expect(client.callTool('nope')).rejects.toMatchObject({ rpcCode: -32602 });
      });
      it('reports progress', async () => {
        const seen: number[] = [];
        await client.callTool('progress', {}, { onProgress: (update) => seen.push(update.progress) });
        expect(seen).toEqual([1, 2, 3]);
      });
      it('reads resources and prompts', async () => {
        expect((await client.readResource('test://text')).contents).toEqual([
          { uri: 'test://text', mimeType: 'text/plain', text: 'hello' },
        ]);
        expect((await client.readResource('test://item/7')).contents[0]).toMatchObject({
          text: '{"id":"7"}',
        });
        await expect(client.readResource('test://none')).rejects.toMatchObject({
          rpcCode: era === 'legacy' ? -32002 : -32602,
          data: { uri: 'test://none' },
        });
        expect((await client.getPrompt('ask', { topic: 'x' })).messages).toHaveLength(1);
        await expect(client.getPrompt('ask')).rejects.toMatchObject({ rpcCode: -32602 });
        const completion = await client.complete(
          { type: 'ref/resource', uri: 'test://item/{id}' },
          { name: 'id', value: 't' },
        );
        expect(completion.values).toEqual(['two']);
      });
    });
  }
}

describe('HTTP+SSE of 2024-11-05', () => {
  it('is found by falling back', async () => {
    const server = build();
    const { url, close } = await server.listen({ port: 0, legacySse: true });
    const client = await connect(url.replace('/mcp', '/sse'), {
      onElicit: () => Promise.resolve({ action: 'accept', content: { name: 'Eve' } }),
    });
    expect(client.server?.era).toBe('legacy');
    expect((await client.callTool('greet')).content).toEqual([{ type: 'text', text: 'Hello, Eve! (1)' }]);
    await client.close();
    await close();
    await server.close();
  });
});
