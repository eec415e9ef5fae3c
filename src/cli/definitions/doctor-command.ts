import { Command, Option } from 'commander';
import { readDuration, readPort } from '../option-values.ts';
import { logLevelOption } from './client-commands.ts';
import type { CliContext } from './context.ts';
import { withExamples } from './context.ts';

export interface DoctorFlags {
  readonly config?: string;
  readonly port: number;
  readonly host: string;
  readonly stateDir?: string;
  readonly timeout: number;
  readonly probe: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly json?: boolean;
  readonly debug?: boolean;
}

export function defineDoctor(context: CliContext): Command {
  const command = new Command('doctor')
    .description('Check the installation and, with --config, the configuration and every upstream server')
    .option('-c, --config <file>', 'configuration to check; its servers are started once')
    .option('-p, --port <port>', 'port that should be free', readPort, 8700)
    .option('--host <address>', 'address the port belongs to', '127.0.0.1')
    .option('--state-dir <dir>', 'directory that should be writable')
    .addOption(
      new Option('--timeout <duration>', 'how long one upstream may take to start')
        .argParser(readDuration)
        .default(30_000, '30s'),
    )
    .option('--no-probe', 'do not start the upstream servers')
    .addOption(logLevelOption('error'))
    .option('--json', 'print one JSON document on stdout');
  command.action(async (flags: DoctorFlags, self: Command) => {
    const { doctor } = await import('../commands/doctor.ts');
    context.exitCode = await doctor(context, { ...flags, ...self.optsWithGlobals() });
  });
  return withExamples(command, [
    { command: 'ferromcp doctor', meaning: 'is this machine ready?' },
    { command: 'ferromcp doctor --config mcp.json --json', meaning: 'does every upstream start?' },
  ]);
}
