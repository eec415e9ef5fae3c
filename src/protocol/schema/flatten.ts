import { FerroError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { HOLDERS, KEYWORDS } from './dialect.ts';
import {
  pointerStep,
  type SchemaDocument,
  type SchemaNode,
  type SchemaResource,
  type SchemaValue,
} from './document.ts';

/** Keyword that makes the compiled code count a step; see `keywords.ts`. */
export const METER = 'ferromcp:meter';

/** Subschemas that count a step: none, what references lead to (recursion passes there), or all. */
export type Metering = 'none' | 'references' | 'all';

type Emitted = Record<string, unknown>;

/** Outermost resource of the dynamic scope that has a dynamic anchor, by anchor (2020-12 core, 8.2.3.2). */
type DynamicScope = ReadonlyMap<string, SchemaNode>;

interface Target {
  readonly ref: string;
  readonly node: SchemaNode;
  readonly scope: DynamicScope;
}

const EMPTY_SCOPE: DynamicScope = new Map();
/** Properties with such schemas are checked first, so that a wrong discriminator ends a branch before it descends. */
const CHEAP = ['const', 'enum'];

function enter(scope: DynamicScope, resource: SchemaResource): DynamicScope {
  const added = [...resource.dynamicAnchors].filter(([anchor]) => !scope.has(anchor));
  return added.length === 0 ? scope : new Map([...scope, ...added]);
}

function scopeKey(scope: DynamicScope): string {
  return [...scope]
    .map(([anchor, node]) => `${anchor}=${node.pointer}`)
    .sort()
    .join('&');
}

/**
 * Rewrites a document into one that holds the verdict-deciding keywords only and whose every reference is
 * `#/$defs/rN`: identifiers, anchors and dynamic references are resolved here, once, so that the compiler has nothing to
 * look up. A subschema reached under different dynamic scopes is written once for each.
 */
export class Flattener {
  readonly #document: SchemaDocument;
  readonly #metering: Metering;
  readonly #maxNodes: number;
  readonly #targets = new Map<string, Target>();
  readonly #pending: Target[] = [];
  #emitted = 0;

  constructor(document: SchemaDocument, metering: Metering, maxNodes: number) {
    this.#document = document;
    this.#metering = metering;
    this.#maxNodes = maxNodes;
  }

  /**
   * @throws FerroError `SCHEMA_REF`, `SCHEMA_BUDGET`
   */
  flatten(): SchemaValue {
    const { root } = this.#document;
    const scope = enter(EMPTY_SCOPE, root.resource);
    const schema = this.#emit(root, scope, this.#metering !== 'none');
    if (typeof schema === 'boolean') return schema;
    const definitions: Emitted = {};
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      definitions[next.ref.slice('#/$defs/'.length)] = this.#emit(
        next.node,
        next.scope,
        this.#metering !== 'none',
      );
    }
    return { ...schema, $defs: definitions } as JsonObject;
  }

  #refTo(node: SchemaNode, outer: DynamicScope): string {
    const scope = enter(outer, node.resource);
    const key = `${node.pointer}|${scopeKey(scope)}`;
    const known = this.#targets.get(key);
    if (known !== undefined) return known.ref;
    const target: Target = { ref: `#/$defs/r${this.#targets.size}`, node, scope };
    this.#targets.set(key, target);
    this.#pending.push(target);
    return target.ref;
  }

  #emit(node: SchemaNode, outer: DynamicScope, metered: boolean): Emitted | boolean {
    this.#emitted += 1;
    if (this.#emitted > this.#maxNodes) {
      throw new FerroError('SCHEMA_BUDGET', {
        detail: `more than ${this.#maxNodes} subschemas after resolving references`,
      });
    }
    const { schema } = node;
    if (typeof schema === 'boolean') return schema;
    const scope = enter(outer, node.resource);
    const result: Emitted = {};
    if (metered || this.#metering === 'all') result[METER] = true;
    const refs = this.#references(node, schema, scope);
    const [ref, dynamic] = refs;
    if (ref !== undefined) result['$ref'] = ref;
    // Draft-07 ignores everything beside $ref.
    if (this.#document.dialect === 'draft-07' && ref !== undefined) return result;
    for (const [keyword, slot] of KEYWORDS[this.#document.dialect]) {
      if (!Object.hasOwn(schema, keyword) || HOLDERS.has(keyword)) continue;
      const value = schema[keyword];
      result[keyword] = slot === 'value' ? value : this.#emitSlot(node, keyword, value, scope);
    }
    if (dynamic !== undefined) {
      const all = result['allOf'];
      result['allOf'] = [...(Array.isArray(all) ? all : []), { $ref: dynamic }];
    }
    return result;
  }

  #emitSlot(node: SchemaNode, keyword: string, value: JsonValue | undefined, scope: DynamicScope): unknown {
    const child = (step: string): Emitted | boolean =>
      this.#emit(this.#document.child(node, step), scope, false);
    const base = pointerStep(keyword);
    if (Array.isArray(value)) return value.map((_, index) => child(`${base}/${index}`));
    if (!isJsonObject(value) || KEYWORDS[this.#document.dialect].get(keyword)?.startsWith('map') !== true)
      return child(base);
    const entries = Object.entries(value).map(([name, member]): readonly [string, unknown] => [
      name,
      // A list of names under `dependencies`.
      Array.isArray(member) ? member : child(base + pointerStep(name)),
    ]);
    if (keyword === 'properties') entries.sort((a, b) => Number(isCheap(b[1])) - Number(isCheap(a[1])));
    return Object.fromEntries(entries);
  }

  /** Targets of `$ref` and `$dynamicRef`; one alone comes first. */
  #references(node: SchemaNode, schema: JsonObject, scope: DynamicScope): readonly string[] {
    const refs: string[] = [];
    const { $ref, $dynamicRef } = schema;
    if (typeof $ref === 'string') refs.push(this.#refTo(this.#document.resolve($ref, node).node, scope));
    if (typeof $dynamicRef === 'string' && this.#document.dialect === '2020-12') {
      const { node: initial, fragment } = this.#document.resolve($dynamicRef, node);
      const isDynamic = initial.resource.dynamicAnchors.get(fragment) === initial;
      refs.push(this.#refTo((isDynamic ? scope.get(fragment) : undefined) ?? initial, scope));
    }
    return refs;
  }
}

function isCheap(schema: unknown): boolean {
  return isJsonObject(schema) && CHEAP.some((keyword) => Object.hasOwn(schema, keyword));
}
