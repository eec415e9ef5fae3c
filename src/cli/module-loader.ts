import { statSync } from 'node:fs';
import module from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FerroError } from '../core/errors.ts';

/** Loading of the modules `ferromcp serve` runs. */

const EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'] as const;
const TYPESCRIPT: ReadonlySet<string> = new Set(['.ts', '.mts', '.cts']);

/** The name modules import this package by. */
const PACKAGE = 'ferromcp';

/** Entry of the package this command line belongs to, in `src/` and in `dist/`. */
function packageEntry(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? '../index.ts' : '../index.js', import.meta.url);
}

/** The absolute path of a server module; throws `MODULE_NOT_FOUND`. */
export function resolveModule(file: string): string {
  const path = resolve(file);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new FerroError('MODULE_NOT_FOUND', { detail: path });
  if (!stats.isFile()) throw new FerroError('MODULE_NOT_FOUND', { detail: `${path} is not a file` });
  if (!(EXTENSIONS as readonly string[]).includes(extname(path))) {
    throw new FerroError('MODULE_NOT_FOUND', {
      detail: `${path} is neither TypeScript nor JavaScript (${EXTENSIONS.join(', ')})`,
    });
  }
  return path;
}

/** True when this Node runs TypeScript itself, by taking the types out. */
export function runsTypeScript(): boolean {
  return Boolean(Reflect.get(process.features, 'typescript'));
}

let hooked = false;

/**
 * Makes `import 'ferromcp'` work wherever the module lies: it always gets the package this command line belongs to, so
 * that a process never holds two copies.
 */
function hookResolution(): void {
  if (hooked) return;
  hooked = true;
  const entry = packageEntry().href;
  const registerHooks: unknown = Reflect.get(module, 'registerHooks');
  if (typeof registerHooks === 'function') {
    registerHooks({
      resolve: (specifier: string, context: unknown, next: (name: string, context: unknown) => unknown) =>
        specifier === PACKAGE ? { url: entry, shortCircuit: true } : next(specifier, context),
    });
    return;
  }
  const source = `export async function resolve(specifier, context, next) {
  return specifier === ${JSON.stringify(PACKAGE)} ? { url: ${JSON.stringify(entry)}, shortCircuit: true } : next(specifier, context);
}`;
  module.register(`data:text/javascript,${encodeURIComponent(source)}`);
}

type Namespace = Readonly<Record<string, unknown>>;

async function importNatively(path: string): Promise<Namespace> {
  hookResolution();
  return (await import(pathToFileURL(path).href)) as Namespace;
}

async function importThroughJiti(path: string): Promise<Namespace> {
  const { createJiti } = await import('jiti');
  // The copy that is already loaded, or is about to be, natively.
  const own: unknown = await import(packageEntry().href);
  // So that errors point at the lines as they were written.
  process.setSourceMapsEnabled(true);
  const jiti = createJiti(import.meta.url, {
    virtualModules: { [PACKAGE]: own },
    interopDefault: false,
    sourceMaps: true,
  });
  return await jiti.import<Namespace>(path);
}

/** Errors by which Node says that it cannot run this TypeScript as it stands, before anything of it has run. */
const NEEDS_TRANSFORM: ReadonlySet<string> = new Set([
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNKNOWN_FILE_EXTENSION',
  // Imports without an extension, or with the extension of the compiled file.
  'ERR_MODULE_NOT_FOUND',
]);

/**
 * Imports a module: JavaScript by Node, TypeScript by Node's type stripping where it exists and suffices, by jiti
 * otherwise. Throws what the module throws.
 */
export async function importModule(path: string): Promise<Namespace> {
  if (!TYPESCRIPT.has(extname(path))) return importNatively(path);
  if (!runsTypeScript()) return importThroughJiti(path);
  try {
    return await importNatively(path);
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (typeof code !== 'string' || !NEEDS_TRANSFORM.has(code)) throw error;
    return importThroughJiti(path);
  }
}

/** Where in the module an error came up, for the message: `server.ts:12:3`. */
export function locationOf(error: unknown, path: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const name of [pathToFileURL(path).href, path]) {
    const at = stack.indexOf(`${name}:`);
    const match =
      at < 0 ? null : /^:(\d+)(?::(\d+))?/.exec(stack.slice(at + name.length, at + name.length + 24));
    if (match !== null) return `${path}:${match[1]}${match[2] === undefined ? '' : `:${match[2]}`}`;
  }
  return undefined;
}
