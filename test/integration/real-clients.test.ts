/**
 * Clients that are not ours, and ours, in front of the gateway that `npm start` runs: one process on the example
 * configuration with three official servers behind it. Nothing here is a stand-in.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, ensureBuilt, killLeftovers, ROOT, startCli, temporaryDirectory } from './cli-process.ts';
import { type OpenedClient, REAL_CLIENTS, type Target } from './real-clients.ts';

const CONFIG = join(ROOT, 'examples', 'mcp.json');

const directory = temporaryDirectory();
const gatewayArguments = ['gateway', '--config', CONFIG, '--state-dir', join(directory.path, 'state')];
let http: Target = { kind: 'http', url: '' };
const stdio: Target = {
  kind: 'stdio',
  command: process.execPath,
  args: [CLI, ...gatewayArguments, '--stdio'],
  cwd: ROOT,
};

beforeAll(async () => {
  await ensureBuilt();
  const gateway = startCli([...gatewayArguments, '--port', '0', '--json']);
  const [, url = ''] = await gateway.seen('stdout', /"event":"ready".*"url":"([^"]+)"/);
  http = { kind: 'http', url };
  for (const name of ['everything', 'filesystem', 'memory']) {
    await gateway.seen('stdout', new RegExp(`"event":"upstream-up".*"upstream":"${name}"`));
  }
}, 120_000);

afterAll(() => {
  killLeftovers();
  directory.remove();
});

describe.each(REAL_CLIENTS)('$name', ({ open, era }) => {
  describe.each(['http', 'stdio'] as const)('over %s', (transport) => {
    let client: OpenedClient;

    beforeAll(async () => {
      client = await open(transport === 'http' ? http : stdio);
    }, 60_000);
    afterAll(() => client?.close());

    it('speaks the era it was told to', () => {
      expect(client.era()).toBe(era);
    });

    it('lists the tools of every upstream and calls one of each', async () => {
      const tools = await client.tools();
      expect(tools).toEqual(
        expect.arrayContaining(['everything__echo', 'filesystem__read_text_file', 'memory__create_entities']),
      );
      expect(await client.call('everything__echo', { message: 'grüße' })).toBe('Echo: grüße');
      const path = join(ROOT, 'examples', 'mcp.json');
      expect(await client.call('filesystem__read_text_file', { path })).toContain('mcpServers');
      expect(await client.call('memory__search_nodes', { query: 'nobody-knows-this' })).toContain('entities');
    });

    it('is told of failures as tool errors and as protocol errors', async () => {
      expect(await client.call('everything__get-sum', { a: 'one', b: 2 })).toMatch(/^error: /);
      await expect(client.call('everything__no-such-tool', {})).rejects.toMatchObject({ code: -32602 });
    });

    it('lists resources and templates and reads both kinds', async () => {
      const documents = (await client.resources()).filter((uri) => uri.startsWith('demo://resource/static/'));
      expect(documents.length).toBeGreaterThan(0);
      expect((await client.read(documents[0] ?? '')).length).toBeGreaterThan(10);
      expect(await client.templates()).toContain('demo://resource/dynamic/text/{resourceId}');
      expect(await client.read('demo://resource/dynamic/text/1')).toContain('Resource 1');
    });

    it('lists prompts and gets them, with and without arguments', async () => {
      expect(await client.prompts()).toEqual(
        expect.arrayContaining(['everything__simple-prompt', 'everything__args-prompt']),
      );
      expect(await client.prompt('everything__simple-prompt', {})).toContain('simple prompt');
      expect(await client.prompt('everything__args-prompt', { city: 'Bergen' })).toContain('Bergen');
    });

    it('answers an elicitation in the middle of a call', async () => {
      const before = client.asked.elicitations;
      const answer = await client.call('everything__trigger-elicitation-request', {});
      expect(answer).toContain('- Name: Ada');
      expect(client.asked.elicitations).toBe(before + 1);
    });

    it('answers a sampling request in the middle of a call', async () => {
      const before = client.asked.samples;
      const answer = await client.call('everything__trigger-sampling-request', { prompt: 'hello' });
      expect(answer).toContain('said the model');
      expect(client.asked.samples).toBe(before + 1);
    });

    it('hears the progress of a call', async () => {
      const heard: number[] = [];
      const args = { duration: 0.3, steps: 3 };
      const answer = await client.call('everything__trigger-long-running-operation', args, (progress) =>
        heard.push(progress),
      );
      expect(answer).toContain('completed');
      // The official clients forget a call at its result, so that an update read together with it can be lost.
      expect(heard.slice(0, 2)).toEqual([1, 2]);
      expect(heard.slice(2)).toEqual(heard.length > 2 ? [3] : []);
    });
  });
});
