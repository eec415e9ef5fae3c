import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { FerroError } from '../core/errors.ts';

/** Readers of option values. Each throws commander's error, which names the option and ends with the usage code. */

export function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('Not a port (0 to 65535; 0 takes a free one).');
  return port;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** Node's timers hold 31 bits. */
const MAX_DURATION_MS = 2_147_483_647;

/** `500`, `500ms`, `30s`, `2m`, `1h`; milliseconds without a unit. */
export function readDuration(text: string): number {
  const match = /^(\d{1,10}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] ?? 'ms'] ?? 1);
  if (!(value > 0 && value <= MAX_DURATION_MS)) {
    throw new InvalidArgumentError('Not a duration above zero, such as 500ms, 30s or 2m.');
  }
  return value;
}

export type Pair = readonly [name: string, value: string];

/** Collects repeated `name=value` (headers may also be written `Name: value`). */
export function collectPairs(
  separators: string,
): (text: string, previous?: readonly Pair[]) => readonly Pair[] {
  return (text, previous = []) => {
    const index = [...text].findIndex((character) => separators.includes(character));
    if (index <= 0) {
      throw new InvalidArgumentError(`Expected name${separators.charAt(0)}value.`);
    }
    return [...previous, [text.slice(0, index).trim(), text.slice(index + 1).trim()]];
  };
}

export function collectHeaders(text: string, previous?: readonly Pair[]): readonly Pair[] {
  const pairs = collectPairs('=:')(text, previous);
  const [name = '', value = ''] = pairs.at(-1) ?? [];
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) throw new InvalidArgumentError('Not a header name.');
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    throw new InvalidArgumentError('A header value cannot hold control or non-Latin-1 characters.');
  }
  return pairs;
}

/** Collects repeated texts. */
export function collectTexts(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

/** Bytes a JSON argument may have, from the command line, a file or stdin. */
export const MAX_ARGUMENT_BYTES = 4 * 1024 * 1024;

/** Text given inline, as `@file`, or as `-` for stdin. */
export function readTextSource(source: string): string {
  if (source !== '-' && !source.startsWith('@')) return source;
  const path = source === '-' ? 0 : source.slice(1);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FerroError('USAGE', {
      detail: `cannot read ${source === '-' ? 'stdin' : source.slice(1)} (${reason})`,
    });
  }
  if (bytes.byteLength > MAX_ARGUMENT_BYTES) {
    throw new FerroError('USAGE', { detail: `the argument is larger than ${MAX_ARGUMENT_BYTES} bytes` });
  }
  return bytes.toString('utf8');
}
