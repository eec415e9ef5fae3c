/** Results of upstreams in the form in which our clients get them: their URIs, and none of the upstream's hints. */
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';

/** Members that belong to one hop: the codec of the downstream era writes its own. */
export const HOP_MEMBERS: ReadonlySet<string> = new Set([
  'resultType',
  'ttlMs',
  'cacheScope',
  'inputRequests',
  'requestState',
]);
const RESERVED_META = 'io.modelcontextprotocol/';

/** `mapUri` turns a URI of the upstream into the one our clients use. */
export function mapResult(result: JsonObject, mapUri: (uri: string) => string): JsonObject {
  const mapped: Record<string, JsonValue | undefined> = {};
  for (const [key, value] of Object.entries(result)) {
    if (HOP_MEMBERS.has(key)) continue;
    if (key === '_meta') {
      const meta = isJsonObject(value) ? endToEndMeta(value) : undefined;
      if (meta !== undefined) mapped[key] = meta;
    } else if (key === 'content' && Array.isArray(value)) {
      mapped[key] = value.map((item) => mapContent(item, mapUri));
    } else if (key === 'contents' && Array.isArray(value)) {
      mapped[key] = value.map((item) => mapOwnUri(item, mapUri));
    } else if (key === 'messages' && Array.isArray(value)) {
      mapped[key] = value.map((item) =>
        isJsonObject(item) && item['content'] !== undefined
          ? { ...item, content: mapContent(item['content'], mapUri) }
          : (item as JsonValue),
      );
    } else define(mapped, key, value);
  }
  return mapped;
}

/** `_meta` without what is meant for the next hop only; undefined when nothing is left. */
export function endToEndMeta(meta: JsonObject): JsonObject | undefined {
  const rest: Record<string, JsonValue | undefined> = {};
  let any = false;
  for (const [key, value] of Object.entries(meta)) {
    if (key.startsWith(RESERVED_META) || key === 'progressToken') continue;
    define(rest, key, value);
    any = true;
  }
  return any ? rest : undefined;
}

/** A key named `__proto__` stays data. */
function define(
  target: Record<string, JsonValue | undefined>,
  key: string,
  value: JsonValue | undefined,
): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  } else target[key] = value;
}

function mapContent(value: JsonValue | undefined, mapUri: (uri: string) => string): JsonValue {
  if (Array.isArray(value)) return value.map((item) => mapContent(item as JsonValue, mapUri));
  if (!isJsonObject(value)) return (value ?? null) as JsonValue;
  if (value['type'] === 'resource_link') return mapOwnUri(value, mapUri);
  if (value['type'] === 'resource' && isJsonObject(value['resource'])) {
    return { ...value, resource: mapOwnUri(value['resource'], mapUri) };
  }
  return value;
}

function mapOwnUri(value: JsonValue, mapUri: (uri: string) => string): JsonValue {
  if (!isJsonObject(value) || typeof value['uri'] !== 'string') return value;
  const uri = mapUri(value['uri']);
  return uri === value['uri'] ? value : { ...value, uri };
}
