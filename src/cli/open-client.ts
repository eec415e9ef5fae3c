import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ClientOptions, McpClient, RequestOptions, ServerDescription } from '../client/contract.ts';
import { FerroError, isFerroError } from '../core/errors.ts';
import type { JsonRpcNotification } from '../core/jsonrpc.ts';
import type { LoggingLevel, LogMessage, Root } from '../core/mcp.ts';
import { LOGGING_LEVELS } from '../core/mcp.ts';
import { packageVersion } from '../native/package-version.ts';
import { parseJsonObject } from './arguments.ts';
import type { ClientFlags } from './definitions/client-commands.ts';
import type { CliContext } from './definitions/context.ts';
import { createAnswerer } from './elicitation.ts';
import { coded, Interrupted } from './failures.ts';
import { createTail } from './output-tail.ts';
import type { Activity } from './progress.ts';
import { createActivity } from './progress.ts';
import type { ClientTarget } from './wiring.ts';
import { connectClient, createCommandLogger } from './wiring.ts';

/** What a command works with once the server is connected. */
export interface OpenClient {
  readonly client: McpClient;
  readonly server: ServerDescription;
  /** Options every request of the command gets: deadline, cancellation, progress, log. */
  readonly request: RequestOptions;
  readonly activity: Activity;
}

function readTarget(context: CliContext, url: string | undefined, flags: ClientFlags): ClientTarget {
  const [command, ...args] = context.serverCommand;
  if (command !== undefined) {
    if (url !== undefined)
      throw new FerroError('USAGE', { detail: 'give a URL or a command after --, not both' });
    if (flags.header !== undefined) throw new FerroError('USAGE', { detail: '--header needs a URL' });
    return {
      command,
      args,
      ...(flags.env === undefined ? {} : { env: Object.fromEntries(flags.env) }),
      ...(flags.cwd === undefined ? {} : { cwd: resolve(flags.cwd) }),
    };
  }
  if (url === undefined) {
    throw new FerroError('USAGE', {
      detail: 'which server? Give its URL, or -- and a command that starts it',
    });
  }
  if (flags.env !== undefined || flags.cwd !== undefined) {
    throw new FerroError('USAGE', { detail: '--env and --cwd need a command after --' });
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new FerroError('USAGE', {
      detail: `${url} is not an http or https URL; to start a command, put it after --`,
    });
  }
  return { url, ...(flags.header === undefined ? {} : { headers: Object.fromEntries(flags.header) }) };
}

function readRoots(dirs: readonly string[]): readonly Root[] {
  return dirs.map((dir) => {
    const path = resolve(dir);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true)
      throw new FerroError('USAGE', { detail: `--root ${dir} is not a directory` });
    return { uri: pathToFileURL(path).href, name: basename(path) || path };
  });
}

function logMessageOf(notification: JsonRpcNotification): LogMessage | undefined {
  if (notification.method !== 'notifications/message') return undefined;
  const { level, logger, data } = notification.params ?? {};
  const known: LoggingLevel = LOGGING_LEVELS.find((name) => name === level) ?? 'info';
  return { level: known, data: data ?? null, ...(typeof logger === 'string' ? { logger } : {}) };
}

async function clientOptions(
  flags: ClientFlags,
  context: CliContext,
  activity: Activity,
): Promise<ClientOptions> {
  const logger = await createCommandLogger(flags.logLevel, context.terminal);
  const roots = readRoots(flags.root ?? []);
  const answers = (flags.answer ?? []).map((answer) => parseJsonObject(answer, '--answer'));
  const say = (text: string): void => activity.say(text);
  return {
    info: { name: 'ferromcp-cli', title: 'ferromcp command line', version: packageVersion() },
    // No sampling: there is no language model here.
    capabilities: {
      elicitation: { form: {}, url: {} },
      ...(roots.length > 0 ? { roots: {} } : {}),
    },
    era: flags.era,
    timeoutMs: flags.timeout,
    maxTimeoutMs: Math.max(flags.timeout, 10 * 60_000),
    connectTimeoutMs: Math.max(flags.timeout, 1_000),
    logger,
    onElicit: createAnswerer({
      answers,
      decline: flags.decline ?? false,
      say,
      ...(context.terminal.interactive ? { dialogue: { input: process.stdin, output: process.stderr } } : {}),
    }),
    onSample: () => {
      say('The server asked for a language model (sampling). The command line has none; refused.');
      return Promise.reject(
        new FerroError('CLIENT_INPUT_FAILED', { detail: 'this client has no language model' }),
      );
    },
    ...(roots.length > 0 ? { onRoots: () => Promise.resolve(roots) } : {}),
    onNotification: (notification) => {
      const message = logMessageOf(notification);
      if (message !== undefined) activity.log(message);
    },
  };
}

/** A failure to connect, with what could not be connected to. */
function about(target: ClientTarget, error: unknown): Error {
  const failure = coded('UPSTREAM_UNAVAILABLE', error);
  if (!isFerroError(failure)) return failure;
  const name = 'url' in target ? target.url : target.command;
  const detail = failure.detail === undefined ? name : `${failure.detail} (${name})`;
  return new FerroError(failure.code, { detail, data: failure.data, cause: failure });
}

/**
 * Connects, runs the command and closes again. SIGINT and SIGTERM cancel the running request and end the command; the
 * second one ends the process at once.
 */
export async function withClient(
  context: CliContext,
  url: string | undefined,
  flags: ClientFlags,
  use: (open: OpenClient) => Promise<number>,
): Promise<number> {
  const { terminal } = context;
  const target = readTarget(context, url, flags);
  const activity = createActivity(terminal, flags.quiet === true, (text) => void process.stderr.write(text));
  const options = await clientOptions(flags, context, activity);
  const complaints = createTail();
  const abort = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    const reason = new Interrupted(signal === 'SIGTERM' ? 'SIGTERM' : 'SIGINT');
    if (abort.signal.aborted) process.exit(reason.exitCode);
    abort.abort(reason);
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  let client: McpClient | undefined;
  try {
    activity.step('connecting');
    const interrupted = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => reject(abort.signal.reason as Error), { once: true });
    });
    interrupted.catch(() => {});
    const connecting = connectClient(target, options, (chunk) => complaints.push(chunk));
    // Interrupted while connecting: what comes up late is closed again.
    connecting
      .then((late) => (abort.signal.aborted && client === undefined ? late.close() : undefined))
      .catch(() => {});
    client = await Promise.race([connecting, interrupted]);
    const server = client.server;
    if (server === undefined)
      throw new FerroError('INTERNAL', { detail: 'connected without a server description' });
    if (flags.serverLog !== undefined && server.capabilities.logging !== undefined) {
      await client.setLogLevel(flags.serverLog);
    }
    const request: RequestOptions = {
      signal: abort.signal,
      onProgress: (update) => activity.progress(update),
      onLog: (message) => activity.log(message),
    };
    activity.step('waiting for the server');
    return await Promise.race([use({ client, server, request, activity }), interrupted]);
  } catch (error) {
    if (abort.signal.aborted) throw abort.signal.reason;
    for (const line of complaints.lines()) activity.say(`  server: ${line}`);
    throw client === undefined ? about(target, error) : coded('INTERNAL', error);
  } finally {
    activity.end();
    await client?.close().catch(() => {});
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
  }
}
