import { FerroError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { Logger } from '../core/log.ts';

export interface ListRequest {
  readonly method: string;
  /** Member of the result that holds the items. */
  readonly member: string;
  /** String member every item must have. */
  readonly key: string;
  readonly maxPages: number;
  readonly maxItems: number;
  readonly logger: Logger;
  /** Fetches one page. */
  page(params: JsonObject | undefined): Promise<JsonObject>;
}

/**
 * Follows `nextCursor` to the end. A server that repeats a cursor or never ends is refused; an item without its key is
 * dropped, because one bad definition must not hide the others.
 */
export async function listAll(request: ListRequest): Promise<readonly JsonObject[]> {
  const { method, member, key } = request;
  const items: JsonObject[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < request.maxPages; page += 1) {
    const result = await request.page(cursor === undefined ? undefined : { cursor });
    const found = result[member];
    if (!Array.isArray(found)) {
      throw new FerroError('UPSTREAM_PROTOCOL', { detail: `${method} without ${member}` });
    }
    for (const item of found) {
      if (isJsonObject(item) && typeof item[key] === 'string') {
        items.push(item);
      } else {
        request.logger.log('warn', 'an item of a list was dropped: it has no key', { method, key });
      }
    }
    if (items.length > request.maxItems) {
      throw new FerroError('UPSTREAM_PROTOCOL', {
        detail: `${method} has more than ${request.maxItems} items`,
      });
    }
    const next = result['nextCursor'];
    if (next === undefined || next === null) {
      return items;
    }
    if (typeof next !== 'string' || seen.has(next)) {
      throw new FerroError('UPSTREAM_PROTOCOL', {
        detail: `${method} repeats a cursor or has a malformed one`,
      });
    }
    seen.add(next);
    cursor = next;
  }
  throw new FerroError('UPSTREAM_PROTOCOL', { detail: `${method} has more than ${request.maxPages} pages` });
}
