import type { LogMessage, ProgressUpdate } from '../core/mcp.ts';
import { boundText, safeLine } from '../observability/safe-text.ts';
import type { Terminal } from './terminal.ts';
import { fitWidth } from './terminal.ts';

/** What a command shows on stderr while it works. */
export interface Activity {
  /** What is being done now; shown on terminals only. */
  step(text: string): void;
  /** Progress of the running request, as the server reports it. */
  progress(update: ProgressUpdate): void;
  /** A log message of the server. */
  log(message: LogMessage): void;
  /** A line that stays. */
  say(text: string): void;
  /** Clears what is shown in place. */
  end(): void;
}

/** Time between two lines of progress outside a terminal, and between two updates in place. */
const LINE_INTERVAL_MS = 1_000;
const LIVE_INTERVAL_MS = 100;
/** A step shorter than this is not shown, so that quick commands do not flicker. */
const STEP_DELAY_MS = 300;
const MAX_MESSAGE = 500;
const BAR_WIDTH = 20;

function progressText(update: ProgressUpdate): string {
  const { progress, total, message } = update;
  const parts: string[] = [];
  if (total !== undefined && total > 0) {
    const share = Math.min(1, Math.max(0, progress / total));
    const filled = Math.round(share * BAR_WIDTH);
    parts.push(`[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${Math.floor(share * 100)}%`);
    parts.push(`${progress}/${total}`);
  } else parts.push(`progress ${progress}`);
  if (message !== undefined) parts.push(safeLine(boundText(message, MAX_MESSAGE)));
  return parts.join('  ');
}

/** @param quiet shows nothing but what is said */
export function createActivity(terminal: Terminal, quiet: boolean, write: (text: string) => void): Activity {
  let shown = false;
  let lastAt = Number.NEGATIVE_INFINITY;
  let pending: ProgressUpdate | undefined;
  let timer: NodeJS.Timeout | undefined;

  const clear = (): void => {
    if (timer !== undefined) clearTimeout(timer);
    timer = undefined;
    if (shown) write('\r\u001b[K');
    shown = false;
  };
  const paint = (text: string): void => {
    write(`\r\u001b[K${fitWidth(text, Math.min(terminal.columns, 120) - 1)}`);
    shown = true;
  };
  const flush = (): void => {
    if (pending !== undefined) terminal.err(progressText(pending));
    pending = undefined;
  };
  return {
    step(text) {
      if (quiet || !terminal.live) return;
      clear();
      timer = setTimeout(() => paint(`… ${safeLine(text)}`), STEP_DELAY_MS);
      timer.unref();
    },
    progress(update) {
      if (quiet) return;
      const now = performance.now();
      const interval = terminal.live ? LIVE_INTERVAL_MS : LINE_INTERVAL_MS;
      if (now - lastAt < interval) {
        pending = update;
        return;
      }
      lastAt = now;
      pending = undefined;
      if (!terminal.live) return terminal.err(progressText(update));
      if (timer !== undefined) clearTimeout(timer);
      paint(progressText(update));
    },
    log(message) {
      if (quiet) return;
      clear();
      const text = typeof message.data === 'string' ? message.data : (JSON.stringify(message.data) ?? '');
      const logger = message.logger === undefined ? '' : ` ${safeLine(boundText(message.logger, 100))}:`;
      terminal.err(`[${safeLine(message.level)}]${logger} ${safeLine(boundText(text, MAX_MESSAGE))}`);
    },
    say(text) {
      clear();
      terminal.err(text);
    },
    end() {
      clear();
      if (!terminal.live) flush();
      pending = undefined;
    },
  };
}
