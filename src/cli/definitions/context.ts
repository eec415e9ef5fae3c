import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';

/** What every command gets besides its own arguments and options. */
export interface CliContext {
  readonly terminal: Terminal;
  /** The words after `--`: a command to start as the server. */
  readonly serverCommand: readonly string[];
  /** Set by the command that ran. */
  exitCode: number;
}

export interface Example {
  readonly command: string;
  readonly meaning: string;
}

const EXAMPLES = new WeakMap<Command, readonly Example[]>();

/** Adds examples to the end of a command's help and keeps them for the reference. */
export function withExamples(command: Command, examples: readonly Example[]): Command {
  EXAMPLES.set(command, examples);
  const lines = examples.map((example) => `  # ${example.meaning}\n  $ ${example.command}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

export function examplesOf(command: Command): readonly Example[] {
  return EXAMPLES.get(command) ?? [];
}
