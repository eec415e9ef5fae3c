import { relative } from 'node:path';
import { safeLine } from '../../observability/safe-text.ts';
import type { CliContext } from '../definitions/context.ts';
import type { ServeFlags } from '../definitions/serve-command.ts';
import { EXIT } from '../exit-codes.ts';
import { createFileWatcher } from '../file-watcher.ts';
import { importGraph } from '../import-graph.ts';
import { resolveModule } from '../module-loader.ts';
import { watchShutdown } from '../shutdown.ts';
import { StdioRelay } from '../stdio-relay.ts';
import type { WatchedProcess } from '../watched-process.ts';
import { startWatched } from '../watched-process.ts';

/**
 * Runs `ferromcp serve` in a process of its own and starts it again when the module or a file it imports changes. On
 * stdio the client's connection stays open over restarts.
 */
export async function watch(context: CliContext, file: string, flags: ServeFlags): Promise<number> {
  const path = resolveModule(file);
  const say = (text: string): void => context.terminal.err(`ferromcp: ${safeLine(text)}`);
  const relay = flags.port === undefined ? new StdioRelay(process.stdout) : undefined;
  const shutdown = watchShutdown();
  let port: number | undefined;
  let current: WatchedProcess | undefined;
  let stopping = false;
  let changes: Promise<void> = Promise.resolve();
  const files = createFileWatcher((changed) => {
    const names = changed.map((name) => relative(process.cwd(), name)).slice(0, 3);
    changes = changes.then(() => restart(`${names.join(', ')} changed`)).catch(() => {});
  });

  function start(): void {
    // Looked at before the run reads them, so that no change falls between.
    files.follow(importGraph(path));
    const run = startWatched({
      argv: process.argv.slice(2),
      piped: relay !== undefined,
      port,
      ready: (listening) => {
        port = listening;
      },
    });
    current = run;
    if (relay !== undefined && run.input !== undefined && run.output !== undefined) {
      relay.attach(run.input, run.output);
    }
    void run.ended.then((how) => {
      if (current !== run) return;
      current = undefined;
      if (stopping) return;
      relay?.detach();
      relay?.idle();
      say(`the server ${how}; waiting for a change`);
    });
  }

  async function restart(reason: string): Promise<void> {
    if (stopping) return;
    say(`${reason}; restarting`);
    const run = current;
    current = undefined;
    relay?.pause();
    await run?.stop();
    if (stopping) return;
    relay?.detach();
    start();
  }

  start();
  const clientGone = relay?.fromClient(process.stdin) ?? new Promise<never>(() => {});
  await Promise.race([shutdown.requested, clientGone]);
  stopping = true;
  files.close();
  const hurry = (): void => current?.kill();
  process.once('exit', hurry);
  await changes;
  await current?.stop();
  process.removeListener('exit', hurry);
  shutdown.dispose();
  return EXIT.ok;
}
