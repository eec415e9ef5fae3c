import { FerroError } from '../../core/errors.ts';
import { isJsonObject, type JsonValue } from '../../core/json.ts';
import type { CallToolResult, ContentBlock } from '../../core/mcp.ts';
import { encodeJson } from '../../protocol/codec/index.ts';
import { TextResult } from '../../protocol/handler.ts';
import { type InputRequired, isInputRequired } from '../../protocol/input-required.ts';

const CONTENT_TYPES = new Set(['text', 'image', 'audio', 'resource', 'resource_link']);

/** A failure that the model should read and react to: a result, not a protocol error (2025-11-25, tools). */
export function toolFailure(text: string): CallToolResult {
  return { content: [{ type: 'text', text }], isError: true };
}

/**
 * Makes a tool result of whatever a handler returns: a full result, content blocks, or a bare value. With an output
 * schema the value is the structured content and its JSON the text.
 * @throws FerroError RESULT_INVALID for values that JSON cannot carry (functions, symbols, BigInt)
 */
export function toToolResult(
  value: unknown,
  hasOutput: boolean,
): CallToolResult | TextResult | InputRequired {
  if (typeof value === 'string' && !hasOutput) return new TextResult(value);
  if (isInputRequired(value)) return value;
  if (isToolResult(value)) return value;
  if (hasOutput) {
    if (value === undefined)
      throw new FerroError('RESULT_INVALID', { detail: 'a tool with an output schema returned nothing' });
    return { content: [{ type: 'text', text: encodeJson(value) }], structuredContent: value as JsonValue };
  }
  if (value === undefined || value === null) return { content: [] };
  if (isContentBlock(value)) return { content: [value] };
  if (Array.isArray(value) && value.length > 0 && value.every(isContentBlock)) return { content: value };
  return new TextResult(encodeJson(value));
}

function isToolResult(value: unknown): value is CallToolResult {
  return (
    isJsonObject(value) &&
    Array.isArray(value['content']) &&
    (value['content'] as unknown[]).every(isContentBlock)
  );
}

function isContentBlock(value: unknown): value is ContentBlock {
  return isJsonObject(value) && typeof value['type'] === 'string' && CONTENT_TYPES.has(value['type']);
}
