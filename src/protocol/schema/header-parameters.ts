import { FerroError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonSchema } from '../../core/mcp.ts';

/** A tool parameter that is mirrored into `Mcp-Param-{name}`. */
export interface HeaderParameter {
  /** Name as annotated; compare case-insensitively. */
  readonly name: string;
  /** Property names from the root of the arguments to the value. */
  readonly path: readonly string[];
  readonly type: 'string' | 'integer' | 'boolean';
}

export const HEADER_ANNOTATION = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const MAX_NAME_LENGTH = 128;
const MAX_DEPTH = 64;
/** Their values are data, where a member of that name annotates nothing. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set(['default', 'const', 'enum', 'examples']);
/** Their members are names chosen by the author, not keywords. */
const MAP_KEYWORDS: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
  'dependencies',
]);

function isMirrored(type: unknown): type is HeaderParameter['type'] {
  return type === 'string' || type === 'integer' || type === 'boolean';
}

function refuse(path: readonly string[], why: string): never {
  throw new FerroError('SCHEMA_HEADER', {
    detail: `${path.length === 0 ? 'root' : path.join('.').slice(0, 200)}: ${why}`,
  });
}

/**
 * The `x-mcp-header` annotations of a tool's input schema, in document order (2026-07-28,
 * basic/transports/streamable-http, "Schema Extension").
 * @throws FerroError `SCHEMA_HEADER` when one annotation breaks a rule: the whole tool definition is then invalid.
 */
export function headerParameters(schema: JsonSchema): readonly HeaderParameter[] {
  const found: HeaderParameter[] = [];
  const names = new Set<string>();

  const annotate = (node: JsonSchema, path: readonly string[], reachable: boolean): void => {
    const name = node[HEADER_ANNOTATION];
    if (!reachable || path.length === 0) {
      refuse(path, `${HEADER_ANNOTATION} is allowed only on properties reachable through properties alone`);
    }
    if (typeof name !== 'string' || name.length > MAX_NAME_LENGTH || !TOKEN.test(name)) {
      refuse(path, `${HEADER_ANNOTATION} must be an HTTP token of at most ${MAX_NAME_LENGTH} characters`);
    }
    const type = node['type'];
    if (!isMirrored(type)) refuse(path, `${HEADER_ANNOTATION} needs type string, integer or boolean`);
    const folded = name.toLowerCase();
    if (names.has(folded)) refuse(path, `${HEADER_ANNOTATION} ${name} is used twice`);
    names.add(folded);
    found.push({ name, path, type });
  };

  const scan = (value: unknown, path: readonly string[], reachable: boolean, depth: number): void => {
    if (typeof value !== 'object' || value === null) return;
    if (depth > MAX_DEPTH) throw new FerroError('SCHEMA_BUDGET', { detail: 'nesting' });
    if (Array.isArray(value)) {
      for (const item of value) scan(item, path, false, depth + 1);
      return;
    }
    if (!isJsonObject(value)) return;
    if (Object.hasOwn(value, HEADER_ANNOTATION)) annotate(value, path, reachable);
    for (const [keyword, member] of Object.entries(value)) {
      if (DATA_KEYWORDS.has(keyword)) continue;
      if (!MAP_KEYWORDS.has(keyword) || !isJsonObject(member)) {
        scan(member, path, false, depth + 1);
        continue;
      }
      const direct = reachable && keyword === 'properties';
      for (const [name, child] of Object.entries(member)) scan(child, [...path, name], direct, depth + 1);
    }
  };

  scan(schema, [], true, 0);
  return found;
}
