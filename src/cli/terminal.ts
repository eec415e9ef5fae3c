import { safeLine } from '../observability/safe-text.ts';

/** Where the command line writes. `out` is the result, `err` everything said on the way. */
export interface Terminal {
  /** Somebody can be asked: stdin and stderr are terminals. */
  readonly interactive: boolean;
  /** stderr is a terminal, so that a line may be rewritten in place. */
  readonly live: boolean;
  /** Columns of stdout when it is a terminal; `Infinity` otherwise, so that nothing is cut in pipes. */
  readonly columns: number;
  readonly color: boolean;
  out(text: string): void;
  err(text: string): void;
}

export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process;
  return {
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    live: stderr.isTTY === true,
    columns: stdout.isTTY === true ? Math.max(40, stdout.columns || 80) : Number.POSITIVE_INFINITY,
    color: stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    out: (text) => void stdout.write(`${text}\n`),
    err: (text) => void stderr.write(`${text}\n`),
  };
}

export function bold(terminal: Terminal, text: string): string {
  return terminal.color ? `\u001b[1m${text}\u001b[0m` : text;
}

const ZERO_WIDTH = /[\p{Mn}\p{Me}]/u;
const DOUBLE_WIDTH =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;

/** Columns a text takes on a terminal: East Asian wide characters and emoji take two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (ZERO_WIDTH.test(character)) continue;
    width += DOUBLE_WIDTH.test(character) ? 2 : 1;
  }
  return width;
}

/** Cuts a text to a number of columns; what is missing is shown as `…`. */
export function fitWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let out = '';
  let width = 1;
  for (const character of text) {
    width += displayWidth(character);
    if (width > columns) break;
    out += character;
  }
  return `${out}…`;
}

const GAP = 2;
/** No column but the last is wider than this. */
const MAX_COLUMN = 48;

/**
 * Rows as aligned columns, indented by two. Cells are made safe here, so callers pass the text of servers as it came.
 * The last column takes what is left of the terminal.
 */
export function table(rows: readonly (readonly string[])[], columns: number): string {
  const cells = rows.map((row) => row.map((cell) => safeLine(cell).trimEnd()));
  const count = Math.max(0, ...cells.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, index) =>
    Math.min(MAX_COLUMN, Math.max(0, ...cells.map((row) => displayWidth(row[index] ?? '')))),
  );
  const lines = cells.map((row) => {
    let line = '  ';
    row.forEach((cell, index) => {
      if (index === row.length - 1) line += cell;
      else line += cell + ' '.repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(cell)) + GAP);
    });
    return fitWidth(line.trimEnd(), columns);
  });
  return lines.join('\n');
}

/** Characters a terminal would obey or hide, written as `\u` escapes, which leaves a JSON text the same document. */
function escapeJson(text: string): string {
  return text.replace(
    /(?!\n|\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu,
    (character) =>
      Array.from({ length: character.length }, (_, index) => {
        return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
      }).join(''),
  );
}

/** JSON text of a result, indented, safe to show on a terminal. */
export function jsonText(value: unknown): string {
  return escapeJson(JSON.stringify(value, null, 2) ?? 'null');
}

/** The same on one line. */
export function jsonLine(value: unknown): string {
  return escapeJson(JSON.stringify(value) ?? 'null');
}
