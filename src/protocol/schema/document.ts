import { FerroError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { type Dialect, dialectOf, KEYWORDS } from './dialect.ts';

export type SchemaValue = JsonObject | boolean;

/** One subschema of a document. */
export interface SchemaNode {
  /** JSON pointer from the root of the document, without `#`. */
  readonly pointer: string;
  readonly schema: SchemaValue;
  readonly resource: SchemaResource;
}

/** The document itself, or a part of it with an `$id` of its own. */
export interface SchemaResource {
  readonly uri: string;
  readonly pointer: string;
  readonly anchors: Map<string, SchemaNode>;
  /** Anchors that `$dynamicRef` may be redirected to. */
  readonly dynamicAnchors: Map<string, SchemaNode>;
}

export interface DocumentBounds {
  /** Subschemas inside one another. */
  readonly depth: number;
  readonly nodes: number;
}

/** Base of schemas without an absolute `$id`; never dereferenced. */
const ROOT_URI = 'ferromcp://schema/';

export function pointerStep(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** The direct subschemas, with the part of the pointer that leads to each. Malformed values are passed over. */
export function* subschemas(
  schema: JsonObject,
  dialect: Dialect,
): Generator<{ readonly keyword: string; readonly step: string; readonly schema: SchemaValue }> {
  for (const [keyword, slot] of KEYWORDS[dialect]) {
    if (slot === 'value' || !Object.hasOwn(schema, keyword)) continue;
    const value = schema[keyword];
    const list = Array.isArray(value) && (slot === 'schemas' || slot === 'schema-or-schemas');
    if (list) {
      for (const [index, child] of (value as readonly JsonValue[]).entries()) {
        if (isSchema(child)) yield { keyword, step: `/${keyword}/${index}`, schema: child };
      }
    } else if (slot === 'map' || slot === 'map-or-names') {
      if (!isJsonObject(value)) continue;
      for (const [name, child] of Object.entries(value)) {
        if (isSchema(child))
          yield { keyword, step: `${pointerStep(keyword)}${pointerStep(name)}`, schema: child };
      }
    } else if (slot !== 'schemas' && isSchema(value)) {
      yield { keyword, step: `/${keyword}`, schema: value };
    }
  }
}

function isSchema(value: unknown): value is SchemaValue {
  return typeof value === 'boolean' || isJsonObject(value);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

/**
 * The subschemas of one document and what its references lead to. References never leave the document and lead only to
 * places where a schema stands.
 */
export class SchemaDocument {
  readonly dialect: Dialect;
  readonly root: SchemaNode;
  readonly #bounds: DocumentBounds;
  readonly #nodes = new Map<string, SchemaNode>();
  readonly #resources = new Map<string, SchemaResource>();

  /**
   * @throws FerroError `SCHEMA_DIALECT`, `SCHEMA_BUDGET`, `SCHEMA_INVALID` (two schemas with one identifier)
   */
  constructor(schema: SchemaValue, bounds: DocumentBounds) {
    this.#bounds = bounds;
    this.dialect = dialectOf(typeof schema === 'boolean' ? undefined : schema['$schema']);
    const resource = this.#resource(this.#identifier(schema), ROOT_URI, '');
    this.root = this.#index(schema, '', resource, 1);
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** The node at a direct subschema of `parent`. */
  child(parent: SchemaNode, step: string): SchemaNode {
    const node = this.#nodes.get(parent.pointer + step);
    if (node === undefined)
      throw new FerroError('SCHEMA_INVALID', { detail: `no schema at #${parent.pointer}${step}` });
    return node;
  }

  /**
   * What a `$ref` or the static part of a `$dynamicRef` leads to.
   * @throws FerroError `SCHEMA_REF`
   */
  resolve(ref: string, from: SchemaNode): { readonly node: SchemaNode; readonly fragment: string } {
    const url = this.#url(ref, from.resource.uri);
    const hash = url.hash.slice(1);
    url.hash = '';
    const resource = this.#resources.get(url.href);
    if (resource === undefined) {
      throw new FerroError('SCHEMA_REF', {
        detail: `${shown(ref)} is not in the document; references are never fetched`,
      });
    }
    let fragment: string;
    try {
      fragment = decodeURIComponent(hash);
    } catch (cause) {
      throw new FerroError('SCHEMA_REF', { detail: `${shown(ref)} is malformed`, cause });
    }
    const node =
      fragment === '' || fragment.startsWith('/')
        ? this.#nodes.get(resource.pointer + fragment)
        : resource.anchors.get(fragment);
    if (node === undefined)
      throw new FerroError('SCHEMA_REF', { detail: `${shown(ref)} does not lead to a schema` });
    return { node, fragment };
  }

  /** `$id` where the dialect gives it a meaning. */
  #identifier(schema: SchemaValue): string | undefined {
    if (typeof schema === 'boolean') return undefined;
    const id = schema['$id'];
    if (typeof id !== 'string') return undefined;
    return this.dialect === 'draft-07' && (id.startsWith('#') || typeof schema['$ref'] === 'string')
      ? undefined
      : id;
  }

  #url(text: string, base: string): URL {
    try {
      return new URL(text, base);
    } catch (cause) {
      throw new FerroError('SCHEMA_REF', { detail: `${shown(text)} is not a URI reference`, cause });
    }
  }

  #resource(id: string | undefined, base: string, pointer: string): SchemaResource {
    const url = this.#url(id ?? '', base);
    url.hash = '';
    const resource: SchemaResource = {
      uri: url.href,
      pointer,
      anchors: new Map(),
      dynamicAnchors: new Map(),
    };
    if (this.#resources.has(resource.uri)) {
      throw new FerroError('SCHEMA_INVALID', { detail: `$id ${shown(id ?? '')} is used twice` });
    }
    this.#resources.set(resource.uri, resource);
    return resource;
  }

  #index(schema: SchemaValue, pointer: string, outer: SchemaResource, depth: number): SchemaNode {
    if (depth > this.#bounds.depth) {
      throw new FerroError('SCHEMA_BUDGET', { detail: `deeper than ${this.#bounds.depth} subschemas` });
    }
    if (this.#nodes.size >= this.#bounds.nodes) {
      throw new FerroError('SCHEMA_BUDGET', { detail: `more than ${this.#bounds.nodes} subschemas` });
    }
    const id = pointer === '' ? undefined : this.#identifier(schema);
    const resource = id === undefined ? outer : this.#resource(id, outer.uri, pointer);
    const node: SchemaNode = { pointer, schema, resource };
    this.#nodes.set(pointer, node);
    if (typeof schema === 'boolean') return node;
    if (
      pointer !== '' &&
      typeof schema['$schema'] === 'string' &&
      dialectOf(schema['$schema']) !== this.dialect
    ) {
      throw new FerroError('SCHEMA_DIALECT', { detail: `#${pointer.slice(0, 100)} changes the dialect` });
    }
    this.#anchors(schema, node);
    for (const child of subschemas(schema, this.dialect)) {
      this.#index(child.schema, pointer + child.step, resource, depth + 1);
    }
    return node;
  }

  #anchors(schema: JsonObject, node: SchemaNode): void {
    const add = (anchor: unknown, dynamic: boolean): void => {
      if (typeof anchor !== 'string') return;
      const { anchors, dynamicAnchors } = node.resource;
      if (anchors.has(anchor) && anchors.get(anchor) !== node) {
        throw new FerroError('SCHEMA_INVALID', { detail: `anchor ${shown(anchor)} is used twice` });
      }
      anchors.set(anchor, node);
      if (dynamic) dynamicAnchors.set(anchor, node);
    };
    if (this.dialect === '2020-12') {
      add(schema['$anchor'], false);
      add(schema['$dynamicAnchor'], true);
    } else {
      const id = schema['$id'];
      if (typeof id === 'string' && id.startsWith('#') && id.length > 1) add(id.slice(1), false);
    }
  }
}
