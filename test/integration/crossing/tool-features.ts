import { expect } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import type { LogMessage, ProgressUpdate, Tool } from '../../../src/core/mcp.ts';
import { codeOf, crosses, type FeatureGroup, observed, until } from './feature.ts';
import { endToEnd, firstText, logsOf } from './pairing.ts';

const asOffered = (tool: Tool): Tool => ({ ...tool, name: `up__${tool.name}` });

export const TOOL_FEATURES: FeatureGroup = {
  title: 'Tools',
  features: [
    crosses('list: order, title, description, annotations, icons, `_meta`', async ({ client, direct }) => {
      const own = await direct.client.listTools();
      expect(await client.listTools()).toEqual(own.map(asOffered));
      expect(own[0]).toMatchObject({ title: 'Echo', annotations: { readOnlyHint: true } });
    }),
    crosses('input and output schemas, letter by letter', async ({ client, direct }) => {
      const schemas = (tools: readonly Tool[]) =>
        tools.map(({ inputSchema, outputSchema }) => JSON.stringify([inputSchema, outputSchema]));
      expect(schemas(await client.listTools())).toEqual(schemas(await direct.client.listTools()));
    }),
    crosses('pagination: all pages of both sides are followed', async ({ client, direct }) => {
      expect(await direct.client.request('tools/list', {})).toHaveProperty('nextCursor');
      const names: string[] = [];
      let cursor: unknown;
      do {
        const page = await client.request(
          'tools/list',
          cursor === undefined ? {} : { cursor: String(cursor) },
        );
        names.push(...(page['tools'] as unknown as readonly Tool[]).map(({ name }) => name));
        cursor = page['nextCursor'];
      } while (cursor !== undefined);
      expect(names).toEqual((await direct.client.listTools()).map(({ name }) => `up__${name}`));
      expect(await codeOf(client.request('tools/list', { cursor: 'made up' }))).toBe(-32602);
    }),
    crosses('call: every kind of content, annotations, `_meta` of results', async ({ client, direct }) => {
      const through = endToEnd(await client.callTool('up__content'));
      expect(through).toEqual(endToEnd(await direct.client.callTool('content')));
      expect(through['content']).toHaveLength(5);
      expect(through).toHaveProperty('_meta');
    }),
    crosses('structured content', async ({ client, direct }) => {
      const through = endToEnd(await client.callTool('up__structured'));
      expect(through).toEqual(endToEnd(await direct.client.callTool('structured')));
      expect(through['structuredContent']).toEqual({ a: 1.5, b: null });
    }),
    crosses('tool errors', async ({ client, direct }) => {
      const through = endToEnd(await client.callTool('up__fails'));
      expect(through).toEqual(endToEnd(await direct.client.callTool('fails')));
      expect(through['isError']).toBe(true);
    }),
    crosses('argument failures, with path and hint', async ({ client, direct }) => {
      const through = await client.callTool('up__echo', { value: 5 });
      expect(endToEnd(through)).toEqual(endToEnd(await direct.client.callTool('echo', { value: 5 })));
      expect(firstText(through)).toContain('/value');
      expect(through.isError).toBe(true);
    }),
    observed('unknown tool', async ({ client }) => `error ${await codeOf(client.callTool('up__none'))}`),
    crosses('calls at the same time', async ({ client }) => {
      const values = Array.from({ length: 20 }, (_, index) => `value ${index}`);
      const results = await Promise.all(values.map((value) => client.callTool('up__echo', { value })));
      expect(results.map(firstText)).toEqual(values);
    }),
    crosses('arguments mirrored in headers (`x-mcp-header`)', async ({ client }) => {
      expect(firstText(await client.callTool('up__region', { region: 'Zürich' }))).toBe('Zürich');
    }),
  ],
};

export const CALL_FEATURES: FeatureGroup = {
  title: 'While a request runs',
  features: [
    crosses('progress: values, totals, messages, in order', async ({ client }) => {
      const heard: ProgressUpdate[] = [];
      await client.callTool('up__progress', {}, { onProgress: (update) => heard.push(update) });
      expect(heard).toEqual([1, 2, 3].map((step) => ({ progress: step, total: 3, message: `s${step}` })));
    }),
    crosses('cancellation ends the handler', async ({ client, label }) => {
      const abort = new AbortController();
      let started = false;
      const options = {
        signal: abort.signal,
        onProgress: () => {
          started = true;
        },
      };
      const call = client.callTool('up__wait', { label }, options);
      call.catch(() => {});
      await until(() => started);
      abort.abort();
      await expect(call).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
      await until(async () =>
        firstText(await client.callTool('up__aborted'))
          .split(',')
          .includes(label),
      );
    }),
    observed('log messages of a request, from the level the client wants', async (crossing) => {
      const { client, talker, down } = crossing;
      const logs: LogMessage[] = [];
      const before = logsOf(talker).length;
      if (down === 'legacy') await client.setLogLevel('info');
      await client.callTool('up__logs', {}, { logLevel: 'info', onLog: (message) => logs.push(message) });
      const all = () => [...logs, ...logsOf(talker).slice(before)];
      await until(() => all().length >= 2);
      expect(all()).toMatchObject([
        { level: 'info', data: { loud: false }, logger: 'my-logger' },
        { level: 'error', data: 'loud' },
      ]);
      return down === 'legacy' ? 'by `logging/setLevel`' : 'by `logLevel` in `_meta`';
    }),
    observed('log messages outside of requests', async ({ client, talker, down, up, label }) => {
      if (down === 'legacy') await client.setLogLevel('alert');
      const heard = () => logsOf(talker).some(({ data }) => data === label);
      await client.callTool('up__log-later', { label });
      if (down === 'legacy' && up === 'legacy') {
        await until(heard);
        return 'yes';
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
      expect(heard()).toBe(false);
      return `no: a modern ${up === 'modern' ? 'server' : 'client'} has none`;
    }),
    crosses('trace context and other `_meta` of the request', async ({ client }) => {
      const meta = {
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'a=b',
        baggage: 'c=d',
        'com.example/x': { y: 1 },
      };
      const seen = JSON.parse(firstText(await client.callTool('up__meta', {}, { meta }))) as JsonObject;
      expect(seen).toMatchObject(meta);
    }),
    observed('client identity the upstream sees', async ({ client, up }) => {
      const who = JSON.parse(firstText(await client.callTool('up__who'))) as JsonObject;
      expect(who['era']).toBe(up);
      expect(who['client']).toBe('ferromcp-gateway');
      return "the gateway's";
    }),
    observed('client capabilities the upstream sees', async ({ plain, client }) => {
      const seen = async (through: typeof client) => {
        const who = JSON.parse(firstText(await through.callTool('up__who'))) as JsonObject;
        return Object.keys(who['capabilities'] as JsonObject).sort();
      };
      const all = ['elicitation', 'roots', 'sampling'];
      expect(await seen(client)).toEqual(all);
      const without = await seen(await plain());
      if (without.length === 0) return "the client's";
      expect(without).toEqual(all);
      return 'all; each question is checked';
    }),
  ],
};
