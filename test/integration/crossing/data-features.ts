import { expect } from 'vitest';
import { codeOf, crosses, type Feature, type FeatureGroup, observed, until } from './feature.ts';
import { type Crossing, endToEnd } from './pairing.ts';

export const RESOURCE_FEATURES: FeatureGroup = {
  title: 'Resources',
  features: [
    crosses('list: all members, all pages', async ({ client, direct }) => {
      const own = await direct.client.listResources();
      expect(await client.listResources()).toEqual(own);
      expect(own[0]).toMatchObject({ title: 'Text', size: 10, annotations: { priority: 1 } });
    }),
    crosses('read: text and bytes', async ({ client, direct }) => {
      for (const uri of ['note://text', 'note://bytes']) {
        expect(endToEnd(await client.readResource(uri))).toEqual(
          endToEnd(await direct.client.readResource(uri)),
        );
      }
    }),
    crosses('templates: list and read', async ({ client, direct }) => {
      const own = await direct.client.listResourceTemplates();
      expect(await client.listResourceTemplates()).toEqual(own);
      const { contents } = await client.readResource('note://by/ada/diary');
      expect(contents).toMatchObject([{ uri: 'note://by/ada/diary', text: 'diary of ada' }]);
    }),
    observed('not found', async ({ client, direct }) => {
      const code = await codeOf(client.readResource('note://none'));
      expect(code).toBe(await codeOf(direct.client.readResource('note://none')));
      return `error ${code}`;
    }),
    observed('subscriptions: `resources/updated`', async (crossing) => {
      const { client, talker, down } = crossing;
      const uri = 'note://text';
      const updates = () =>
        talker.heard.filter(
          ({ method, params }) => method === 'notifications/resources/updated' && params?.['uri'] === uri,
        ).length;
      const touch = () => client.callTool('up__touch', { label: uri });
      const subscription = await client.subscribe({ resourceSubscriptions: [uri] });
      await until(async () => {
        await touch();
        return updates() > 0;
      });
      await subscription.close();
      // What was on its way when the subscription ended may still come.
      await client.callTool('up__echo', { value: 'x' });
      const before = updates();
      await touch();
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(updates()).toBe(before);
      return down === 'legacy' ? 'by `resources/subscribe`' : 'by `subscriptions/listen`';
    }),
    observed('cache hints (`ttlMs`, `cacheScope`)', async ({ client, down, direct }) => {
      const hints = async (from: typeof client) => {
        const { ttlMs, cacheScope } = await from.request('resources/read', { uri: 'note://text' });
        return { ttlMs, cacheScope };
      };
      if (down === 'legacy') {
        expect(await hints(client)).toEqual({ ttlMs: undefined, cacheScope: undefined });
        return 'no: legacy has none';
      }
      expect(await hints(direct.client)).toEqual({ ttlMs: 60_000, cacheScope: 'public' });
      expect(await hints(client)).toEqual({ ttlMs: 0, cacheScope: 'private' });
      return "the gateway's";
    }),
  ],
};

export const PROMPT_FEATURES: FeatureGroup = {
  title: 'Prompts and completion',
  features: [
    crosses('list: all members', async ({ client, direct }) => {
      const own = await direct.client.listPrompts();
      expect(await client.listPrompts()).toEqual(
        own.map((prompt) => ({ ...prompt, name: `up__${prompt.name}` })),
      );
      expect(own[0]).toMatchObject({ title: 'Greet', arguments: [{ name: 'who', required: true }, {}] });
    }),
    crosses('get: arguments, messages, embedded resources', async ({ client, direct }) => {
      const args = { who: 'Ada', how: 'warmly' };
      const through = endToEnd(await client.getPrompt('up__greet', args));
      expect(through).toEqual(endToEnd(await direct.client.getPrompt('greet', args)));
      expect(through).toMatchObject({ messages: [{ content: { text: 'Greet Ada warmly' } }, {}] });
    }),
    observed('missing argument, unknown prompt', async ({ client }) => {
      const codes = [await codeOf(client.getPrompt('up__greet')), await codeOf(client.getPrompt('up__none'))];
      expect(codes).toEqual([-32602, -32602]);
      return 'error -32602';
    }),
    crosses('completion of prompt arguments', async ({ client }) => {
      const ref = { type: 'ref/prompt', name: 'up__greet' } as const;
      const { values } = await client.complete(ref, { name: 'who', value: 'a' });
      expect(values).toEqual(['ada', 'alan']);
    }),
    crosses('completion of template variables, with context', async ({ client }) => {
      const ref = { type: 'ref/resource', uri: 'note://by/{who}/{what}' } as const;
      const completion = await client.complete(ref, { name: 'what', value: 'd' }, { who: 'ada' });
      expect(completion).toEqual({ values: ['ada-d'], total: 5, hasMore: true });
    }),
  ],
};

export const SERVER_FEATURES: FeatureGroup = {
  title: 'The server as a whole',
  features: [
    crosses('instructions, once the upstream is known', async ({ client, plain }) => {
      await client.listTools();
      expect((await plain()).server?.instructions).toContain('Cross with care.');
    }),
    crosses(
      'transparent: names, identity, capabilities, instructions are those of the upstream',
      async (crossing) => {
        const client = await crossing.transparent();
        const { server } = crossing.direct.client;
        expect(client.server).toMatchObject({
          serverInfo: server?.serverInfo,
          instructions: server?.instructions,
          capabilities: server?.capabilities,
        });
        expect(await client.listTools()).toEqual(await crossing.direct.client.listTools());
      },
    ),
    observed('ping', async ({ client, down }) => {
      await client.ping();
      if (down === 'legacy') return 'each hop answers';
      expect(await codeOf(client.request('ping'))).toBe(-32601);
      return 'no: modern has none';
    }),
    observed(
      'unknown method',
      async ({ client }) => `error ${await codeOf(client.request('com.example/x'))}`,
    ),
  ],
};

const KINDS = {
  tools: 'toolsListChanged',
  resources: 'resourcesListChanged',
  prompts: 'promptsListChanged',
} as const;

type Kind = keyof typeof KINDS;

async function changeList(kind: Kind, { client, talker, label, down }: Crossing): Promise<string> {
  const name = `added-${label}`;
  const names = async (): Promise<readonly string[]> => {
    if (kind === 'tools') return (await client.listTools()).map((tool) => tool.name);
    if (kind === 'prompts') return (await client.listPrompts()).map((prompt) => prompt.name);
    return (await client.listResources()).map((resource) => resource.name);
  };
  const offered = kind === 'resources' ? name : `up__${name}`;
  const changes = () =>
    talker.heard.filter(({ method }) => method === `notifications/${kind}/list_changed`).length;
  const subscription = await client.subscribe({ [KINDS[kind]]: true });
  const change = async (how: 'add' | 'remove', there: boolean) => {
    const before = changes();
    await client.callTool(`up__${how}`, { kind, name });
    await until(() => changes() > before);
    await until(async () => (await names()).includes(offered) === there);
  };
  await change('add', true);
  await change('remove', false);
  await subscription.close();
  return down === 'legacy' ? 'unasked' : 'by `subscriptions/listen`';
}

/** A gateway reads lists again at most once in a while, so the three kinds wait for it together. */
const changing = new WeakMap<Crossing, Readonly<Record<Kind, Promise<string>>>>();

function changed(kind: Kind, crossing: Crossing): Promise<string> {
  let all = changing.get(crossing);
  if (all === undefined) {
    all = {
      tools: changeList('tools', crossing),
      resources: changeList('resources', crossing),
      prompts: changeList('prompts', crossing),
    };
    // Each is awaited by the row it belongs to.
    for (const one of Object.values(all)) one.catch(() => {});
    changing.set(crossing, all);
  }
  return all[kind];
}

const listChanged = (kind: Kind): Feature =>
  observed(`${kind}: \`list_changed\`, and the list is the new one`, (crossing) => changed(kind, crossing));

export const CHANGE_FEATURES: FeatureGroup = {
  title: 'Changes of lists',
  features: [listChanged('tools'), listChanged('resources'), listChanged('prompts')],
};
