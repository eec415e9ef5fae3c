import { resolve } from 'node:path';
import { readGatewayConfig } from '../../runtime/config/gateway-config.ts';
import type { CliContext } from '../definitions/context.ts';
import type { GatewayFlags } from '../definitions/gateway-command.ts';
import { EXIT } from '../exit-codes.ts';
import { coded } from '../failures.ts';
import { listenOptions } from '../listen-options.ts';
import { statusReporter } from '../serve-status.ts';
import { watchShutdown } from '../shutdown.ts';
import { reportUpstreams } from '../upstream-report.ts';
import { createCommandLogger, openGateway } from '../wiring.ts';

/** Serves the servers of a configuration file as one, until a signal or the end of stdin. */
export async function gateway(context: CliContext, flags: GatewayFlags): Promise<number> {
  const stdio = flags.stdio === true;
  const config = readGatewayConfig(flags.config);
  const reporter = statusReporter(context.terminal, flags.json === true, stdio);
  const logger = await createCommandLogger(flags.logLevel, context.terminal);
  const shutdown = watchShutdown();
  const opened = await openGateway({
    config,
    transparent: flags.transparent ?? false,
    logger,
    ...(flags.stateDir === undefined ? {} : { stateDir: resolve(flags.stateDir) }),
  });
  let stopReporting: () => void = () => {};
  const started = performance.now();
  try {
    if (stdio) {
      stopReporting = reportUpstreams(() => opened.upstreams.states(), reporter);
      await Promise.race([opened.serveStdio(), shutdown.requested]);
      return EXIT.ok;
    }
    const options = listenOptions(flags, flags.port ?? 8700);
    const listening = await opened.listen(options).catch((error: unknown) => {
      throw coded('LISTEN_FAILED', error, `${options.host} port ${options.port}`);
    });
    reporter.status('ready', `gateway at ${listening.url} (${config.servers.length} servers)`, {
      url: listening.url,
      port: listening.port,
      pid: process.pid,
      servers: config.servers.map(({ name }) => name),
      ms: Math.round(performance.now() - started),
    });
    stopReporting = reportUpstreams(() => opened.upstreams.states(), reporter);
    await shutdown.requested;
    logger.log('info', 'shutting down; a second signal ends at once');
    return EXIT.ok;
  } finally {
    stopReporting();
    await opened.close();
    shutdown.dispose();
  }
}
