import { basename } from 'node:path';
import { guardStdout } from '../../transports/stdio/stdout-guard.ts';
import type { CliContext } from '../definitions/context.ts';
import type { ServeFlags } from '../definitions/serve-command.ts';
import { EXIT } from '../exit-codes.ts';
import { coded } from '../failures.ts';
import { listenOptions } from '../listen-options.ts';
import { statusReporter, tellWatcher } from '../serve-status.ts';
import type { ListenOptions } from '../server-module.ts';
import { loadServer } from '../server-module.ts';
import { watchShutdown } from '../shutdown.ts';
import { takeWatchOrders } from '../watch-orders.ts';
import { createCommandLogger } from '../wiring.ts';

/** A rejection nobody handles in a module is its author's mistake, not the end of everybody's server. */
async function keepAlive(context: CliContext, flags: ServeFlags): Promise<void> {
  const logger = await createCommandLogger(flags.logLevel, context.terminal);
  process.on('unhandledRejection', (error) => {
    logger.log('error', 'a promise of the server module was rejected and nobody handled it', { error });
  });
}

export async function serve(context: CliContext, file: string, flags: ServeFlags): Promise<number> {
  const orders = takeWatchOrders();
  const { port } = flags;
  const stdio = port === undefined;
  // Before anything of the module runs.
  const guard = stdio ? guardStdout() : undefined;
  const shutdown = watchShutdown();
  await keepAlive(context, flags);
  const server = await loadServer(file);
  try {
    if (port === undefined) {
      await server.ready?.();
      // The server puts up the same guard for as long as it serves.
      guard?.release();
      const served = server.serveStdio();
      await Promise.race([served, shutdown.requested]);
      return EXIT.ok;
    }
    const options: ListenOptions = listenOptions(flags, orders?.port ?? port);
    const listening = await server.listen(options).catch((error: unknown) => {
      throw coded('LISTEN_FAILED', error, `${options.host} port ${options.port}`);
    });
    const status = statusReporter(context.terminal, flags.json === true, false);
    tellWatcher({ port: listening.port });
    status.status('ready', `${basename(file)} at ${listening.url}`, {
      url: listening.url,
      port: listening.port,
      pid: process.pid,
    });
    await shutdown.requested;
    await listening.close();
    return EXIT.ok;
  } finally {
    await server.close();
    shutdown.dispose();
  }
}
