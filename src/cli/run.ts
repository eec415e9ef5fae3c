import { CommanderError } from 'commander';
import type { CliContext } from './definitions/context.ts';
import { exitCodeOf, reportFailure } from './failures.ts';
import { buildProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

/** Splits what was typed at the first `--`: our own words, and the command of a server to start. */
export function splitArguments(argv: readonly string[]): {
  readonly own: readonly string[];
  readonly serverCommand: readonly string[];
} {
  const at = argv.indexOf('--');
  return at < 0
    ? { own: argv, serverCommand: [] }
    : { own: argv.slice(0, at), serverCommand: argv.slice(at + 1) };
}

/** Ends the process once everything written has left it. */
function end(code: number): void {
  process.exitCode = code;
  let open = 2;
  const done = (): void => {
    open -= 1;
    if (open === 0) process.exit(code);
  };
  process.stdout.write('', done);
  process.stderr.write('', done);
}

/** Runs one command line and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that went away (`ferromcp list … | head`) is no error of ours.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 4));
  }
  const { own, serverCommand } = splitArguments(argv);
  const context: CliContext = { terminal: processTerminal(), serverCommand, exitCode: 0 };
  try {
    await buildProgram(context).parseAsync([...own], { from: 'user' });
    end(context.exitCode);
  } catch (error) {
    // Commander has already said what is wrong.
    if (!(error instanceof CommanderError)) {
      reportFailure(context.terminal, error, {
        json: own.includes('--json'),
        debug: own.includes('--debug'),
      });
    }
    end(exitCodeOf(error));
  }
}
