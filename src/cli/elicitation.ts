import { createInterface } from 'node:readline/promises';
import { FerroError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { ElicitFormParams, ElicitParams, ElicitResult, ElicitUrlParams } from '../core/mcp.ts';
import { isSecretKey } from '../observability/redaction.ts';
import { boundText, safeLine, safeText } from '../observability/safe-text.ts';
import type { FieldValue, FormField } from './form.ts';
import { checkField, completeAnswer, parseFieldText, readForm } from './form.ts';
import { judgeUrl } from './safe-url.ts';

export interface ElicitationOptions {
  /** Where questions are read from and written to; undefined when nobody can be asked. */
  readonly dialogue?: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream };
  /** Prepared answers in order; the last one serves all further questions. */
  readonly answers?: readonly JsonObject[];
  readonly decline?: boolean;
  /** Says something to the user (stderr). */
  readonly say: (text: string) => void;
}

type Answerer = (params: ElicitParams, signal: AbortSignal) => Promise<ElicitResult>;

const MAX_TEXT = 4_000;
/** Wrong inputs for one field before the form is given up. */
const MAX_ATTEMPTS = 5;
/** Choices shown of one field. */
const MAX_SHOWN = 50;

const show = (text: string): string => safeText(boundText(text, MAX_TEXT));
const showLine = (text: string): string => safeLine(boundText(text, 200));

/** The dialogue ended: end of input, Ctrl-C, or too many wrong inputs. */
class DialogueEnded extends Error {}

interface Prompter {
  ask(question: string): Promise<string>;
  close(): void;
}

function openPrompter(dialogue: NonNullable<ElicitationOptions['dialogue']>, signal: AbortSignal): Prompter {
  const reader = createInterface({ input: dialogue.input, output: dialogue.output });
  let end: () => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    end = () => reject(new DialogueEnded());
  });
  ended.catch(() => {});
  reader.once('close', end);
  reader.once('SIGINT', end);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  return {
    ask: (question) => Promise.race([reader.question(question, { signal }), ended]),
    close() {
      signal.removeEventListener('abort', end);
      reader.close();
    },
  };
}

function describeField(field: FormField): string {
  const lines = [`${showLine(field.label)}${field.required ? '' : ' (optional)'}`];
  if (field.description !== undefined) lines.push(`  ${show(field.description)}`);
  field.options.slice(0, MAX_SHOWN).forEach((option, index) => {
    const label = option.label === option.value ? option.value : `${option.value} (${option.label})`;
    lines.push(`  ${index + 1}. ${showLine(label)}`);
  });
  if (field.options.length > MAX_SHOWN) lines.push(`  … ${field.options.length - MAX_SHOWN} more`);
  return lines.join('\n');
}

function promptOf(field: FormField): string {
  const kind = {
    text: field.format ?? 'text',
    number: 'number',
    integer: 'whole number',
    boolean: 'yes or no',
    choice: 'number or value',
    choices: 'numbers or values, separated by commas',
  }[field.kind];
  const fallback =
    field.fallback === undefined ? '' : `, default ${showLine(JSON.stringify(field.fallback))}`;
  return `  ${showLine(kind)}${fallback}> `;
}

async function askField(
  field: FormField,
  prompter: Prompter,
  say: ElicitationOptions['say'],
): Promise<FieldValue | undefined> {
  say(describeField(field));
  if (isSecretKey(field.name) || isSecretKey(field.label)) {
    say('  Warning: this looks like a request for a secret. Servers must not ask for secrets in forms.');
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const text = await prompter.ask(promptOf(field));
    if (text.trim() === '') {
      if (field.fallback !== undefined) return field.fallback;
      if (!field.required) return undefined;
      say('  An answer is required.');
      continue;
    }
    const value = parseFieldText(field, text);
    const problem = checkField(field, value);
    if (problem === undefined) return value;
    say(`  The value ${problem}.`);
  }
  throw new DialogueEnded();
}

async function askForm(
  params: ElicitFormParams,
  prompter: Prompter,
  say: (text: string) => void,
): Promise<ElicitResult> {
  const fields = readForm(params.requestedSchema);
  say(`\nThe server asks: ${show(params.message)}`);
  const word = (await prompter.ask('Answer? [Y]es, [d]ecline, [c]ancel> ')).trim().toLowerCase();
  if (word.startsWith('d') || word.startsWith('n')) return { action: 'decline' };
  if (word !== '' && !word.startsWith('y')) return { action: 'cancel' };
  const content = new Map<string, FieldValue>();
  for (const field of fields) {
    const value = await askField(field, prompter, say);
    if (value !== undefined) content.set(field.name, value);
  }
  return { action: 'accept', content: Object.fromEntries(content) };
}

/** Shows a URL with its host; returns false (and says why) for one that must not be opened. */
export function showUrl(params: ElicitUrlParams, say: (text: string) => void): boolean {
  say(`\nThe server asks you to open a page: ${show(params.message)}`);
  const verdict = judgeUrl(params.url);
  if (!verdict.ok) {
    say(`  Refused: ${verdict.reason}. ${showLine(params.url)}`);
    return false;
  }
  say(`  URL:  ${showLine(verdict.href)}`);
  say(`  Host: ${showLine(verdict.host)}`);
  for (const warning of verdict.warnings) say(`  Warning: ${showLine(warning)}`);
  return true;
}

async function askUrl(
  params: ElicitUrlParams,
  prompter: Prompter,
  say: (text: string) => void,
): Promise<ElicitResult> {
  if (!showUrl(params, say)) return { action: 'decline' };
  const word = (await prompter.ask('Agree, and open it in your browser yourself? [y/N]> '))
    .trim()
    .toLowerCase();
  return { action: word.startsWith('y') ? 'accept' : 'decline' };
}

/**
 * Answers the questions of a server (elicitation): by prepared answers, by declining, or by asking the user. Questions
 * that come at the same time are put one after another.
 */
export function createAnswerer(options: ElicitationOptions): Answerer {
  const { say, dialogue } = options;
  let answered = 0;
  let last: Promise<unknown> = Promise.resolve();

  async function prepared(params: ElicitParams, answers: readonly JsonObject[]): Promise<ElicitResult> {
    const answer = answers[Math.min(answered, answers.length - 1)] ?? {};
    answered += 1;
    if (params.mode === 'url') return { action: showUrl(params, say) ? 'accept' : 'decline' };
    try {
      return { action: 'accept', content: completeAnswer(readForm(params.requestedSchema), answer) };
    } catch (error) {
      say(`--answer does not fit the question "${show(params.message)}"`);
      if (error instanceof Error) say(`  ${show(error.message)}`);
      throw error;
    }
  }

  async function ask(params: ElicitParams, signal: AbortSignal): Promise<ElicitResult> {
    if (dialogue === undefined) {
      say(
        `The server asks: ${show(params.message)}\n` +
          "  Nobody can be asked here: give --answer '{…}' or --decline, or run in a terminal.",
      );
      return { action: 'cancel' };
    }
    const prompter = openPrompter(dialogue, signal);
    try {
      return params.mode === 'url'
        ? await askUrl(params, prompter, say)
        : await askForm(params, prompter, say);
    } catch (error) {
      if (error instanceof FerroError) throw error;
      return { action: 'cancel' };
    } finally {
      prompter.close();
    }
  }

  return (params, signal) => {
    if (options.decline === true) {
      say(`The server asks: ${show(params.message)}\n  Declined.`);
      return Promise.resolve({ action: 'decline' });
    }
    const answers = options.answers ?? [];
    if (answers.length > 0) return prepared(params, answers);
    const turn = last.then(() => ask(params, signal));
    last = turn.catch(() => {});
    return turn;
  };
}
