import type { JsonObject, JsonValue } from './json.ts';

/** JSON text with sorted keys: equal values give equal text. Depth is bounded by the scanner's depth limit. */
export function canonicalJson(value: JsonValue | undefined): string {
  return textOf(value, Number.POSITIVE_INFINITY);
}

/**
 * Canonical text of the params of a request without their `_meta`; undefined when they are nested deeper than
 * `maxDepth`, the params object and `_meta` included.
 */
export function canonicalParams(params: JsonValue, maxDepth: number): string | undefined {
  tooDeep = false;
  const text = isPlainObject(params) ? objectText(params, maxDepth - 1, true) : textOf(params, maxDepth);
  return tooDeep || maxDepth < 1 ? undefined : text;
}

/** Set when a value was deeper than it may be; what was written is of no use then. */
let tooDeep = false;

/** @param left containers the value may be nested in, itself included */
function textOf(value: JsonValue | undefined, left: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? `${value}` : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (left < 1) {
        tooDeep = true;
        return '';
      }
      return isPlainObject(value) ? objectText(value, left - 1, false) : arrayText(value, left - 1);
    default:
      // What is no JSON: `undefined` in an array, and values that `JSON.stringify` itself refuses.
      return value === undefined ? 'null' : JSON.stringify(value);
  }
}

function isPlainObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function arrayText(items: readonly JsonValue[], left: number): string {
  let text = '[';
  for (let index = 0; index < items.length; index += 1) {
    if (index > 0) text += ',';
    text += textOf(items[index], left);
  }
  return `${text}]`;
}

function objectText(object: JsonObject, left: number, isParams: boolean): string {
  let text = '{';
  for (const key of sortedKeys(object)) {
    const member = object[key];
    if (member === undefined) continue;
    if (isParams && key === '_meta') {
      checkDepth(member, left);
      continue;
    }
    if (text.length > 1) text += ',';
    text += `${JSON.stringify(key)}:${textOf(member, left)}`;
  }
  return `${text}}`;
}

/** In the order of UTF-16 code units, which is that of `<`. Most objects have few keys, often in order. */
function sortedKeys(object: JsonObject): readonly string[] {
  const keys = Object.keys(object);
  for (let index = 1; index < keys.length; index += 1) {
    if ((keys[index - 1] as string) > (keys[index] as string)) return keys.sort();
  }
  return keys;
}

function checkDepth(value: JsonValue | undefined, left: number): void {
  if (typeof value !== 'object' || value === null || tooDeep) return;
  if (left < 1) {
    tooDeep = true;
    return;
  }
  if (Array.isArray(value)) for (const item of value as readonly JsonValue[]) checkDepth(item, left - 1);
  else for (const key in value as JsonObject) checkDepth((value as JsonObject)[key], left - 1);
}
