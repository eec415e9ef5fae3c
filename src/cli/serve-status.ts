import { safeLine } from '../observability/safe-text.ts';
import type { Terminal } from './terminal.ts';
import { jsonLine } from './terminal.ts';

/** What a long-running command says of itself: lines for people, or one JSON object a line. */
export interface StatusReporter {
  status(event: string, text: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** @param toStderr true when stdout carries the protocol */
export function statusReporter(terminal: Terminal, json: boolean, toStderr: boolean): StatusReporter {
  const write = (line: string): void => (toStderr ? terminal.err(line) : terminal.out(line));
  return {
    status: (event, text, fields = {}) =>
      write(json ? jsonLine({ event, ...fields }) : `ferromcp: ${safeLine(text)}`),
  };
}

/** Says to the process that watches us (`--watch`) where we listen. */
export function tellWatcher(message: { readonly port: number }): void {
  if (process.connected === true) process.send?.({ ferromcp: 'ready', ...message });
}
