import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { JsonObject } from '../../../core/json.ts';

/** What a tool may declare as `input` or `output`: a Standard Schema, a JSON Schema object, or nothing. */
export type SchemaInput = StandardSchemaV1 | JsonObject | undefined;

/** Arguments a handler receives. Looked up in the schema's own type, never computed, so that many tools stay cheap. */
export type InferArguments<S> = S extends StandardSchemaV1
  ? NonNullable<S['~standard']['types']>['output']
  : JsonObject;

/** What a handler may return where an output schema is declared, before transforms. */
export type InferResult<S> = S extends StandardSchemaV1
  ? NonNullable<S['~standard']['types']>['input']
  : unknown;
