import { FerroError } from '../../core/errors.ts';
import type { JsonRpcMessage } from '../../core/jsonrpc.ts';

/** JSON text of an outgoing message; `INVALID_PARAMS` for what JSON cannot carry (cycles, BigInt, endless nesting). */
export function encodeMessage(message: JsonRpcMessage): string {
  try {
    return JSON.stringify(message);
  } catch (cause) {
    throw new FerroError('INVALID_PARAMS', { detail: 'the message cannot be encoded as JSON', cause });
  }
}
