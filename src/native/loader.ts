/**
 * Finds the Rust addon, or says why the TypeScript implementation is used instead.
 *
 * Order: the file named by `FERROMCP_NATIVE_PATH` (then nothing else is tried), a local build in `native/`, the
 * platform package `@ferromcp/native-<platform>`, the fallback. `FERROMCP_NATIVE=0` goes straight to the fallback.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, FerroError } from '../core/errors.ts';
import { fallback } from './fallback.ts';
import { FRONT_EXPORTS, type NativeFrontPort } from './front-port.ts';
import { packageVersion } from './package-version.ts';
import { type NativePort, STATUS_CODES } from './port.ts';
import { SONA_EXPORTS } from './sona-port.ts';

/** One place the loader looked at, and why it did not do. */
export interface NativeAttempt {
  /** File or package name. */
  readonly path: string;
  readonly reason: string;
  /** `NATIVE_MISMATCH` when the addon is there but of another version. */
  readonly code?: ErrorCode;
}

/** For `ferromcp doctor` and the one log line at start. */
export interface NativeStatus {
  readonly loaded: boolean;
  /** Where the addon in use comes from. */
  readonly path?: string;
  /** Why there is none. */
  readonly reason?: string;
  readonly code?: ErrorCode;
  /** Every place that was there but could not be used, in the order tried. */
  readonly attempts: readonly NativeAttempt[];
}

export interface NativeLoad {
  /** The addon, or the fallback. */
  readonly port: NativePort;
  /** The HTTP front of the addon. */
  readonly front?: NativeFrontPort;
  readonly status: NativeStatus;
}

export interface LoadOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder of the package, where `native/` is. */
  readonly root?: string;
  readonly platform?: string;
  readonly arch?: string;
}

/** Two folders up both from `src/native` and from `dist/native`. */
const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(import.meta.url);

/**
 * Names of the builds that may run here, best first. On Linux both C libraries are named: only the right one loads,
 * and npm installs no other.
 */
export function platformNames(platform: string = process.platform, arch: string = process.arch): string[] {
  if (platform === 'linux') return [`linux-${arch}-gnu`, `linux-${arch}-musl`];
  if (platform === 'win32') return [`win32-${arch}-msvc`];
  return [`${platform}-${arch}`];
}

/** Looks for the addon anew; {@link native} keeps the result for the process. */
export function loadNative(options: LoadOptions = {}): NativeLoad {
  const env = options.env ?? process.env;
  if (env['FERROMCP_NATIVE'] === '0') return useFallback('FERROMCP_NATIVE=0', []);
  const explicit = env['FERROMCP_NATIVE_PATH'];
  const names = platformNames(options.platform, options.arch);
  const attempts: NativeAttempt[] = [];
  for (const path of explicit ? [explicit] : candidates(names, options.root ?? PACKAGE_ROOT)) {
    try {
      const addon = load(path);
      return { port: addon, front: addon, status: { loaded: true, path, attempts } };
    } catch (error) {
      attempts.push(attempt(path, error));
    }
  }
  return useFallback(`no addon for ${names[0]}`, attempts);
}

function* candidates(names: readonly string[], root: string): Generator<string> {
  for (const name of names) {
    const file = join(root, 'native', `ferromcp.${name}.node`);
    if (existsSync(file)) yield file;
  }
  for (const name of names) {
    const module = `@ferromcp/native-${name}`;
    if (isInstalled(module)) yield module;
  }
}

function isInstalled(module: string): boolean {
  try {
    require.resolve(module);
    return true;
  } catch {
    return false;
  }
}

function useFallback(reason: string, attempts: readonly NativeAttempt[]): NativeLoad {
  const last = attempts.at(-1);
  const status: NativeStatus = {
    loaded: false,
    reason: last === undefined ? reason : `${last.path}: ${last.reason}`,
    attempts,
    ...(last?.code === undefined ? {} : { code: last.code }),
  };
  return { port: fallback, status };
}

function attempt(path: string, error: unknown): NativeAttempt {
  // Only the first line: the rest of a require error is the stack of files that asked for it.
  const reason = String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? '';
  return error instanceof FerroError ? { path, reason, code: error.code } : { path, reason };
}

function load(path: string): NativePort & NativeFrontPort {
  const module: unknown = require(path);
  if (!isPort(module))
    throw new FerroError('NATIVE_MISMATCH', { detail: 'it does not export what is expected' });
  const version = module.version();
  if (version !== packageVersion()) {
    throw new FerroError('NATIVE_MISMATCH', { detail: `${version} instead of ${packageVersion()}` });
  }
  if (module.statusCodes() !== STATUS_CODES.join(',')) {
    throw new FerroError('NATIVE_MISMATCH', { detail: 'its statuses differ; build it anew' });
  }
  return module;
}

function isPort(module: unknown): module is NativePort & NativeFrontPort {
  if (typeof module !== 'object' || module === null) return false;
  return ['version', 'statusCodes', 'scanEnvelope', ...FRONT_EXPORTS, ...SONA_EXPORTS].every(
    (name) => typeof Reflect.get(module, name) === 'function',
  );
}

let loaded: NativeLoad | undefined;

/** The addon or the fallback of this process; looks for it once. */
export function native(): NativeLoad {
  loaded ??= loadNative();
  return loaded;
}
