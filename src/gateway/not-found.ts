import { isFerroError, RpcError } from '../core/errors.ts';

const INVALID_PARAMS = -32602;
const METHOD_NOT_FOUND = -32601;

/** True when an upstream says that it has no such resource; servers disagree about the code. */
export function isNotFound(error: unknown): boolean {
  if (isFerroError(error)) return error.code === 'RESOURCE_NOT_FOUND';
  return (
    error instanceof RpcError && (error.rpcCode === INVALID_PARAMS || error.rpcCode === METHOD_NOT_FOUND)
  );
}
