import { FerroError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { type Dialect, IN_PLACE } from './dialect.ts';
import { type SchemaValue, subschemas } from './document.ts';

export interface Complexity {
  /** Subschemas that one instance location can meet when references are expanded; infinite with recursion. */
  readonly expanded: number;
  /** Estimated compile time in milliseconds. */
  readonly compileMs: number;
}

const ROOT = '';
/** Measured with `bench/micro/schema.mjs`; a fast warm core, so that the default budget admits the default number of subschemas. */
const MS_PER_SUBSCHEMA = 0.04;
const MS_PER_DEFINITION = 0.1;
const MS_PER_NAME = 0.001;

/** `#/$defs/rN` → `rN`. */
function targetOf(schema: JsonObject): string | undefined {
  const ref = schema['$ref'];
  return typeof ref === 'string' ? ref.slice('#/$defs/'.length) : undefined;
}

function names(schema: JsonObject): number {
  let count = 0;
  for (const keyword of ['required', 'enum', 'dependentRequired']) {
    const value = schema[keyword];
    if (typeof value === 'object' && value !== null) count += Object.keys(value).length;
  }
  return count;
}

/**
 * Measures a flattened schema.
 * @throws FerroError `SCHEMA_INVALID` when a reference leads back to itself without going into the instance: validation
 * against it could not end.
 */
export function measureComplexity(root: SchemaValue, dialect: Dialect): Complexity {
  if (typeof root === 'boolean') return { expanded: 1, compileMs: 0 };
  const held = root['$defs'];
  const definitions = new Map<string, SchemaValue>([[ROOT, root]]);
  for (const [name, schema] of Object.entries(isJsonObject(held) ? held : {}))
    definitions.set(name, schema as SchemaValue);

  let compileMs = 0;
  const edges = new Map<string, Set<string>>();
  const sizes = new Map<string, { own: number; refs: string[] }>();
  for (const [name, schema] of definitions) {
    const inPlace = new Set<string>();
    const size = { own: 0, refs: [] as string[] };
    const visit = (value: SchemaValue, here: boolean): void => {
      size.own += 1;
      compileMs += MS_PER_SUBSCHEMA;
      if (typeof value === 'boolean') return;
      compileMs += names(value) * MS_PER_NAME;
      const target = targetOf(value);
      if (target !== undefined) {
        size.refs.push(target);
        if (here) inPlace.add(target);
      }
      for (const child of subschemas(value, dialect)) {
        if (child.keyword !== '$defs') visit(child.schema, here && IN_PLACE.has(child.keyword));
      }
    };
    visit(schema, true);
    compileMs += MS_PER_DEFINITION;
    edges.set(name, inPlace);
    sizes.set(name, size);
  }
  refuseLoops(edges);
  return { expanded: expand(sizes), compileMs };
}

function refuseLoops(edges: ReadonlyMap<string, ReadonlySet<string>>): void {
  const state = new Map<string, 'open' | 'done'>();
  for (const start of edges.keys()) {
    const stack = [{ name: start, next: [...(edges.get(start) ?? [])] }];
    if (state.has(start)) continue;
    state.set(start, 'open');
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const target = top.next.pop();
      if (target === undefined) {
        state.set(top.name, 'done');
        stack.pop();
      } else if (state.get(target) === 'open') {
        throw new FerroError('SCHEMA_INVALID', { detail: 'a reference leads back to itself' });
      } else if (!state.has(target)) {
        state.set(target, 'open');
        stack.push({ name: target, next: [...(edges.get(target) ?? [])] });
      }
    }
  }
}

function expand(
  sizes: ReadonlyMap<string, { readonly own: number; readonly refs: readonly string[] }>,
): number {
  const total = new Map<string, number>();
  const open = new Set<string>();
  const sum = (name: string): number => {
    const known = total.get(name);
    if (known !== undefined) return known;
    if (open.has(name)) return Number.POSITIVE_INFINITY;
    open.add(name);
    const size = sizes.get(name);
    let result = size?.own ?? 0;
    for (const target of size?.refs ?? []) result += sum(target);
    open.delete(name);
    total.set(name, result);
    return result;
  };
  return sum(ROOT);
}
