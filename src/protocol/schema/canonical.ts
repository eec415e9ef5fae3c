import { FerroError } from '../../core/errors.ts';

export interface CanonicalBounds {
  readonly depth: number;
  readonly nodes: number;
}

/**
 * JSON text of a value with sorted keys: equal content gives equal text. Members that are `undefined` are left out, as in
 * JSON encoding.
 * @throws FerroError `SCHEMA_BUDGET` beyond the bounds (a cycle is too deep), `SCHEMA_INVALID` for what is not JSON.
 */
export function canonicalText(value: unknown, bounds: CanonicalBounds): string {
  let nodes = 0;
  const write = (item: unknown, depth: number): string => {
    nodes += 1;
    if (nodes > bounds.nodes)
      throw new FerroError('SCHEMA_BUDGET', { detail: `more than ${bounds.nodes} values` });
    if (item === null || typeof item === 'boolean' || typeof item === 'string') return JSON.stringify(item);
    if (typeof item === 'number' && Number.isFinite(item)) return JSON.stringify(item);
    if (typeof item !== 'object')
      throw new FerroError('SCHEMA_INVALID', { detail: `a ${typeof item} is not JSON` });
    if (depth > bounds.depth)
      throw new FerroError('SCHEMA_BUDGET', { detail: `deeper than ${bounds.depth} levels` });
    if (Array.isArray(item)) return `[${item.map((element) => write(element, depth + 1)).join(',')}]`;
    const record = item as Readonly<Record<string, unknown>>;
    const members = Object.keys(record)
      .filter((key) => record[key] !== undefined)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${write(record[key], depth + 1)}`);
    return `{${members.join(',')}}`;
  };
  return write(value, 1);
}
