/**
 * Text of unknown origin made harmless for terminals and logs. Names, descriptions and messages of servers may carry
 * escape sequences that repaint the screen, line breaks that forge log lines, or characters that are invisible or turn
 * the reading direction around.
 */

/**
 * What a terminal or a reader would not see as plain text: controls, format characters (bidirectional, zero-width,
 * tags), line and paragraph separators, lone surrogates and everything that displays as nothing; but not the emoji
 * presentation selector.
 */
const UNSAFE = /(?!\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

/** One line of plain text: every control, invisible or direction-changing character is shown as its escape. */
export function safeLine(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** Like {@link safeLine}, but keeps line breaks (as `\n`) and tabs (as two spaces). */
export function safeText(text: string): string {
  return text
    .split(/\r\n|\n/)
    .map((line) => safeLine(line.replaceAll('\t', '  ')))
    .join('\n');
}

/** Cuts a text to at most `max` UTF-16 units without splitting a character; what is missing is shown as `…`. */
export function boundText(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = Math.max(0, max - 1);
  const last = text.charCodeAt(end - 1);
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? end - 1 : end)}…`;
}
