import { isJsonObject } from '../../core/json.ts';
import type { ReadResourceResult, ResourceContents } from '../../core/mcp.ts';
import { encodeJson } from '../../protocol/codec/index.ts';
import { type InputRequired, isInputRequired } from '../../protocol/input-required.ts';

/**
 * Makes a read result of whatever a handler returns: a full result, contents, text, bytes, or a value to be written as
 * JSON.
 * @throws FerroError RESULT_INVALID for values that JSON cannot carry
 */
export function toReadResult(
  value: unknown,
  uri: string,
  mimeType: string | undefined,
): ReadResourceResult | InputRequired {
  if (isInputRequired(value)) return value;
  if (isJsonObject(value) && Array.isArray(value['contents'])) return value as unknown as ReadResourceResult;
  if (value === undefined || value === null) return { contents: [] };
  if (Array.isArray(value) && value.length > 0 && value.every(isContents)) {
    return { contents: value.map((item) => withUri(item, uri, mimeType)) };
  }
  return { contents: [toContents(value, uri, mimeType)] };
}

function toContents(value: unknown, uri: string, mimeType: string | undefined): ResourceContents {
  if (typeof value === 'string') return { uri, mimeType: mimeType ?? 'text/plain', text: value };
  if (value instanceof Uint8Array) {
    const blob = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
    return { uri, mimeType: mimeType ?? 'application/octet-stream', blob };
  }
  if (isContents(value)) return withUri(value, uri, mimeType);
  return { uri, mimeType: mimeType ?? 'application/json', text: encodeJson(value) };
}

function isContents(value: unknown): value is Partial<ResourceContents> {
  return isJsonObject(value) && (typeof value['text'] === 'string' || typeof value['blob'] === 'string');
}

function withUri(
  value: Partial<ResourceContents>,
  uri: string,
  mimeType: string | undefined,
): ResourceContents {
  const type = value.mimeType ?? mimeType;
  return { uri, ...(type === undefined ? {} : { mimeType: type }), ...value } as ResourceContents;
}
