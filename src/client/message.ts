/** Reading JSON-RPC messages from a peer's bytes: what is not a message is reported, never thrown. */
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import type { JsonRpcMessage, RequestId } from '../core/jsonrpc.ts';
import { DEFAULT_LIMITS } from '../core/limits.ts';

/** Nesting a peer's message may have. Deeper values could not be encoded again (the stack of JSON.stringify). */
export const MAX_PEER_DEPTH = 512;

const utf8 = new TextDecoder('utf-8', { fatal: true });

function isDeeperThan(value: JsonValue, limit: number): boolean {
  let level: JsonValue[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) {
      return true;
    }
    const next: JsonValue[] = [];
    for (const item of level) {
      if (typeof item === 'object' && item !== null) {
        for (const child of Object.values(item)) {
          if (typeof child === 'object' && child !== null) {
            next.push(child);
          }
        }
      }
    }
    level = next;
  }
  return false;
}

/** Ids beyond 2^53 are rounded by the parser and could not be told apart. */
export function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' || Number.isSafeInteger(value);
}

function isMessage(value: JsonObject): boolean {
  if (value['jsonrpc'] !== '2.0') {
    return false;
  }
  const { id, method, params } = value;
  if (method !== undefined) {
    // Ids beyond 2^53 were rounded by the parser and could not be echoed; such a request is no message for us.
    return (
      typeof method === 'string' &&
      (id === undefined || isRequestId(id)) &&
      (params === undefined || isJsonObject(params))
    );
  }
  if (value['result'] !== undefined) {
    return isRequestId(id);
  }
  return isJsonObject(value['error']) && (id === undefined || id === null || isRequestId(id));
}

/**
 * The messages of one text: one object, or a batch (2025-03-26). Undefined when the text is not JSON-RPC.
 */
export function parseMessages(text: string): readonly JsonRpcMessage[] | undefined {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
  // A text of N characters cannot nest deeper than N / 2.
  if (text.length > MAX_PEER_DEPTH * 2 && isDeeperThan(value, MAX_PEER_DEPTH)) {
    return undefined;
  }
  if (isJsonObject(value)) {
    return isMessage(value) ? [value as unknown as JsonRpcMessage] : undefined;
  }
  if (!Array.isArray(value) || value.length === 0 || value.length > DEFAULT_LIMITS.batchMessages) {
    return undefined;
  }
  const items: readonly JsonValue[] = value;
  return items.every((item) => isJsonObject(item) && isMessage(item))
    ? (items as unknown as JsonRpcMessage[])
    : undefined;
}

/** Like {@link parseMessages}, for bytes; invalid UTF-8 is not a message. */
export function readMessages(bytes: Uint8Array): readonly JsonRpcMessage[] | undefined {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return undefined;
  }
  return parseMessages(text);
}
