import { pino } from 'pino';
import type { LogLevel } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { formatPretty } from './pretty.ts';
import { loggableText, redactFields } from './redaction.ts';

/** `silent` turns logging off. */
export type LogThreshold = LogLevel | 'silent';
export const LOG_THRESHOLDS: readonly LogThreshold[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** `json`: one object a line, for machines. `pretty`: one line a message, for people. */
export type LogFormat = 'json' | 'pretty';

/** Where finished lines go; stderr by default, never stdout, which belongs to the protocol on stdio. */
export interface LogDestination {
  write(line: string): unknown;
}

export interface LoggerOptions {
  /** Lines below it are dropped; default `info`. */
  readonly level?: LogThreshold;
  /** Default `json`. */
  readonly format?: LogFormat;
  readonly destination?: LogDestination;
  /** Colours in `pretty`; default off. */
  readonly color?: boolean;
}

/** Field names the line itself uses; a caller's field of that name gets an underscore. */
const RESERVED: ReadonlySet<string> = new Set(['level', 'time', 'msg']);

function renameReserved(fields: Record<string, unknown>): Record<string, unknown> {
  for (const name of RESERVED) {
    if (!Object.hasOwn(fields, name)) continue;
    fields[`_${name}`] = fields[name];
    delete fields[name];
  }
  return fields;
}

/**
 * The logger of the process. Whatever is passed in, a line never holds a secret known by its key or its shape, is
 * bounded, and stays one line without control characters.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const level = options.level ?? 'info';
  const target = options.destination ?? { write: (line: string) => process.stderr.write(line) };
  const color = options.color ?? false;
  const destination =
    options.format === 'pretty'
      ? { write: (line: string) => void target.write(formatPretty(line, color)) }
      : { write: (line: string) => void target.write(line) };
  const sink = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return {
    log(lineLevel, message, fields) {
      if (!sink.isLevelEnabled(lineLevel)) return;
      sink[lineLevel](
        fields === undefined ? {} : renameReserved(redactFields(fields)),
        loggableText(message),
      );
    },
  };
}
