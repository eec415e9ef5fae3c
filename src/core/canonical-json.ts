import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';

/** JSON text with sorted keys: equal values give equal text. Depth is bounded by the scanner's depth limit. */
export function canonicalJson(value: JsonValue | undefined): string {
  if (value === undefined) return 'null';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item as JsonValue)).join(',')}]`;
  const object = value as { readonly [key: string]: JsonValue | undefined };
  const members: string[] = [];
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}

/**
 * Canonical text of the params of a request without their `_meta`; undefined when they are nested deeper than
 * `maxDepth`, the params object and `_meta` included.
 */
export function canonicalParams(params: JsonValue, maxDepth: number): string | undefined {
  if (!isWithin(params, maxDepth)) return undefined;
  if (!isJsonObject(params) || params['_meta'] === undefined) return canonicalJson(params);
  const { _meta, ...rest } = params as JsonObject;
  return canonicalJson(rest);
}

function isWithin(value: JsonValue | undefined, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  for (const inner of Array.isArray(value) ? (value as readonly JsonValue[]) : Object.values(value)) {
    if (typeof inner === 'object' && !isWithin(inner, depth - 1)) return false;
  }
  return true;
}
