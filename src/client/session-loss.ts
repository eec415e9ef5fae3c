import { FerroError, isFerroError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';

const REASON = 'session_expired';

/** The error of a request that met a server which no longer knows our session: it was not carried out. */
export function sessionLostError(): FerroError {
  return new FerroError('UPSTREAM_UNAVAILABLE', {
    detail: 'the server no longer knows the session',
    data: { reason: REASON },
  });
}

export function isSessionLost(error: unknown): boolean {
  return isFerroError(error) && isJsonObject(error.data) && error.data['reason'] === REASON;
}
