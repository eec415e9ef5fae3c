import { constants } from 'node:os';

export interface ShutdownWatch {
  /** Settles at the first SIGINT or SIGTERM, or when the parent that watches us is gone. */
  readonly requested: Promise<void>;
  /** Gives the signals back to Node. */
  dispose(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Turns signals into an orderly end: the first asks for it, the second ends the process at once with 128 plus its
 * number.
 */
export function watchShutdown(): ShutdownWatch {
  let ask: () => void = () => {};
  const requested = new Promise<void>((resolve) => {
    ask = resolve;
  });
  let asked = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(128 + (constants.signals[signal] ?? 0));
    asked = true;
    ask();
  };
  const onDisconnect = (): void => {
    asked = true;
    ask();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.once('disconnect', onDisconnect);
  return {
    requested,
    dispose() {
      for (const signal of SIGNALS) process.removeListener(signal, onSignal);
      process.removeListener('disconnect', onDisconnect);
    },
  };
}
