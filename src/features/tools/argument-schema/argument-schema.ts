import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import type { JsonSchema } from '../../../core/mcp.ts';
import type { SchemaCache, ValidationIssue } from '../../../protocol/schema/index.ts';
import { fromStandardIssues } from './foreign-issues.ts';
import { type Direction, isStandardSchema, requireObjectRoot, toJsonSchema } from './standard-schema.ts';
import type { SchemaInput } from './types.ts';

/** Outcome of checking a value. `value` carries the transforms and defaults of a Standard Schema. */
export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly ValidationIssue[] };

/** A declared schema, converted and compiled: what to list and how to check. */
export interface PreparedSchema {
  /** Listed verbatim. */
  readonly json: JsonSchema;
  /** Asynchronous only when the Standard Schema's own validation is. Rejects only when that validation throws. */
  readonly check: (value: unknown) => Checked | Promise<Checked>;
}

function prepare(input: SchemaInput, json: JsonSchema, cache: SchemaCache): PreparedSchema {
  if (!isStandardSchema(input)) {
    const validate = cache.compile(json);
    return {
      json,
      check: (value) => {
        const issues = validate(value);
        return issues === undefined ? { ok: true, value } : { ok: false, issues };
      },
    };
  }
  const standard = input['~standard'];
  const { properties } = json;
  const known = isJsonObject(properties) ? Object.keys(properties) : [];
  const settle = (value: unknown, result: StandardSchemaV1.Result<unknown>): Checked =>
    result.issues === undefined
      ? { ok: true, value: result.value }
      : { ok: false, issues: fromStandardIssues(result.issues, value, known) };
  return {
    json,
    check: (value) => {
      const result = standard.validate(value);
      return result instanceof Promise ? result.then((done) => settle(value, done)) : settle(value, result);
    },
  };
}

function afterConversion(
  input: SchemaInput,
  direction: Direction,
  finish: (json: JsonSchema) => PreparedSchema,
): PreparedSchema | Promise<PreparedSchema> {
  const json = toJsonSchema(input, direction);
  return json instanceof Promise ? json.then(finish) : finish(json);
}

/**
 * Prepares a tool's `input`. JSON Schemas are compiled by the cache; Standard Schemas check with their own code, so that
 * transforms and defaults apply. Only Valibot schemas make this asynchronous.
 * @throws FerroError `SCHEMA_*` (directly, or as rejection for Valibot)
 */
export function prepareArguments(
  input: SchemaInput,
  cache: SchemaCache,
): PreparedSchema | Promise<PreparedSchema> {
  return afterConversion(input, 'input', (json) => {
    requireObjectRoot(json);
    return prepare(input, json, cache);
  });
}

/**
 * Prepares a tool's `output`: what is listed as `outputSchema` describes the value after transforms.
 * @throws FerroError `SCHEMA_*` (directly, or as rejection for Valibot)
 */
export function prepareOutput(
  output: StandardSchemaV1 | JsonObject,
  cache: SchemaCache,
): PreparedSchema | Promise<PreparedSchema> {
  return afterConversion(output, 'output', (json) => prepare(output, json, cache));
}
