import { Command, Option } from 'commander';
import { collectTexts, readPort } from '../option-values.ts';
import { logLevelOption } from './client-commands.ts';
import type { CliContext } from './context.ts';
import { withExamples } from './context.ts';

/** Options of a command that listens. */
export interface ListenFlags {
  readonly port?: number;
  readonly host?: string;
  readonly allowHost?: readonly string[];
  readonly allowOrigin?: readonly string[];
  readonly insecurePublic?: boolean;
  readonly legacySse?: boolean;
  readonly front?: 'native' | 'node';
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly json?: boolean;
  readonly debug?: boolean;
}

export interface GatewayFlags extends ListenFlags {
  readonly config: string;
  readonly transparent?: boolean;
  readonly stdio?: boolean;
  readonly stateDir?: string;
}

export function withListenOptions(command: Command, port: number | undefined): Command {
  const portOption = new Option(
    '-p, --port <port>',
    port === undefined
      ? 'serve Streamable HTTP on this port (0 takes a free one) instead of stdio'
      : 'port to listen on',
  ).argParser(readPort);
  return command
    .addOption(port === undefined ? portOption : portOption.default(port))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option(
      '--allow-host <host>',
      'Host header accepted besides the loopback names (repeatable)',
      collectTexts,
    )
    .option(
      '--allow-origin <origin>',
      'Origin accepted besides the loopback origins (repeatable)',
      collectTexts,
    )
    .option('--insecure-public', 'listen on a public address although nobody is authenticated')
    .option('--legacy-sse', 'also serve the HTTP+SSE transport of revision 2024-11-05 (/sse, /messages)')
    .addOption(
      new Option(
        '--front <front>',
        "who takes connections: native (the addon, default where it is loaded) or node (Node's HTTP server)",
      ).choices(['native', 'node']),
    )
    .option('--tls-cert <file>', 'serve HTTPS with this certificate chain (PEM)')
    .option('--tls-key <file>', 'private key of the certificate (PEM)')
    .option('--tls-client-ca <file>', 'ask clients for a certificate issued by these authorities (PEM)')
    .addOption(logLevelOption('info'))
    .option('--json', 'write the ready line and what follows as one JSON object a line');
}

export function defineGateway(context: CliContext): Command {
  const command = withListenOptions(
    new Command('gateway')
      .description(
        'Serve the servers of a configuration file as one, on one endpoint, in every protocol revision',
      )
      .requiredOption(
        '-c, --config <file>',
        'mcp.json with mcpServers or servers (JSON with comments, or YAML)',
      )
      .option('--transparent', 'with one upstream: leave its names as they are')
      .option('--state-dir <dir>', 'where tool lists are kept between runs'),
    8700,
  ).addOption(
    new Option('--stdio', 'speak MCP on stdin and stdout instead of listening').conflicts([
      'allowHost',
      'allowOrigin',
      'insecurePublic',
      'legacySse',
    ]),
  );
  command.action(async (flags: GatewayFlags, self: Command) => {
    const { gateway } = await import('../commands/gateway.ts');
    context.exitCode = await gateway(context, { ...flags, ...self.optsWithGlobals() });
  });
  return withExamples(command, [
    { command: 'ferromcp gateway --config mcp.json', meaning: 'one endpoint at http://127.0.0.1:8700/mcp' },
    {
      command: 'ferromcp gateway --config ~/.cursor/mcp.json --stdio',
      meaning: 'as the one server of a desktop client',
    },
    {
      command: 'ferromcp gateway -c mcp.json --host 0.0.0.0 --allow-host mcp.example.com --insecure-public',
      meaning: 'behind a proxy that authenticates',
    },
  ]);
}
