import { ERROR_TABLE, type FerroError, isFerroError, RpcError } from '../core/errors.ts';
import { correlationId } from '../core/ids.ts';
import type { JsonValue } from '../core/json.ts';
import type { Logger } from '../core/log.ts';

const FRAME_END = Buffer.from('}');

/** The id is inserted exactly as it came, so integers of any size and any spelling of a string survive. */
export function replyFrame(idRaw: string, resultText: string): string {
  return `{"jsonrpc":"2.0","id":${idRaw},"result":${resultText}}`;
}

/** As {@link replyFrame}, around a result that exists as bytes. */
export function replyParts(idRaw: string, result: readonly Uint8Array[]): Uint8Array[] {
  return [Buffer.from(`{"jsonrpc":"2.0","id":${idRaw},"result":`), ...result, FRAME_END];
}

export function notificationFrame(method: string, paramsText: string): string {
  return `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${paramsText}}`;
}

export function requestFrame(idText: string, method: string, paramsText: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"method":${JSON.stringify(method)},"params":${paramsText}}`;
}

/** A failure as it goes on the wire. */
export interface WireError {
  readonly rpc: number;
  readonly http: number;
  readonly message: string;
  readonly data?: JsonValue | undefined;
}

/**
 * `idRaw` undefined = the id could not be read: null in the legacy era (JSON-RPC 2.0), left out in the modern one
 * (2026-07-28, JSONRPCErrorResponse).
 */
export function errorFrame(idRaw: string | undefined, error: WireError, missingId: 'null' | 'omit'): string {
  const id = idRaw ?? (missingId === 'null' ? 'null' : undefined);
  const data = error.data === undefined ? '' : `,"data":${JSON.stringify(error.data)}`;
  const head = id === undefined ? '{"jsonrpc":"2.0",' : `{"jsonrpc":"2.0","id":${id},`;
  return `${head}"error":{"code":${error.rpc},"message":${JSON.stringify(error.message)}${data}}}`;
}

/**
 * Turns anything thrown into a wire error. Errors with a table row or an RPC code of their own keep their text;
 * anything else is internal: logged with a correlation id, of which only the id leaves the process.
 */
export function wireError(thrown: unknown, logger: Logger): WireError {
  if (isFerroError(thrown)) {
    const { rpc, http, level } = thrown.row;
    if (level === 'error') {
      const id = correlationId();
      logger.log('error', thrown.message, { code: thrown.code, correlationId: id, error: thrown });
      return { rpc, http, message: thrown.message, data: { code: thrown.code, correlationId: id } };
    }
    return { rpc, http, message: thrown.message, data: dataOf(thrown) };
  }
  if (thrown instanceof RpcError) {
    return { rpc: thrown.rpcCode, http: 200, message: thrown.message, data: jsonData(thrown.data) };
  }
  const id = correlationId();
  logger.log('error', 'A handler failed', { code: 'INTERNAL', correlationId: id, error: thrown });
  const row = ERROR_TABLE.INTERNAL;
  return {
    rpc: row.rpc,
    http: row.http,
    message: row.message,
    data: { code: 'INTERNAL', correlationId: id },
  };
}

function dataOf(error: FerroError): JsonValue {
  const data = jsonData(error.data);
  if (data === undefined) return { code: error.code };
  return data;
}

/** Error data comes from handlers and peers: what JSON cannot carry is left out rather than failing the error. */
function jsonData(data: unknown): JsonValue | undefined {
  if (data === undefined) return undefined;
  try {
    const text = JSON.stringify(data);
    return text === undefined ? undefined : (JSON.parse(text) as JsonValue);
  } catch {
    return undefined;
  }
}
