import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { FerroError } from '../../../src/core/errors.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import {
  type Checked,
  type InferArguments,
  type InferResult,
  isStandardSchema,
  type PreparedSchema,
  prepareArguments,
  prepareOutput,
  type SchemaInput,
  toJsonSchema,
} from '../../../src/features/tools/argument-schema/index.ts';
import { SchemaCache } from '../../../src/protocol/schema/index.ts';

const cache = new SchemaCache();
const LIBRARIES: readonly (readonly [string, SchemaInput])[] = [
  ['zod', z.object({ name: z.string().min(1), count: z.number().int().optional() })],
  ['arktype', type({ name: 'string > 0', 'count?': 'number.integer' })],
  [
    'valibot',
    v.object({
      name: v.pipe(v.string(), v.minLength(1)),
      count: v.optional(v.pipe(v.number(), v.integer())),
    }),
  ],
];

async function check(input: SchemaInput, value: unknown): Promise<Checked> {
  return (await prepareArguments(input, cache)).check(value);
}

describe('toJsonSchema', () => {
  it.each(LIBRARIES)('%s becomes 2020-12', async (_name, input) => {
    const json = await toJsonSchema(input, 'input');
    expect(json).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: { name: { type: 'string', minLength: 1 }, count: { type: 'integer' } },
      required: ['name'],
    });
    const validate = cache.compile(json);
    expect(validate({ name: 'a', count: 1 })).toBeUndefined();
    expect(validate({ count: 1.5 })).toHaveLength(2);
  });

  it('keeps a JSON Schema verbatim, and takes nothing as any object', () => {
    const schema = { type: 'object', 'x-order': 1, $defs: { a: { $anchor: 'a' } } };
    expect(toJsonSchema(schema, 'input')).toBe(schema);
    expect(toJsonSchema(undefined, 'input')).toEqual({ type: 'object' });
  });

  it('tells input from output', () => {
    const schema = z.object({ n: z.string().transform(Number).pipe(z.number()), d: z.number().default(1) });
    expect(toJsonSchema(schema, 'input')).toMatchObject({
      properties: { n: { type: 'string' } },
      required: ['n'],
    });
    expect(toJsonSchema(schema, 'output')).toMatchObject({
      properties: { n: { type: 'number' } },
      required: ['n', 'd'],
    });
  });

  it.each([
    ['a type without JSON form', z.object({ when: z.date() })],
    [
      'a vendor without converter',
      { '~standard': { version: 1, vendor: 'other', validate: () => ({ value: 1 }) } },
    ],
    ['a string', 'object'],
    ['an array', []],
  ])('refuses %s', async (_name, input) => {
    await expect(
      (async () => toJsonSchema(input as unknown as SchemaInput, 'input'))(),
    ).rejects.toMatchObject({
      code: 'SCHEMA_INVALID',
    });
  });

  it('knows Standard Schemas, functions included', () => {
    for (const [, input] of LIBRARIES) expect(isStandardSchema(input)).toBe(true);
    for (const other of [
      null,
      undefined,
      {},
      { '~standard': {} },
      { '~standard': { version: 2, validate: () => 1 } },
    ]) {
      expect(isStandardSchema(other)).toBe(false);
    }
  });
});

describe('prepareArguments', () => {
  it.each(LIBRARIES)('%s: checks, with the path of each issue', async (_name, input) => {
    expect(await check(input, { name: 'a' })).toEqual({ ok: true, value: { name: 'a' } });
    const failed = await check(input, { name: 'a', count: 'canary-secret' });
    expect(failed).toMatchObject({ ok: false, issues: [{ path: '/count', keyword: 'schema' }] });
    expect(JSON.stringify(failed)).not.toContain('canary');
    expect(JSON.stringify(failed)).toContain('string');
    const misspelt = await check(input, { nmae: 'a' });
    expect(misspelt).toMatchObject({
      ok: false,
      issues: [{ path: '/name', hint: '"nmae" was given; the name is "name"' }],
    });
  });

  it('applies transforms and defaults of a Standard Schema, also asynchronous ones', async () => {
    const schema = z.object({
      n: z.string().transform(async (text) => Number(text)),
      d: z.number().default(7),
    });
    const json = z.object({ n: z.string(), d: z.number().default(7) });
    const asynchronous = Object.assign(Object.create(null), {
      '~standard': { ...schema['~standard'], jsonSchema: json['~standard'].jsonSchema },
    });
    expect(await check(asynchronous, { n: '5' })).toEqual({ ok: true, value: { n: 5, d: 7 } });
  });

  it('suggests the name for an unknown key of a strict schema', async () => {
    const failed = await check(z.strictObject({ query: z.string() }), { query: 'a', qurey: 'b' });
    expect(failed).toMatchObject({ ok: false, issues: [{ path: '' }] });
    expect(
      await check(z.strictObject({ query: z.string(), limit: z.number().optional() }), {
        query: 'a',
        limti: 1,
      }),
    ).toMatchObject({
      issues: [{ hint: 'did you mean "limit"?' }],
    });
  });

  it('uses the cache for JSON Schema, neither coercing nor adding defaults', async () => {
    const schema = { type: 'object', properties: { n: { type: 'integer', default: 3 } } };
    const value = { other: 1 };
    const checked = await check(schema, value);
    expect(checked).toEqual({ ok: true, value: { other: 1 } });
    expect(checked.ok && checked.value).toBe(value);
    expect(await check(schema, { n: '1' })).toMatchObject({
      ok: false,
      issues: [{ path: '/n', keyword: 'type' }],
    });
    expect(await check(undefined, { anything: 1 })).toMatchObject({ ok: true });
    expect(await check(undefined, [])).toMatchObject({ ok: false });
  });

  it('is synchronous unless it must wait', () => {
    const prepared = prepareArguments(z.object({ a: z.string() }), cache);
    expect(prepared).not.toBeInstanceOf(Promise);
    expect((prepared as PreparedSchema).check({ a: 'x' })).not.toBeInstanceOf(Promise);
  });

  it.each([
    ['z.string', z.string()],
    ['array', { type: 'array' }],
    ['no type', { properties: {} }],
    ['nullable', { type: ['object', 'null'] }],
  ])('refuses an input whose root is no object: %s', (_name, input) => {
    expect(() => prepareArguments(input as SchemaInput, cache)).toThrow(FerroError);
  });

  it('accepts any root for output and describes it after transforms', async () => {
    const prepared = await prepareOutput(z.array(z.number().default(1)), cache);
    expect(prepared.json).toMatchObject({ type: 'array' });
    expect(await prepared.check([undefined, 2])).toEqual({ ok: true, value: [1, 2] });
    const raw = await prepareOutput({ type: 'number' }, cache);
    expect(await raw.check('x')).toMatchObject({ ok: false });
  });
});

describe('types', () => {
  it('handlers get what the schema yields', () => {
    const zod = z.object({ n: z.string().transform(Number), d: z.number().default(1) });
    expectTypeOf<InferArguments<typeof zod>>().toEqualTypeOf<{ n: number; d: number }>();
    expectTypeOf<InferResult<typeof zod>>().toEqualTypeOf<{ n: string; d?: number | undefined }>();
    const ark = type({ a: 'string' });
    expectTypeOf<InferArguments<typeof ark>>().toEqualTypeOf<{ a: string }>();
    const vali = v.object({ a: v.optional(v.string(), 'x') });
    expectTypeOf<InferArguments<typeof vali>>().toEqualTypeOf<{ a: string }>();
    expectTypeOf<InferArguments<{ readonly type: 'object' }>>().toEqualTypeOf<JsonObject>();
    expectTypeOf<InferArguments<undefined>>().toEqualTypeOf<JsonObject>();
  });
});
