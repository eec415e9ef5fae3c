import { FerroError, isFerroError, RpcError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';

/** What a failed call means to the caller. Errors the upstream itself answered with stay as they are. */
export function callFailure(error: unknown, upstream: string): Error {
  if (error instanceof RpcError) return fromUpstream(error, upstream);
  if (isFerroError(error)) {
    switch (error.code) {
      case 'CONNECTION_CLOSED':
        return new FerroError('UPSTREAM_CRASHED', { detail: upstream, cause: error });
      case 'LINE_TOO_LONG':
        return new FerroError('UPSTREAM_PROTOCOL', { detail: `${upstream}: ${error.message}`, cause: error });
      case 'UPSTREAM_CRASHED':
      case 'UPSTREAM_TIMEOUT':
        return new FerroError(error.code, { detail: describe(upstream, error), cause: error });
      default:
        return error;
    }
  }
  return new FerroError('UPSTREAM_UNAVAILABLE', { detail: upstream, cause: error });
}

/** Why an upstream could not be started. */
export function startFailure(error: unknown, upstream: string): FerroError {
  if (error instanceof RpcError) {
    return new FerroError('UPSTREAM_PROTOCOL', {
      detail: `${upstream} refused the connection with error ${error.rpcCode}`,
      cause: error,
    });
  }
  if (isFerroError(error)) {
    switch (error.code) {
      case 'CONNECTION_CLOSED':
      case 'UPSTREAM_CRASHED':
        return new FerroError('UPSTREAM_UNAVAILABLE', {
          detail: `${describe(upstream, error)} at start`,
          cause: error,
        });
      case 'LINE_TOO_LONG':
        return new FerroError('UPSTREAM_PROTOCOL', { detail: `${upstream}: ${error.message}`, cause: error });
      case 'UPSTREAM_TIMEOUT':
        return new FerroError('UPSTREAM_TIMEOUT', { detail: `${upstream} at start`, cause: error });
      case 'UPSTREAM_UNAVAILABLE':
        return new FerroError('UPSTREAM_UNAVAILABLE', { detail: describe(upstream, error), cause: error });
      default:
        return error;
    }
  }
  return new FerroError('UPSTREAM_UNAVAILABLE', { detail: upstream, cause: error });
}

/** True when the failure says something about the upstream's health, not about the request. */
export function isOutage(error: unknown): boolean {
  return isFerroError(error) && (error.code === 'UPSTREAM_UNAVAILABLE' || error.code === 'UPSTREAM_CRASHED');
}

const RESOURCE_NOT_FOUND_LEGACY = -32002;
const CAPABILITY_MISSING_MODERN = -32021;

/** Codes that one era has and the other has not; the downstream codec writes the right one. */
function fromUpstream(error: RpcError, upstream: string): Error {
  const { data } = error;
  switch (error.rpcCode) {
    case RESOURCE_NOT_FOUND_LEGACY:
      return new FerroError('RESOURCE_NOT_FOUND', { data, cause: error });
    case CAPABILITY_MISSING_MODERN: {
      const required = isJsonObject(data) ? data['requiredCapabilities'] : undefined;
      const detail = isJsonObject(required) ? Object.keys(required).join(', ') : upstream;
      return new FerroError('CAPABILITY_MISSING', { detail, data, cause: error });
    }
    default:
      return error;
  }
}

function describe(upstream: string, error: FerroError): string {
  return error.detail === undefined ? upstream : `${upstream}: ${error.detail}`;
}
