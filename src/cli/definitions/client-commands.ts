import { Command, InvalidArgumentError, Option } from 'commander';
import type { LoggingLevel } from '../../core/mcp.ts';
import { LOGGING_LEVELS } from '../../core/mcp.ts';
import type { Pair } from '../option-values.ts';
import { collectHeaders, collectPairs, collectTexts, readDuration } from '../option-values.ts';
import type { CliContext } from './context.ts';
import { withExamples } from './context.ts';

/** Options of every command that talks to a server. */
export interface ClientFlags {
  readonly header?: readonly Pair[];
  readonly env?: readonly Pair[];
  readonly cwd?: string;
  readonly era: 'auto' | 'legacy' | 'modern';
  readonly timeout: number;
  readonly root?: readonly string[];
  readonly answer?: readonly string[];
  readonly decline?: boolean;
  readonly serverLog?: LoggingLevel;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly debug?: boolean;
}

export interface ListFlags extends ClientFlags {
  readonly only?: readonly ListKind[];
}

export interface ArgumentFlags extends ClientFlags {
  readonly arg?: readonly string[];
  readonly args?: string;
}

export interface ReadFlags extends ClientFlags {
  readonly raw?: boolean;
}

export const LIST_KINDS = ['tools', 'resources', 'templates', 'prompts'] as const;
export type ListKind = (typeof LIST_KINDS)[number];

function readKinds(text: string): readonly ListKind[] {
  return text.split(',').map((word) => {
    const kind = LIST_KINDS.find((known) => known === word.trim());
    if (kind === undefined) throw new InvalidArgumentError(`Kinds are ${LIST_KINDS.join(', ')}.`);
    return kind;
  });
}

const TARGET = 'URL of the server (http or https); leave it out and put a command after -- to start one';

export function logLevelOption(fallback: string): Option {
  return new Option('--log-level <level>', "what ferromcp's own log shows on stderr")
    .choices(['debug', 'info', 'warn', 'error', 'silent'])
    .default(fallback);
}

function withClientOptions(command: Command): Command {
  return command
    .option('-H, --header <name=value>', 'HTTP header sent with every request (repeatable)', collectHeaders)
    .option(
      '--env <name=value>',
      'environment variable for the command after -- (repeatable)',
      collectPairs('='),
    )
    .option('--cwd <dir>', 'working directory of the command after --')
    .addOption(
      new Option('--era <era>', 'protocol era: legacy is initialize and sessions, modern is 2026-07-28')
        .choices(['auto', 'legacy', 'modern'])
        .default('auto'),
    )
    .addOption(
      new Option('--timeout <duration>', 'deadline of one request, such as 500ms, 30s or 2m')
        .argParser(readDuration)
        .default(60_000, '60s'),
    )
    .option('--root <dir>', 'directory offered to the server as a root (repeatable)', collectTexts)
    .option(
      '--answer <json>',
      'answer to a question of the server (elicitation), as JSON, @file or -; repeat for further questions',
      collectTexts,
    )
    .addOption(new Option('--decline', 'decline every question of the server').conflicts('answer'))
    .addOption(
      new Option(
        '--server-log <level>',
        'ask the server for its log from this level on (shown on stderr)',
      ).choices(LOGGING_LEVELS),
    )
    .addOption(logLevelOption('warn'))
    .option('-q, --quiet', 'no progress and no server log on stderr')
    .option('--json', 'print one JSON document on stdout');
}

function withArgumentOptions(command: Command, what: string): Command {
  return command
    .option('-a, --arg <name=value>', `${what} (repeatable)`, collectTexts)
    .option('--args <json>', 'all arguments as a JSON object, as @file, or - to read stdin');
}

/**
 * With a command after `--` there is no URL, so the first word is already the subject (tool, URI or prompt).
 */
function subjectOf(
  context: CliContext,
  command: Command,
  words: readonly (string | undefined)[],
  subject: string,
): { readonly target: string | undefined; readonly subject: string } {
  const given = words.filter((word): word is string => word !== undefined);
  const [first, second] = given;
  if (context.serverCommand.length > 0) {
    if (given.length !== 1 || first === undefined) {
      return command.error(`error: expected one ${subject} before --`, { exitCode: 2 });
    }
    return { target: undefined, subject: first };
  }
  if (first === undefined || second === undefined) {
    return command.error(`error: expected a URL and a ${subject}, or a ${subject} and a command after --`, {
      exitCode: 2,
    });
  }
  return { target: first, subject: second };
}

export function defineInspect(context: CliContext): Command {
  const command = withClientOptions(
    new Command('inspect')
      .description('Show what a server says of itself, with every tool, resource and prompt in detail')
      .usage('[options] <url>  |  [options] -- <command> [args...]')
      .argument('[url]', TARGET),
  );
  command.action(async (target: string | undefined, flags: ClientFlags, self: Command) => {
    const { inspect } = await import('../commands/inspect.ts');
    context.exitCode = await inspect(context, target, { ...flags, ...self.optsWithGlobals() });
  });
  return withExamples(command, [
    { command: 'ferromcp inspect http://127.0.0.1:8700/mcp', meaning: 'a server over HTTP' },
    { command: 'ferromcp inspect -- node server.js --verbose', meaning: 'a server started for the occasion' },
  ]);
}

export function defineList(context: CliContext): Command {
  const command = withClientOptions(
    new Command('list')
      .description('List the tools, resources, resource templates and prompts of a server')
      .usage('[options] <url>  |  [options] -- <command> [args...]')
      .argument('[url]', TARGET)
      .option('--only <kinds>', `only these kinds, separated by commas: ${LIST_KINDS.join(', ')}`, readKinds),
  );
  command.action(async (target: string | undefined, flags: ListFlags, self: Command) => {
    const { list } = await import('../commands/list.ts');
    context.exitCode = await list(context, target, { ...flags, ...self.optsWithGlobals() });
  });
  return withExamples(command, [
    { command: 'ferromcp list http://127.0.0.1:8700/mcp', meaning: 'everything a server offers' },
    {
      command: 'ferromcp list --only tools --json -- npx -y @modelcontextprotocol/server-everything',
      meaning: 'the tools of a command, as JSON',
    },
  ]);
}

export function defineCall(context: CliContext): Command {
  const command = withArgumentOptions(
    withClientOptions(
      new Command('call')
        .description('Call a tool and print its result')
        .usage('[options] <url> <tool>  |  [options] <tool> -- <command> [args...]')
        .argument('[url]', TARGET)
        .argument('[tool]', 'name of the tool'),
    ),
    "one argument; read by the tool's schema, or as JSON with name:=json",
  );
  command.action(
    async (first: string | undefined, second: string | undefined, flags: ArgumentFlags, self: Command) => {
      const { target, subject } = subjectOf(context, command, [first, second], 'tool');
      const { call } = await import('../commands/call.ts');
      context.exitCode = await call(context, target, subject, { ...flags, ...self.optsWithGlobals() });
    },
  );
  return withExamples(command, [
    {
      command: 'ferromcp call http://127.0.0.1:8700/mcp get-sum --arg a=2 --arg b=3',
      meaning: 'arguments by name',
    },
    {
      command: `ferromcp call http://127.0.0.1:8700/mcp get-sum --args '{"a":2,"b":3}' --json`,
      meaning: 'arguments as JSON, result as JSON',
    },
    { command: 'ferromcp call echo --args - -- node server.js < args.json', meaning: 'arguments from stdin' },
    {
      command: `ferromcp call ask --answer '{"name":"Ada"}' -- node server.js`,
      meaning: 'answer a question of the server without being asked',
    },
  ]);
}

export function defineRead(context: CliContext): Command {
  const command = withClientOptions(
    new Command('read')
      .description('Read a resource and print its contents')
      .usage('[options] <url> <uri>  |  [options] <uri> -- <command> [args...]')
      .argument('[url]', TARGET)
      .argument('[uri]', 'URI of the resource')
      .addOption(
        new Option(
          '--raw',
          'write the contents unchanged, binary data decoded; for files and pipes',
        ).conflicts('json'),
      ),
  );
  command.action(
    async (first: string | undefined, second: string | undefined, flags: ReadFlags, self: Command) => {
      const { target, subject } = subjectOf(context, command, [first, second], 'URI');
      const { read } = await import('../commands/read.ts');
      context.exitCode = await read(context, target, subject, { ...flags, ...self.optsWithGlobals() });
    },
  );
  return withExamples(command, [
    { command: 'ferromcp read http://127.0.0.1:8700/mcp memo://today', meaning: 'print a resource' },
    {
      command: 'ferromcp read --raw image://logo -- node server.js > logo.png',
      meaning: 'save a binary resource',
    },
  ]);
}

export function definePrompt(context: CliContext): Command {
  const command = withArgumentOptions(
    withClientOptions(
      new Command('prompt')
        .description('Get a prompt and print its messages')
        .usage('[options] <url> <prompt>  |  [options] <prompt> -- <command> [args...]')
        .argument('[url]', TARGET)
        .argument('[prompt]', 'name of the prompt'),
    ),
    'one argument of the prompt',
  );
  command.action(
    async (first: string | undefined, second: string | undefined, flags: ArgumentFlags, self: Command) => {
      const { target, subject } = subjectOf(context, command, [first, second], 'prompt');
      const { prompt } = await import('../commands/prompt.ts');
      context.exitCode = await prompt(context, target, subject, { ...flags, ...self.optsWithGlobals() });
    },
  );
  return withExamples(command, [
    {
      command: 'ferromcp prompt http://127.0.0.1:8700/mcp summarise --arg topic=MCP',
      meaning: 'a prompt with one argument',
    },
  ]);
}
