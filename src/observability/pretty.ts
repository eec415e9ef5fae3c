/** The human form of a log line. Input is a line of our own JSON logger, so its text is already harmless. */

const COLORS: Readonly<Record<string, string>> = {
  debug: '\u001b[2m',
  info: '\u001b[36m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
};
const RESET = '\u001b[0m';

function formatField(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? String(value);
}

/** `12:00:00.000 WARN  message key=value`; returns the input when it is not a JSON object. */
export function formatPretty(line: string, color: boolean): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof parsed !== 'object' || parsed === null) return line;
  const { level, time, msg, ...fields } = parsed as Readonly<Record<string, unknown>>;
  const name = String(level);
  const label = name.toUpperCase().padEnd(5);
  const clock = typeof time === 'string' ? time.slice(11, 23) : '';
  const tail = Object.entries(fields).map(([key, value]) => ` ${key}=${formatField(value)}`);
  return `${clock} ${color ? `${COLORS[name] ?? ''}${label}${RESET}` : label} ${String(msg ?? '')}${tail.join('')}\n`;
}
