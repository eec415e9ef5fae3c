import type { ErrorObject } from 'ajv/dist/2020.js';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { closest } from './closest.ts';
import { pointerStep } from './document.ts';
import { listValues, typeName, type ValidationIssue } from './issue.ts';

/** Errors of `anyOf` and `oneOf` mention every branch; only those of the branch that was meant help. */
type Decision =
  | { readonly kind: 'branch'; readonly index: number }
  | { readonly kind: 'issue'; readonly issue: ValidationIssue };

const MAX_HOPS = 8;
/** Beyond this many errors, sorting them costs more than it helps. */
const MAX_ERRORS = 2_000;

class Alternatives {
  readonly #root: JsonObject;
  readonly #reach = new Map<unknown, ReadonlySet<unknown>>();

  constructor(root: JsonObject) {
    this.#root = root;
  }

  /** All schema objects a branch can report errors with. */
  reach(branch: unknown): ReadonlySet<unknown> {
    const known = this.#reach.get(branch);
    if (known !== undefined) return known;
    const seen = new Set<unknown>();
    const pending: unknown[] = [branch];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (typeof next !== 'object' || next === null || seen.has(next)) continue;
      seen.add(next);
      for (const [key, value] of Object.entries(next)) {
        if (key === '$ref' && typeof value === 'string') pending.push(this.#target(value));
        else if (key !== '$defs') pending.push(value);
      }
    }
    this.#reach.set(branch, seen);
    return seen;
  }

  decide(error: ErrorObject, branches: readonly unknown[], counts: readonly number[]): Decision {
    const { data } = error;
    const schemas = branches.map((branch) => this.#dereference(branch));
    const typed = schemas.flatMap((schema, index) => (this.#typeFits(schema, data) ? [index] : []));
    if (typed.length === 0) {
      const types = [...new Set(schemas.flatMap((schema) => this.#types(schema)))];
      return issue(error.instancePath, error.keyword, `must be ${types.join(' or ')}, got ${typeName(data)}`);
    }
    const literal = this.#literals(schemas, data, error);
    if (literal !== undefined) return { kind: 'issue', issue: literal };
    const told = this.#discriminated(schemas, typed, data);
    if (!('property' in told)) {
      const [index] = told;
      if (told.length === 1 && index !== undefined) return { kind: 'branch', index };
    } else {
      const path = error.instancePath + pointerStep(told.property);
      return issue(
        path,
        error.keyword,
        `must be one of ${listValues(told.allowed)}`,
        hintFor(told.given, told.allowed),
      );
    }
    const nearest = told.reduce(
      (best, index) => ((counts[index] ?? 0) < (counts[best] ?? 0) ? index : best),
      told[0] ?? 0,
    );
    return { kind: 'branch', index: nearest };
  }

  #target(ref: string): unknown {
    const definitions = this.#root['$defs'];
    return isJsonObject(definitions) ? definitions[ref.slice('#/$defs/'.length)] : undefined;
  }

  #dereference(schema: unknown): JsonObject {
    let current = schema;
    for (let hops = 0; hops < MAX_HOPS && isJsonObject(current); hops += 1) {
      const { $ref } = current;
      if (typeof $ref !== 'string' || current['type'] !== undefined || current['properties'] !== undefined)
        return current;
      current = this.#target($ref);
    }
    return isJsonObject(current) ? current : {};
  }

  #types(schema: JsonObject): readonly string[] {
    const { type } = schema;
    if (typeof type === 'string') return [type];
    return Array.isArray(type) ? type.map(String) : [];
  }

  #typeFits(schema: JsonObject, data: unknown): boolean {
    const types = this.#types(schema);
    const given = typeName(data);
    return types.length === 0 || types.includes(given) || (given === 'integer' && types.includes('number'));
  }

  /** Branches that are constants only form one enumeration. */
  #literals(schemas: readonly JsonObject[], data: unknown, error: ErrorObject): ValidationIssue | undefined {
    const allowed: unknown[] = [];
    for (const schema of schemas) {
      const values = valuesOf(schema);
      if (values === undefined) return undefined;
      allowed.push(...values);
    }
    const hint = hintFor(data, allowed);
    const message = `must be one of ${listValues(allowed)}, got ${typeName(data)}`;
    return {
      path: error.instancePath,
      keyword: error.keyword,
      message,
      ...(hint === undefined ? {} : { hint }),
    };
  }

  /** The branches whose constant properties agree with the data, or the property that agrees with none. */
  #discriminated(
    schemas: readonly JsonObject[],
    typed: readonly number[],
    data: unknown,
  ):
    | readonly number[]
    | { readonly property: string; readonly allowed: readonly unknown[]; readonly given: unknown } {
    if (!isJsonObject(data)) return typed;
    const refused = new Map<string, unknown[]>();
    const fitting = typed.filter((index) => {
      const properties = schemas[index]?.['properties'];
      if (!isJsonObject(properties)) return true;
      for (const [name, property] of Object.entries(properties)) {
        const values = valuesOf(this.#dereference(property));
        if (values === undefined || !Object.hasOwn(data, name) || values.includes(data[name])) continue;
        refused.set(name, [...(refused.get(name) ?? []), ...values]);
        return false;
      }
      return true;
    });
    const [only] = refused;
    if (fitting.length > 0 || refused.size !== 1 || only === undefined)
      return fitting.length > 0 ? fitting : typed;
    return { property: only[0], allowed: [...new Set(only[1])], given: data[only[0]] };
  }
}

function valuesOf(schema: JsonObject): readonly unknown[] | undefined {
  if (Object.hasOwn(schema, 'const')) return [schema['const']];
  const { enum: allowed } = schema;
  return Array.isArray(allowed) ? allowed : undefined;
}

/** “Did you mean” for a string that is near one of the allowed ones. */
export function hintFor(given: unknown, allowed: readonly unknown[]): string | undefined {
  if (typeof given !== 'string') return undefined;
  const near = closest(
    given,
    allowed.filter((value): value is string => typeof value === 'string'),
  );
  return near === undefined ? undefined : `did you mean ${JSON.stringify(near)}?`;
}

function issue(path: string, keyword: string, message: string, hint?: string): Decision {
  return { kind: 'issue', issue: { path, keyword, message, ...(hint === undefined ? {} : { hint }) } };
}

function passedSeveral(error: ErrorObject): boolean {
  return Array.isArray((error.params as { readonly passingSchemas?: unknown }).passingSchemas);
}

/**
 * Reduces the errors of alternatives to those of the branch that was meant, or to one issue.
 * @param errors of an `explain` compilation, in ajv's order (branches before the alternative itself)
 */
export function settleAlternatives(
  errors: readonly ErrorObject[],
  root: JsonObject,
): readonly (ErrorObject | ValidationIssue)[] {
  if (errors.length > MAX_ERRORS) return errors;
  const alternatives = new Alternatives(root);
  const kept: (ErrorObject | ValidationIssue | undefined)[] = [...errors];
  for (let at = errors.length - 1; at >= 0; at -= 1) {
    const error = errors[at];
    if (error === undefined || kept[at] === undefined) continue;
    if (error.keyword === 'oneOf' && passedSeveral(error)) {
      kept[at] = {
        path: error.instancePath,
        keyword: 'oneOf',
        message: 'matches more than one of the alternatives',
      };
      continue;
    }
    if ((error.keyword !== 'anyOf' && error.keyword !== 'oneOf') || !Array.isArray(error.schema)) continue;
    const branches: readonly unknown[] = error.schema;
    const reaches = branches.map((branch) => alternatives.reach(branch));
    const nested: { readonly index: number; readonly branches: readonly number[] }[] = [];
    for (let index = at - 1; index >= 0; index -= 1) {
      const inner = errors[index];
      if (inner === undefined || !inner.instancePath.startsWith(error.instancePath)) break;
      const owners = reaches.flatMap((reach, branch) => (reach.has(inner.parentSchema) ? [branch] : []));
      if (owners.length > 0) nested.push({ index, branches: owners });
    }
    const counts = branches.map(
      (_, branch) => nested.filter((entry) => entry.branches.includes(branch)).length,
    );
    const decision = alternatives.decide(error, branches, counts);
    const wanted = decision.kind === 'branch' ? decision.index : undefined;
    for (const entry of nested) {
      if (wanted === undefined || !entry.branches.includes(wanted)) kept[entry.index] = undefined;
    }
    kept[at] = decision.kind === 'issue' ? decision.issue : undefined;
    if (wanted !== undefined && (counts[wanted] ?? 0) === 0) {
      kept[at] = {
        path: error.instancePath,
        keyword: error.keyword,
        message: 'matches none of the alternatives',
      };
    }
  }
  return kept.filter((entry) => entry !== undefined);
}
