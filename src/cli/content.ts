import { Buffer } from 'node:buffer';
import { isJsonObject } from '../core/json.ts';
import type { ContentBlock, JsonSchema, ResourceContents } from '../core/mcp.ts';
import { safeLine, safeText } from '../observability/safe-text.ts';

/** Human forms of what servers return. Every text that comes from a server is made safe here. */

export function byteCount(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

const decodedSize = (base64: string): string => byteCount(Buffer.byteLength(base64, 'base64'));

export function renderResourceContents(contents: ResourceContents): string {
  if ('text' in contents) return safeText(contents.text);
  const type = contents.mimeType ?? 'application/octet-stream';
  return `[${safeLine(contents.uri)}: ${safeLine(type)}, ${decodedSize(contents.blob)}]`;
}

export function renderContentBlock(block: ContentBlock): string {
  switch (block.type) {
    case 'text':
      return safeText(block.text);
    case 'image':
    case 'audio':
      return `[${block.type}: ${safeLine(block.mimeType)}, ${decodedSize(block.data)}]`;
    case 'resource':
      return renderResourceContents(block.resource);
    case 'resource_link':
      return `[link: ${safeLine(block.name)} ${safeLine(block.uri)}]`;
    default:
      // A later revision may know kinds this one does not.
      return `[${safeLine(String(Reflect.get(block, 'type')))}]`;
  }
}

function typeName(schema: unknown): string {
  if (!isJsonObject(schema)) return 'any';
  const { type, enum: values, items } = schema;
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (type === 'array') return `${typeName(items)}[]`;
  if (Array.isArray(type)) return type.join(' | ');
  return typeof type === 'string' ? type : 'any';
}

/** The arguments a tool takes, one row each: name, type, whether required, description. */
export function argumentRows(schema: JsonSchema): readonly (readonly string[])[] {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(properties).map(([name, property]) => {
    const description = isJsonObject(property) ? property['description'] : undefined;
    return [
      `${name}${required.includes(name) ? '' : '?'}`,
      typeName(property),
      typeof description === 'string' ? description : '',
    ];
  });
}

/** First line of a description, for tables. */
export function firstLine(text: string | undefined): string {
  return text?.trim().split('\n', 1)[0]?.trim() ?? '';
}

/** A description of several lines, indented. */
export function indented(text: string, indent: string): string {
  return safeText(text.trim())
    .split('\n')
    .map((line) => `${indent}${line}`.trimEnd())
    .join('\n');
}
