/** Resources that nobody lists are looked for in one upstream after the other, questions in between included. */
import { expect, it } from 'vitest';
import { createServer, type Server } from '../../src/server/index.ts';
import { cleanup, inMemory, startGateway } from '../unit/gateway/harness.ts';

const URI = 'hidden://treasure';

/** Has resources, asks for the roots before it says whether it has the hidden one. */
function keeper(name: string, text?: string): Server {
  const server = createServer({ name, version: '1.0.0' }).resource(`known://${name}`, {}, () => name);
  server.registry.fallbacks.push({
    source: name,
    read: async (uri, ctx) => {
      const roots = await ctx.roots();
      return uri === URI && text !== undefined
        ? { contents: [{ uri, text: `${text} ${roots.length}` }] }
        : undefined;
    },
  });
  cleanup(() => server.close());
  return server;
}

const eras = (['legacy', 'modern'] as const).flatMap((down) =>
  (['legacy', 'modern'] as const).map((up) => ({ down, up })),
);

it.each(eras)('$down client, $up upstreams: each question is asked once', async ({ down, up }) => {
  const options = { era: up };
  const gateway = startGateway({
    first: { target: inMemory(keeper('first')), options },
    second: { target: inMemory(keeper('second')), options },
    third: { target: inMemory(keeper('third', 'found with')), options },
  });
  let asked = 0;
  const onRoots = async (): Promise<{ uri: string }[]> => {
    asked += 1;
    return [{ uri: 'file:///a' }];
  };
  const client = await gateway.connect({ era: down, onRoots });
  await client.listResources();
  const { contents } = await client.readResource(URI);
  expect(contents).toMatchObject([{ uri: URI, text: 'found with 1' }]);
  expect(asked).toBe(3);
  await expect(client.readResource('hidden://nothing')).rejects.toMatchObject({
    rpcCode: down === 'legacy' ? -32002 : -32602,
    data: { uri: 'hidden://nothing' },
  });
});
