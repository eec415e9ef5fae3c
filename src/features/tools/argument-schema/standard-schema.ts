import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { FerroError, isFerroError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import type { JsonSchema } from '../../../core/mcp.ts';
import type { SchemaInput } from './types.ts';

/** `input`: what callers send. `output`: what is left after transforms and defaults. */
export type Direction = 'input' | 'output';

const TARGET = 'draft-2020-12';

/** Arguments of a tool without a declared input: any object. */
export const ANY_OBJECT: JsonSchema = Object.freeze({ type: 'object' });

export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  // ArkType schemas are functions.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard = (value as { readonly '~standard'?: unknown })['~standard'];
  return isJsonObject(standard) && standard['version'] === 1 && typeof standard['validate'] === 'function';
}

function converterOf(schema: StandardSchemaV1): StandardJSONSchemaV1.Converter | undefined {
  const { jsonSchema } = schema['~standard'] as Partial<StandardJSONSchemaV1.Props>;
  return typeof jsonSchema?.input === 'function' && typeof jsonSchema.output === 'function'
    ? jsonSchema
    : undefined;
}

function convert(
  converter: StandardJSONSchemaV1.Converter,
  direction: Direction,
  vendor: string,
): JsonSchema {
  let converted: unknown;
  try {
    converted = converter[direction]({ target: TARGET });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.slice(0, 200) : 'conversion failed';
    throw new FerroError('SCHEMA_INVALID', {
      detail: `${vendor} cannot write the ${direction} as JSON Schema: ${why}`,
      cause,
    });
  }
  if (!isJsonObject(converted)) {
    throw new FerroError('SCHEMA_INVALID', {
      detail: `${vendor} wrote the ${direction} as something that is no object`,
    });
  }
  // Converters may return live or exotic objects; a listed schema is plain data.
  return JSON.parse(JSON.stringify(converted)) as JsonObject;
}

/** Valibot keeps its converter in a package of its own, an optional peer. */
async function convertValibot(schema: StandardSchemaV1, direction: Direction): Promise<JsonSchema> {
  let wrapped: unknown;
  try {
    const { toStandardJsonSchema } = await import('@valibot/to-json-schema');
    wrapped = toStandardJsonSchema(schema as Parameters<typeof toStandardJsonSchema>[0]);
  } catch (cause) {
    if (isFerroError(cause)) throw cause;
    throw new FerroError('SCHEMA_INVALID', {
      detail: 'Valibot schemas need the package @valibot/to-json-schema',
      cause,
    });
  }
  const converter = isStandardSchema(wrapped) ? converterOf(wrapped) : undefined;
  if (converter === undefined) {
    throw new FerroError('SCHEMA_INVALID', {
      detail: 'this version of @valibot/to-json-schema is not supported',
    });
  }
  return convert(converter, direction, 'valibot');
}

/**
 * The JSON Schema (2020-12 for Standard Schemas, verbatim for JSON Schema objects) of what a tool declares. Convert once, at
 * registration. Only Valibot answers with a promise, because its converter is loaded on demand.
 * @throws FerroError `SCHEMA_INVALID`, directly or as rejection, when the schema has no JSON Schema form.
 */
export function toJsonSchema(input: SchemaInput, direction: Direction): JsonSchema | Promise<JsonSchema> {
  if (input === undefined) return ANY_OBJECT;
  if (isStandardSchema(input)) {
    const { vendor } = input['~standard'];
    const converter = converterOf(input);
    if (converter !== undefined) return convert(converter, direction, vendor);
    if (vendor === 'valibot') return convertValibot(input, direction);
    throw new FerroError('SCHEMA_INVALID', {
      detail: `${vendor} schemas do not offer a JSON Schema form; pass a JSON Schema`,
    });
  }
  if (!isJsonObject(input)) {
    throw new FerroError('SCHEMA_INVALID', { detail: 'expected a Standard Schema or a JSON Schema object' });
  }
  return input;
}

/** @throws FerroError `SCHEMA_INVALID` unless the root has `"type": "object"`, as tool inputs must. */
export function requireObjectRoot(schema: JsonSchema): void {
  if (schema['type'] !== 'object') {
    throw new FerroError('SCHEMA_INVALID', {
      detail: 'the root of an input schema must have "type": "object"',
    });
  }
}
