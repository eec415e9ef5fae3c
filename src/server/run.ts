import { FerroError } from '../core/errors.ts';
import type { Server } from './server.ts';

const PORT_FLAG = '--port';
const HOST_FLAG = '--host';
/** How long the process may outlive its server. */
const LINGER_MS = 500;

let hosted = false;

/** Called by a host that decides how servers run (`ferromcp serve`): `run()` of the modules it loads does nothing. */
export function hostServers(): void {
  hosted = true;
}

/** Runs a server as a program; see `Server.run`. */
export async function runServer(server: Server, argv: readonly string[]): Promise<void> {
  if (hosted) return;
  const port = flag(argv, PORT_FLAG) ?? process.env['PORT'];
  const stop = stopSignal();
  process.on('unhandledRejection', reportRejection);
  if (port === undefined) {
    await Promise.race([server.serveStdio(), stop]);
  } else {
    const host = flag(argv, HOST_FLAG);
    const listening = await server.listen({
      port: portNumber(port),
      ...(host === undefined ? {} : { host }),
    });
    process.stderr.write(`${server.info.name} is listening on ${listening.url}\n`);
    await stop;
  }
  await server.close();
  // Timers and connections that handlers leave behind must not keep a program that has ended. Unreferenced: when
  // there are none, the process is gone before.
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

/** A rejection that a handler left behind is its author's mistake, not the end of everybody's server. */
function reportRejection(reason: unknown): void {
  const text = reason instanceof Error ? `${reason.name}: ${reason.message}` : typeof reason;
  process.stderr.write(
    `a promise was rejected and nobody handled it: ${JSON.stringify(text.slice(0, 500))}\n`,
  );
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        resolve();
        // A second signal does not wait for anything.
        process.once(signal, () => process.exit(130));
      });
    }
  });
}

function flag(argv: readonly string[], name: string): string | undefined {
  const index = argv.indexOf(name);
  if (index >= 0) return argv[index + 1] ?? '';
  return argv.find((argument) => argument.startsWith(`${name}=`))?.slice(name.length + 1);
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new FerroError('USAGE', {
      detail: `port must be 0…65535, not ${JSON.stringify(text.slice(0, 20))}`,
    });
  }
  return port;
}
