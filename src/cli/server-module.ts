import { FerroError, isFerroError } from '../core/errors.ts';
import { hostServers } from '../server/run.ts';
import { importModule, locationOf, resolveModule } from './module-loader.ts';

/** What the command line needs of a server; checked by shape, so that any copy of the package will do. */
export interface ServableServer {
  listen(options: ListenOptions): Promise<Listening>;
  serveStdio(): Promise<void>;
  /** Settles when everything registered is in place. */
  ready?(): Promise<void>;
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly port: number;
  readonly host: string;
  readonly allowedHosts?: readonly string[];
  readonly allowedOrigins?: readonly string[];
  readonly insecurePublic?: boolean;
  readonly legacySse?: boolean;
  readonly front?: 'native' | 'node';
  readonly tls?: {
    readonly cert: Buffer;
    readonly key: Buffer;
    readonly ca?: Buffer;
    readonly clientCertificates?: 'require';
  };
}

export interface Listening {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

function isServable(value: unknown): value is ServableServer {
  if (typeof value !== 'object' || value === null) return false;
  return ['listen', 'serveStdio', 'close'].every((name) => typeof Reflect.get(value, name) === 'function');
}

function describeValue(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object')
    return typeof value === 'function' ? 'a class or function' : `a ${typeof value}`;
  const name = value.constructor?.name;
  return name === undefined || name === 'Object' ? 'an object' : `an instance of ${name}`;
}

async function failing<T>(path: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    // Further lines are the stack of files that asked for it.
    const reason = message.split('\n', 1)[0] ?? message;
    const place = locationOf(error, path) ?? path;
    // A coded error keeps its own words, which say what to do.
    const detail = isFerroError(error) ? `${place}: ${error.code} ${error.message}` : `${place}: ${reason}`;
    throw new FerroError('MODULE_FAILED', { detail, cause: error });
  }
}

/**
 * Loads the server of a module: its default export, or what the default export returns when it is a function. Throws
 * `MODULE_NOT_FOUND`, `MODULE_FAILED` or `MODULE_EXPORT`.
 */
export async function loadServer(file: string): Promise<ServableServer> {
  const path = resolveModule(file);
  hostServers();
  const namespace = await failing(path, () => importModule(path));
  let exported: unknown = namespace['default'];
  // CommonJS that was compiled from an ES module.
  if (typeof exported === 'object' && exported !== null && !isServable(exported) && 'default' in exported) {
    exported = exported.default;
  }
  if (exported === undefined) {
    const names = Object.keys(namespace)
      .filter((name) => name !== 'default')
      .slice(0, 10);
    const seen = names.length === 0 ? 'it exports nothing' : `it exports ${names.join(', ')}`;
    throw new FerroError('MODULE_EXPORT', { detail: `${path}: write "export default server" (${seen})` });
  }
  const made: unknown =
    typeof exported === 'function'
      ? await failing(path, () => (exported as () => unknown)())
      : await failing(path, () => exported);
  if (!isServable(made)) {
    const what = typeof exported === 'function' ? 'its default export returns' : 'its default export is';
    throw new FerroError('MODULE_EXPORT', {
      detail: `${path}: ${what} ${describeValue(made)}, not a server`,
    });
  }
  return made;
}
