import { CommanderError } from 'commander';
import type { ErrorCode } from '../core/errors.ts';
import { FerroError, isFerroError, RpcError } from '../core/errors.ts';
import { boundText, safeText } from '../observability/safe-text.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { jsonText } from './terminal.ts';

/** Errors the caller of the command line repairs there: options, files, configuration. */
const USAGE_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'USAGE',
  'CONFIG_INVALID',
  'CONFIG_UNKNOWN_KEY',
  'CONFIG_NOT_FOUND',
  'CONFIG_VARIABLE',
  'LISTEN_INSECURE',
  'MODULE_NOT_FOUND',
  'MODULE_EXPORT',
]);

const DEFECT_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['INTERNAL', 'NATIVE_PANIC']);

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof Interrupted) return error.exitCode;
  if (isFerroError(error)) {
    if (USAGE_CODES.has(error.code)) return EXIT.usage;
    if (error.code === 'MODULE_FAILED') return EXIT.failed;
    return DEFECT_CODES.has(error.code) ? EXIT.internal : EXIT.connection;
  }
  return error instanceof RpcError ? EXIT.connection : EXIT.internal;
}

/** The user or the system ended the command before its work was done. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`Interrupted by ${signal}`);
    this.name = 'Interrupted';
    this.exitCode = signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
  }
}

const MAX_MESSAGE = 4_000;

interface FailureReport {
  /** Row of the error table, a JSON-RPC code, or `INTERRUPTED`. */
  readonly code: string | number;
  readonly message: string;
  readonly data?: unknown;
}

function reportOf(error: unknown): FailureReport {
  if (error instanceof Interrupted) return { code: 'INTERRUPTED', message: error.message };
  if (isFerroError(error)) {
    return {
      code: error.code,
      message: error.message,
      ...(error.data === undefined ? {} : { data: error.data }),
    };
  }
  if (error instanceof RpcError) {
    return {
      code: error.rpcCode,
      message: error.message,
      ...(error.data === undefined ? {} : { data: error.data }),
    };
  }
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}

/** What to do about an error, where the error itself does not say. */
function hintOf(error: unknown): string | undefined {
  if (error instanceof RpcError && error.rpcCode === -32021) {
    return 'The server needs something this command line cannot offer; it has no language model, so sampling is refused.';
  }
  if (isFerroError(error) && error.code === 'LISTEN_INSECURE') {
    return 'Listen on 127.0.0.1, or put an authenticating proxy in front and say --insecure-public.';
  }
  return undefined;
}

/**
 * Tells the user what went wrong: one line on stderr, or a JSON document on stdout. The stack is shown only on request.
 */
export function reportFailure(
  terminal: Terminal,
  error: unknown,
  options: { readonly json: boolean; readonly debug: boolean },
): void {
  const report = reportOf(error);
  if (options.json) terminal.out(jsonText({ error: report }));
  else {
    terminal.err(`ferromcp: ${report.code}: ${safeText(boundText(report.message, MAX_MESSAGE))}`);
    const hint = hintOf(error);
    if (hint !== undefined) terminal.err(`  ${hint}`);
  }
  if (!options.debug) return;
  let current: unknown = error;
  for (let depth = 0; depth < 4 && current instanceof Error; depth += 1) {
    terminal.err(safeText(`${depth === 0 ? '' : 'caused by '}${current.stack ?? current.message}`));
    current = current.cause;
  }
}

/** Wraps what is no coded error of ours, for places where a reason is known. */
export function coded(code: ErrorCode, error: unknown, detail?: string): Error {
  if (isFerroError(error) || error instanceof RpcError || error instanceof Interrupted) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new FerroError(code, {
    detail: detail === undefined ? reason : `${detail}: ${reason}`,
    cause: error,
  });
}
