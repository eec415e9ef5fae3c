import type { LogLevel } from './errors.ts';

/** What the rooms log through; `observability/` implements it. Fields never carry secrets or message bodies. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export const SILENT: Logger = { log: () => {} };
