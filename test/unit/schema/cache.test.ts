import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFerroError } from '../../../src/core/errors.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { SchemaCache } from '../../../src/protocol/schema/index.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isFerroError(error)) return error.code;
    throw error;
  }
  return 'none';
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function nested(levels: number): Record<string, unknown> {
  return levels === 1 ? { type: 'string' } : { not: nested(levels - 1) };
}

const FRESH = {
  strict: false,
  ownProperties: true,
  logger: false,
  meta: false,
  validateSchema: false,
} as const;

const PERSON = () => ({
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name'],
});

/** As JSON text gives it: the generator also makes objects without a prototype, which ajv tells from others. */
const asParsed = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('the cache', () => {
  it('compiles equal schemas once, whatever object or key order carries them', () => {
    const cache = new SchemaCache();
    const first = cache.compile(PERSON());
    const { type, properties, required } = PERSON();
    expect(cache.compile({ required, properties, type })).toBe(first);
    const same = PERSON();
    expect(cache.compile(same)).toBe(cache.compile(same));
    expect(cache.stats()).toMatchObject({ hits: 3, misses: 1, entries: 1, evictions: 0, refused: 0 });
    expect(cache.stats().compileMs).toBeGreaterThan(0);
  });

  it('evicts the least recently used entry at the bound', () => {
    const cache = new SchemaCache({ limits: { schemaCacheEntries: 2 } });
    const [a, b, c] = [{ minLength: 1 }, { minLength: 2 }, { minLength: 3 }];
    cache.preload(a);
    cache.preload(b);
    cache.preload(a);
    expect(cache.stats()).toMatchObject({ entries: 2, evictions: 0 });
    cache.preload(c);
    expect(cache.stats()).toMatchObject({ entries: 2, evictions: 1, misses: 3 });
    cache.preload(a);
    expect(cache.stats().misses).toBe(3);
    expect(cache.compile(b)('x')).toHaveLength(1);
    expect(cache.stats().misses).toBe(4);
  });

  it('holds one entry and no memory for 100,000 fresh but equal schemas', () => {
    const cache = new SchemaCache();
    cache.preload(PERSON());
    const before = heapUsed();
    for (let i = 0; i < 100_000; i += 1) cache.compile(PERSON());
    expect(cache.stats()).toMatchObject({ entries: 1, misses: 1, hits: 100_000 });
    // One retained validator each would be 200 MB.
    expect(heapUsed() - before).toBeLessThan(5e6);
  });

  it('lets go of what it evicts', () => {
    const cache = new SchemaCache({ limits: { schemaCacheEntries: 10 } });
    const fill = (from: number, to: number): void => {
      for (let i = from; i < to; i += 1) cache.compile({ ...PERSON(), minProperties: i })({});
    };
    fill(0, 100);
    const before = heapUsed();
    fill(100, 600);
    expect(cache.stats()).toMatchObject({ entries: 10, evictions: 590 });
    // ajv on its own retains about 11 kB for each of the 1,000 compilations (verdict and explanation): 11 MB.
    expect(heapUsed() - before).toBeLessThan(4e6);
  });

  it('remembers a refusal without compiling again', () => {
    const cache = new SchemaCache();
    for (let i = 0; i < 3; i += 1)
      expect(codeOf(() => cache.compile({ type: 'strin' }))).toBe('SCHEMA_INVALID');
    expect(cache.stats()).toMatchObject({ misses: 1, hits: 2, refused: 1, entries: 1 });
  });

  it('keeps ids of different schemas apart', () => {
    const cache = new SchemaCache();
    const a = cache.compile({
      $id: 'https://example.com/s',
      $defs: { x: { $anchor: 'x', type: 'string' } },
      $ref: '#x',
    });
    const b = cache.compile({
      $id: 'https://example.com/s',
      $defs: { x: { $anchor: 'x', type: 'integer' } },
      $ref: '#x',
    });
    expect([a('s'), b(1)]).toEqual([undefined, undefined]);
    expect([a(1)?.length, b('s')?.length]).toEqual([1, 1]);
    // What another schema in the same compiler declared is not visible.
    expect(codeOf(() => cache.compile({ $ref: 'https://example.com/s' }))).toBe('SCHEMA_REF');
  });

  it('neither changes a schema nor depends on what happens to it later', () => {
    const cache = new SchemaCache();
    const schema = { ...PERSON(), 'x-note': [1], default: { name: 'x' } };
    const text = JSON.stringify(schema);
    const validate = cache.compile(Object.freeze(schema));
    expect(validate({ age: 'x' })).toHaveLength(2);
    expect(JSON.stringify(schema)).toBe(text);
    schema.properties.age.type = 'string';
    expect(validate({ name: 'a', age: 'x' })).toHaveLength(1);
  });

  it('gives the verdict of a fresh ajv', () => {
    const cache = new SchemaCache();
    const leaf = fc.oneof(
      fc.record(
        {
          type: fc.constantFrom('string', 'integer', 'number', 'boolean', 'null', 'object', 'array'),
          minLength: fc.nat(3),
          maximum: fc.integer({ min: -2, max: 2 }),
          minItems: fc.nat(2),
          uniqueItems: fc.boolean(),
          required: fc.uniqueArray(fc.constantFrom('a', 'b', 'toString'), { maxLength: 2 }),
        },
        { requiredKeys: [] },
      ),
      fc.record({ enum: fc.array(fc.oneof(fc.jsonValue({ maxDepth: 1 })), { minLength: 1, maxLength: 3 }) }),
      fc.record({ const: fc.jsonValue({ maxDepth: 1 }) }),
      fc.boolean(),
    );
    const { schema } = fc.letrec<{ schema: unknown }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        leaf,
        fc.record({
          properties: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema')),
          additionalProperties: fc.boolean(),
        }),
        fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
        fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
        fc.record({
          allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
          unevaluatedProperties: fc.boolean(),
        }),
        fc.record({ not: tie('schema') }),
        // biome-ignore lint/suspicious/noThenProperty: the keyword is named so
        fc.record({ if: tie('schema'), then: tie('schema'), else: tie('schema') }),
        fc.record({
          prefixItems: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
          items: tie('schema'),
        }),
        fc.record({ $defs: fc.record({ d: tie('schema') }), $ref: fc.constant('#/$defs/d') }),
      ),
    }));
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'toString'), fc.jsonValue({ maxDepth: 1 })),
      fc.array(fc.constantFrom(1, '1', 'a', null, true), { maxLength: 3 }),
    );
    fc.assert(
      fc.property(schema, fc.array(value, { minLength: 1, maxLength: 4 }), (generated, values) => {
        // A reference inside a nested schema points at the root's $defs; wrap so that it always exists.
        const root = asParsed({
          $defs: { d: { type: ['string', 'object', 'array'] } },
          allOf: [generated],
        }) as JsonObject;
        const fresh = new Ajv2020({ ...FRESH }).compile(root);
        const cached = cache.compile(root);
        for (const item of values.map(asParsed)) {
          const verdict = cached(item) === undefined;
          let reference: boolean;
          try {
            reference = fresh(item);
          } catch {
            // ajv's comparison of structures calls methods of the value; ours must answer all the same.
            continue;
          }
          expect(verdict).toBe(reference);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('dialects', () => {
  const cache = new SchemaCache();
  it('is 2020-12 without $schema and draft-07 where asked', () => {
    const tuple = { prefixItems: [{ type: 'string' }] };
    expect(cache.compile(tuple)([1])).toHaveLength(1);
    expect(
      cache.compile({ $schema: 'http://json-schema.org/draft-07/schema#', ...tuple })([1]),
    ).toBeUndefined();
    const old = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      items: [{ type: 'string' }],
      additionalItems: false,
    };
    expect(cache.compile(old)(['a'])).toBeUndefined();
    expect(cache.compile(old)(['a', 1])).toHaveLength(1);
  });

  it('ignores what stands beside $ref in draft-07 only', () => {
    const both = {
      definitions: { s: { type: 'string' } },
      properties: { p: { $ref: '#/definitions/s', minLength: 5 } },
    };
    expect(
      cache.compile({ $schema: 'http://json-schema.org/draft-07/schema', ...both })({ p: 'a' }),
    ).toBeUndefined();
    expect(cache.compile(both)({ p: 'a' })).toHaveLength(1);
  });

  it.each([
    ['https://json-schema.org/draft/2019-09/schema'],
    ['http://json-schema.org/draft-04/schema#'],
    [7],
    [''],
  ])('refuses %s', ($schema) => {
    expect(codeOf(() => cache.compile({ $schema }))).toBe('SCHEMA_DIALECT');
    expect(codeOf(() => cache.compile({ not: { $schema: 'urn:other' } }))).toBe('SCHEMA_DIALECT');
  });
});

describe('keywords that are not of the dialect', () => {
  it.each([
    ['nullable', { type: 'string', nullable: true }],
    ['$async', { $async: true, type: 'string' }],
    ['id', { id: 'x', type: 'string' }],
    ['discriminator', { discriminator: { propertyName: 'k' }, type: 'string' }],
    ['$recursiveRef', { $recursiveRef: '#', type: 'string' }],
    [
      'x-mcp-header and a broken anchor inside an extension',
      { 'x-mcp-header': 'A', 'x-e': { $anchor: '!' }, type: 'string' },
    ],
  ])('%s has no effect', (_name, schema) => {
    const validate = new SchemaCache().compile(schema);
    expect(validate('a')).toBeUndefined();
    expect(validate(null)).toHaveLength(1);
  });
});

describe('references', () => {
  const cache = new SchemaCache();
  const code = (schema: Record<string, unknown>): string =>
    codeOf(() => cache.compile(schema as unknown as JsonObject));

  it('follows pointers, ids and anchors inside the document', () => {
    const schema = {
      $id: 'https://example.com/root',
      $defs: {
        'a/b~c d': { type: 'integer' },
        named: { $id: 'named', $defs: { inner: { $anchor: 'inner', type: 'string' } } },
        urn: { $id: 'urn:uuid:8f2d3c1e-0000-4000-8000-000000000000', type: 'boolean' },
      },
      properties: {
        pointer: { $ref: '#/$defs/a~1b~0c%20d' },
        anchor: { $ref: 'named#inner' },
        absolute: { $ref: 'https://example.com/named#/$defs/inner' },
        urn: { $ref: 'urn:uuid:8f2d3c1e-0000-4000-8000-000000000000' },
        sibling: { $ref: '#/properties/pointer' },
      },
    };
    const validate = cache.compile(schema);
    expect(validate({ pointer: 1, anchor: 'a', absolute: 'b', urn: true, sibling: 2 })).toBeUndefined();
    expect(validate({ pointer: 'x', anchor: 1, absolute: 1, urn: 1, sibling: 'x' })).toHaveLength(5);
  });

  it('resolves $dynamicRef by the dynamic scope', () => {
    const validate = cache.compile({
      $id: 'https://example.com/strict',
      $dynamicAnchor: 'node',
      $ref: 'tree',
      unevaluatedProperties: false,
      $defs: {
        tree: {
          $id: 'tree',
          $dynamicAnchor: 'node',
          type: 'object',
          properties: { data: true, children: { type: 'array', items: { $dynamicRef: '#node' } } },
        },
      },
    });
    expect(validate({ data: 1, children: [{ data: 2, children: [] }] })).toBeUndefined();
    expect(validate({ children: [{ daat: 2 }] })?.[0]?.path).toBe('/children/0/daat');
  });

  it('validates recursive data', () => {
    const validate = cache.compile({
      type: 'object',
      properties: { value: { type: 'integer' }, next: { $ref: '#' } },
      required: ['value'],
    });
    expect(validate({ value: 1, next: { value: 2, next: { value: 3 } } })).toBeUndefined();
    expect(validate({ value: 1, next: { value: 2, next: {} } })?.[0]?.path).toBe('/next/next/value');
  });

  it('refuses what leads elsewhere, nowhere or to no schema', () => {
    expect(code({ $ref: 'other.json' })).toBe('SCHEMA_REF');
    expect(code({ $ref: '#missing' })).toBe('SCHEMA_REF');
    expect(code({ $ref: '#/$defs/missing' })).toBe('SCHEMA_REF');
    expect(code({ $ref: '#/x-schemas/a', 'x-schemas': { a: {} } })).toBe('SCHEMA_REF');
    expect(code({ $ref: '#/%zz' })).toBe('SCHEMA_REF');
    expect(code({ $ref: 'https://json-schema.org/draft/2020-12/schema' })).toBe('SCHEMA_REF');
  });

  it('refuses two schemas with one identifier', () => {
    expect(code({ $defs: { a: { $anchor: 'x' }, b: { $anchor: 'x' } } })).toBe('SCHEMA_INVALID');
    expect(code({ $defs: { a: { $id: 'x' }, b: { $id: 'x' } } })).toBe('SCHEMA_INVALID');
  });
});

describe('bounds', () => {
  const code = (schema: unknown, limits = {}): string =>
    codeOf(() => new SchemaCache({ limits }).compile(schema as unknown as JsonObject));

  it('depth: N is accepted, N+1 refused', () => {
    expect(code(nested(32))).toBe('none');
    expect(code(nested(33))).toBe('SCHEMA_BUDGET');
  });

  it('subschemas: N are accepted, N+1 refused', () => {
    const wide = (count: number) => ({
      anyOf: Array.from({ length: count - 1 }, (_, i) => ({ minLength: i })),
    });
    expect(code(wide(1_000))).toBe('none');
    expect(code(wide(1_001))).toBe('SCHEMA_BUDGET');
  });

  it('values that are not subschemas', () => {
    const values = (count: number) => ({ enum: Array.from({ length: count }, (_, i) => i) });
    expect(code(values(100), { jsonNodes: 102 })).toBe('none');
    expect(code(values(101), { jsonNodes: 102 })).toBe('SCHEMA_BUDGET');
  });

  it('compile time by estimate: the same schema always gets the same answer', () => {
    const wide = { anyOf: Array.from({ length: 99 }, (_, i) => ({ minLength: i })) };
    expect(code(wide, { schemaCompileMs: 50 })).toBe('none');
    expect(code(wide, { schemaCompileMs: 2 })).toBe('SCHEMA_BUDGET');
  });

  it('what is not JSON, or not a schema of the dialect', () => {
    const cycle: Record<string, unknown> = {};
    cycle['not'] = cycle;
    expect(code(cycle)).toBe('SCHEMA_BUDGET');
    expect(code({ const: 1n })).toBe('SCHEMA_INVALID');
    expect(code({ default: () => 1 })).toBe('SCHEMA_INVALID');
    expect(code({ properties: [] })).toBe('SCHEMA_INVALID');
    expect(code({ required: 'a' })).toBe('SCHEMA_INVALID');
    expect(code({ minLength: -1 })).toBe('SCHEMA_INVALID');
  });
});

describe('values', () => {
  const cache = new SchemaCache();

  it('properties named like members of Object.prototype are the object’s own only', () => {
    const validate = cache.compile({
      properties: { toString: { type: 'string' } },
      required: ['constructor'],
    });
    expect(validate({ constructor: 1 })).toBeUndefined();
    expect(validate({})?.map((issue) => issue.path)).toEqual(['/constructor']);
    expect(validate({ constructor: 1, toString: 1 })?.map((issue) => issue.path)).toEqual(['/toString']);
  });

  it('a value JSON cannot carry, or a cycle, is refused and does not throw', () => {
    const recursive = cache.compile({ properties: { next: { $ref: '#' } } });
    const cycle: Record<string, unknown> = {};
    cycle['next'] = cycle;
    expect(recursive(cycle)?.[0]?.keyword).toBe('budget');
    expect(cache.compile({ uniqueItems: true })([{ a: 1n }, {}])).toHaveLength(1);
  });

  it('uniqueItems and enum compare by value, in linear time', () => {
    const unique = cache.compile({ uniqueItems: true });
    expect(unique([1, '1', true, null, 'true', { a: 1, b: 2 }, [1], '{"a":1}'])).toBeUndefined();
    expect(unique([{ a: 1, b: 2 }, 3, { b: 2, a: 1 }])).toHaveLength(1);
    expect(unique(Array.from({ length: 50_000 }, (_, i) => ({ i })))).toBeUndefined();
    const listed = cache.compile({ enum: [{ a: [1] }, 'x', 0, null] });
    for (const value of [{ a: [1] }, 'x', 0, -0, null]) expect(listed(value)).toBeUndefined();
    for (const value of [{ a: [2] }, '0', false, undefined]) expect(listed(value)).toHaveLength(1);
  });

  it('a value that carries toString or valueOf is compared, not called', () => {
    for (const schema of [{ const: {} }, { enum: [{}] }, { uniqueItems: true }]) {
      const data = { toString: 0, valueOf: 'x' };
      const given = 'uniqueItems' in schema ? [data, { ...data }] : data;
      expect(cache.compile(schema)(given)).toHaveLength(1);
    }
    expect(cache.compile({ const: { toString: 0 } })({ toString: 0 })).toBeUndefined();
  });

  it('neither coerces nor fills in defaults', () => {
    const data = Object.freeze({ n: '1' });
    const validate = cache.compile({ properties: { n: { type: 'integer' }, d: { default: 1 } } });
    expect(validate(data)).toHaveLength(1);
    expect(data).toEqual({ n: '1' });
  });
});
