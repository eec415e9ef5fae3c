import { expect } from 'vitest';
import type { McpClient } from '../../../src/client/contract.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import { crosses, type FeatureGroup, observed } from './feature.ts';
import { type Crossing, endToEnd, firstText, ROOTS, SAMPLE, type Talker } from './pairing.ts';

const call = async ({ client }: Crossing, name: string, args = {}): Promise<string> =>
  firstText(await client.callTool(`up__${name}`, args));

/** Makes the same call through the gateway and past it, and compares what the client was asked. */
async function sameQuestions(
  { talker, direct }: Crossing,
  name: string,
  asked: (talker: Talker) => readonly object[],
): Promise<void> {
  const questions = async (who: Talker, tool: string): Promise<JsonValue[]> => {
    const before = asked(who).length;
    await who.client.callTool(tool);
    return asked(who)
      .slice(before)
      .map((question) => endToEnd(question));
  };
  const through = await questions(talker, `up__${name}`);
  expect(through).toEqual(await questions(direct, name));
  expect(through.length).toBeGreaterThan(0);
}

export const INPUT_FEATURES: FeatureGroup = {
  title: 'Questions to the client',
  features: [
    crosses('elicitation: form, message and schema', async (crossing) => {
      await sameQuestions(crossing, 'ask', ({ elicited }) => elicited);
      expect(await call(crossing, 'ask')).toMatch(/^accept (Ada|Alan|Grace)$/);
    }),
    crosses('elicitation: declined and cancelled', async (crossing) => {
      for (const action of ['decline', 'cancel'] as const) {
        crossing.talker.nextAnswer = { action };
        expect(await call(crossing, 'ask')).toBe(`${action} undefined`);
      }
      crossing.talker.nextAnswer = undefined;
    }),
    crosses('elicitation: URL', async (crossing) => {
      expect(await call(crossing, 'ask-url')).toBe('accept');
      expect(crossing.talker.elicited.at(-1)).toMatchObject({
        mode: 'url',
        message: 'Visit',
        url: 'https://example.com/visit?a=1',
      });
    }),
    crosses('sampling: parameters and result', async (crossing) => {
      await sameQuestions(crossing, 'sample', ({ sampled }) => sampled);
      expect(crossing.talker.sampled.at(-1)).toMatchObject({ systemPrompt: 'Be brief.', temperature: 0.5 });
      expect(JSON.parse(await call(crossing, 'sample'))).toEqual(SAMPLE);
    }),
    crosses('roots', async (crossing) => {
      expect(JSON.parse(await call(crossing, 'roots'))).toEqual(ROOTS);
    }),
    crosses('several rounds in one call', async (crossing) => {
      const before = crossing.talker.elicited.length;
      expect(await call(crossing, 'ask-twice')).toMatch(/^\w+\+\w+$/);
      expect(crossing.talker.elicited.length).toBe(before + 2);
    }),
    crosses('several questions at once', async (crossing) => {
      expect(await call(crossing, 'ask-all')).toMatch(/^(Ada|Alan|Grace) model-1 1$/);
    }),
    crosses('`inputRequired(...)` with state', async (crossing) => {
      expect(await call(crossing, 'rounds')).toMatch(/^(Ada|Alan|Grace) after 2 rounds$/);
    }),
    crosses('effects before a question happen once', async (crossing) => {
      expect(await call(crossing, 'effect', { label: crossing.label })).toBe('1');
    }),
    observed('progress before and after a question', async ({ client, direct, down, up }) => {
      const heard = async (from: typeof client, tool: string): Promise<number[]> => {
        const values: number[] = [];
        await from.callTool(tool, {}, { onProgress: ({ progress }) => values.push(progress) });
        return values;
      };
      const through = await heard(client, 'up__progress-and-ask');
      if (down === up) expect(through).toEqual(await heard(direct.client, 'progress-and-ask'));
      if (through.length === 2) {
        expect(through).toEqual([1, 2]);
        return '✓';
      }
      // Each round of a modern call is a request of its own, and the handler runs from its beginning.
      expect(through).toEqual([1, 1, 2]);
      return 'each round anew';
    }),
    crosses('questions of prompts and resources', async ({ client }) => {
      const prompt = await client.getPrompt('up__asks');
      expect(prompt.messages[0]?.content).toMatchObject({ text: expect.stringMatching(/^for \w+$/) });
      const { contents } = await client.readResource('note://asks');
      expect(contents[0]).toMatchObject({ text: expect.stringMatching(/^for \w+$/) });
    }),
    observed('a question the client cannot answer', async ({ plain, directPlain, down, up }) => {
      const outcome = (from: McpClient, tool: string): Promise<string> =>
        from.callTool(tool).then(
          (result) => (result.isError === true ? 'tool error' : 'went through'),
          (error: { readonly rpcCode?: number }) => `error ${error.rpcCode}`,
        );
      const client = await plain();
      const through = await outcome(client, 'up__ask');
      expect(firstText(await client.callTool('up__echo', { value: 'alive' }))).toBe('alive');
      // A legacy upstream hears of the refusal and words its own error; a modern client is still told why.
      if (down === 'legacy' && up === 'legacy') expect(through).toMatch(/error/);
      else expect(through).toBe(await outcome(await directPlain(), 'ask'));
      return down === 'legacy' && up === 'legacy' ? "the upstream's error" : through;
    }),
  ],
};
