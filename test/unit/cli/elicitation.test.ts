import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createAnswerer } from '../../../src/cli/elicitation.ts';
import type { ElicitParams } from '../../../src/core/mcp.ts';

const NEVER = new AbortController().signal;
const FORM: ElicitParams = {
  message: 'Who are\u001b[2J you?',
  requestedSchema: {
    type: 'object',
    properties: {
      name: { type: 'string' },
      age: { type: 'integer', minimum: 1 },
      color: { type: 'string', enum: ['red', 'blue'], default: 'blue' },
      password: { type: 'string' },
    },
    required: ['name'],
  },
};

/** A dialogue that answers each prompt with the next line. */
function dialogue(lines: readonly string[]) {
  const input = new PassThrough();
  const output = new PassThrough();
  const said: string[] = [];
  const waiting = [...lines];
  let shown = '';
  output.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    if (!/> $/.test(shown)) return;
    shown = '';
    const line = waiting.shift();
    if (line === undefined) input.end();
    else input.write(`${line}\n`);
  });
  return { dialogue: { input, output }, say: (text: string) => said.push(text), said };
}

describe('elicitation in a terminal', () => {
  it('asks field by field, with defaults and choices, and asks again after a wrong input', async () => {
    const talk = dialogue(['y', '', 'Ada', 'zero', '0', '41', '', '']);
    const result = await createAnswerer(talk)(FORM, NEVER);
    expect(result).toEqual({ action: 'accept', content: { name: 'Ada', age: 41, color: 'blue' } });
    const text = talk.said.join('\n');
    expect(text).toContain('An answer is required');
    expect(text).toContain('must be a number');
    expect(text).toContain('at least 1');
    expect(text).toContain('1. red');
  });

  it('H08 shows the text of the server escaped, H03 warns of a field that asks for a secret', async () => {
    const talk = dialogue(['', 'Ada', '', '', '']);
    await createAnswerer(talk)(FORM, NEVER);
    expect(talk.said.join('\n')).toContain('Who are\\x1b[2J you?');
    expect(talk.said.join('\n')).toContain('looks like a request for a secret');
  });

  it.each([
    ['d', 'decline'],
    ['n', 'decline'],
    ['c', 'cancel'],
  ])('%s means %s', async (word, action) => {
    expect(await createAnswerer(dialogue([word]))(FORM, NEVER)).toEqual({ action });
  });

  it('cancels at the end of input, after five wrong inputs, and when the request is cancelled', async () => {
    expect(await createAnswerer(dialogue([]))(FORM, NEVER)).toEqual({ action: 'cancel' });
    expect(await createAnswerer(dialogue(['y', '', '', '', '', '']))(FORM, NEVER)).toEqual({
      action: 'cancel',
    });
    const abort = new AbortController();
    const waiting = createAnswerer({
      say: () => {},
      dialogue: { input: new PassThrough(), output: new PassThrough() },
    })(FORM, abort.signal);
    abort.abort();
    expect(await waiting).toEqual({ action: 'cancel' });
  });

  it('asks one question after another', async () => {
    const talk = dialogue(['d', 'c']);
    const answer = createAnswerer(talk);
    const results = await Promise.all([answer(FORM, NEVER), answer(FORM, NEVER)]);
    expect(results).toEqual([{ action: 'decline' }, { action: 'cancel' }]);
  });

  it('shows the URL and its host before it is agreed to', async () => {
    const talk = dialogue(['y']);
    const result = await createAnswerer(talk)(
      { mode: 'url', message: 'Sign in', url: 'https://example.com/a' },
      NEVER,
    );
    expect(result).toEqual({ action: 'accept' });
    expect(talk.said.join('\n')).toContain('Host: example.com');
    const no = await createAnswerer(dialogue(['']))(
      { mode: 'url', message: 'x', url: 'https://example.com/a' },
      NEVER,
    );
    expect(no).toEqual({ action: 'decline' });
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'https://bank.com@evil.com/'])(
    'H01 H02 declines %s without asking, also with a prepared answer',
    async (url) => {
      const talk = dialogue(['y']);
      const params: ElicitParams = { mode: 'url', message: 'x', url };
      expect(await createAnswerer(talk)(params, NEVER)).toEqual({ action: 'decline' });
      expect(await createAnswerer({ ...talk, answers: [{}] })(params, NEVER)).toEqual({ action: 'decline' });
      expect(talk.said.join('\n')).toContain('Refused');
    },
  );
});

describe('elicitation without a terminal', () => {
  it('uses prepared answers in order, the last one again', async () => {
    const answer = createAnswerer({ say: () => {}, answers: [{ name: 'A' }, { name: 'B' }] });
    const names = [];
    for (let count = 0; count < 3; count += 1) names.push((await answer(FORM, NEVER)).content?.['name']);
    expect(names).toEqual(['A', 'B', 'B']);
  });

  it('says what is wrong with a prepared answer', async () => {
    const said: string[] = [];
    const answer = createAnswerer({ say: (text) => said.push(text), answers: [{ age: 3 }] });
    await expect(answer(FORM, NEVER)).rejects.toMatchObject({ code: 'CLIENT_INPUT_FAILED' });
    expect(said.join('\n')).toContain('lacks name');
  });

  it('declines when told to, cancels when nobody can be asked', async () => {
    const said: string[] = [];
    const say = (text: string) => said.push(text);
    expect(await createAnswerer({ say, decline: true })(FORM, NEVER)).toEqual({ action: 'decline' });
    expect(await createAnswerer({ say })(FORM, NEVER)).toEqual({ action: 'cancel' });
    expect(said.join('\n')).toContain('--answer');
  });
});
