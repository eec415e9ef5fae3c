import { Command } from 'commander';
import { packageVersion } from '../native/package-version.ts';
import {
  defineCall,
  defineInspect,
  defineList,
  definePrompt,
  defineRead,
} from './definitions/client-commands.ts';
import { defineCompletion } from './definitions/completion-command.ts';
import type { CliContext } from './definitions/context.ts';
import { withExamples } from './definitions/context.ts';
import { defineDoctor } from './definitions/doctor-command.ts';
import { defineGateway } from './definitions/gateway-command.ts';
import { defineServe } from './definitions/serve-command.ts';

/**
 * The whole command line as commander sees it. Definitions only: what a command does is imported when it runs, so that
 * help, completion and errors come at once.
 */
export function buildProgram(context: CliContext): Command {
  const program = new Command('ferromcp')
    .description('Model Context Protocol: run servers, put a gateway in front of them, talk to them.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .option('--debug', 'print stacks of errors')
    .showHelpAfterError('(ferromcp --help shows commands and options)')
    .exitOverride();
  const commands = [
    defineGateway(context),
    defineServe(context),
    defineInspect(context),
    defineList(context),
    defineCall(context),
    defineRead(context),
    definePrompt(context),
    defineDoctor(context),
    defineCompletion(context, () => program),
  ];
  for (const command of commands) {
    program.addCommand(
      command
        .helpOption('-h, --help', 'print help')
        .showHelpAfterError(`(ferromcp ${command.name()} --help shows its options)`)
        .exitOverride(),
    );
  }
  return withExamples(program, [
    { command: 'ferromcp gateway --config mcp.json', meaning: 'one endpoint in front of your servers' },
    { command: 'ferromcp serve server.ts --port 3000', meaning: 'run a server of your own' },
    { command: 'ferromcp call http://127.0.0.1:8700/mcp echo --arg message=hi', meaning: 'call a tool' },
  ]);
}
