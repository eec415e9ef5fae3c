/** What can go wrong with an HTTP exchange, as rows of the error table. */
import { type ErrorCode, FerroError } from '../../core/errors.ts';

/** An answer whose status says no; the `cause` of the coded error, so that a caller can look at the status. */
export class HttpStatusError extends Error {
  readonly status: number;
  /** The challenge of a 401 or 403 answer. */
  readonly wwwAuthenticate: string | undefined;

  constructor(status: number, wwwAuthenticate?: string) {
    super(`HTTP ${status}`);
    this.name = 'HttpStatusError';
    this.status = status;
    this.wwwAuthenticate = wwwAuthenticate;
  }
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403) {
    return 'UPSTREAM_UNAUTHORIZED';
  }
  if (status === 429 || status === 503) {
    return 'UPSTREAM_BUSY';
  }
  // Redirects are never followed: they would carry headers and arguments to a place nobody configured.
  return status < 400 ? 'UPSTREAM_PROTOCOL' : 'UPSTREAM_UNAVAILABLE';
}

export function refusal(status: number, wwwAuthenticate?: string | string[]): FerroError {
  const challenge = typeof wwwAuthenticate === 'string' ? wwwAuthenticate : wwwAuthenticate?.join(', ');
  const what = status >= 300 && status < 400 ? `redirect refused (HTTP ${status})` : `HTTP ${status}`;
  return new FerroError(codeOf(status), { detail: what, cause: new HttpStatusError(status, challenge) });
}

/** The HTTP status behind a coded error, when there is one. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof FerroError && error.cause instanceof HttpStatusError
    ? error.cause.status
    : undefined;
}

/** Errors that happen before a byte of the request is on the way. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'ENOENT',
]);
const TLS = /^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|EPROTO)/;

/** A failure of the exchange itself. Only what certainly never reached the server is retryable. */
export function networkFailure(cause: unknown, signal?: AbortSignal): FerroError {
  if (cause instanceof FerroError) {
    return cause;
  }
  if (signal?.aborted === true) {
    return new FerroError('REQUEST_CANCELLED', { cause: signal.reason });
  }
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'network error';
  if (NOT_SENT.has(code) || TLS.test(code)) {
    return new FerroError('UPSTREAM_UNAVAILABLE', { detail: code, cause });
  }
  if (
    code.startsWith('HPE_') ||
    code === 'UND_ERR_HEADERS_OVERFLOW' ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
  ) {
    return new FerroError('UPSTREAM_PROTOCOL', { detail: code, cause });
  }
  return new FerroError('UPSTREAM_CRASHED', { detail: code, cause });
}
