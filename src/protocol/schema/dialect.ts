import { FerroError } from '../../core/errors.ts';

/** JSON Schema dialects that are understood. A schema without `$schema` is 2020-12 (2026-07-28, basic, "Schema Dialect"). */
export type Dialect = '2020-12' | 'draft-07';

const DIALECTS: ReadonlyMap<string, Dialect> = new Map([
  ['https://json-schema.org/draft/2020-12/schema', '2020-12'],
  ['http://json-schema.org/draft/2020-12/schema', '2020-12'],
  ['http://json-schema.org/draft-07/schema', 'draft-07'],
  ['https://json-schema.org/draft-07/schema', 'draft-07'],
]);

/** @throws FerroError `SCHEMA_DIALECT` */
export function dialectOf($schema: unknown): Dialect {
  if ($schema === undefined) return '2020-12';
  const dialect = typeof $schema === 'string' ? DIALECTS.get($schema.replace(/#$/, '')) : undefined;
  if (dialect !== undefined) return dialect;
  const shown = typeof $schema === 'string' ? $schema.slice(0, 100) : `a ${typeof $schema}`;
  throw new FerroError('SCHEMA_DIALECT', { detail: `${shown}; use 2020-12 or draft-07` });
}

/** What stands under a keyword. */
export type Slot = 'schema' | 'schemas' | 'map' | 'schema-or-schemas' | 'map-or-names' | 'value';

/** Keywords whose schemas apply to the same instance location as the schema they stand in. */
export const IN_PLACE: ReadonlySet<string> = new Set([
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
  'dependencies',
]);

/** Keywords that only hold schemas for others to refer to. */
export const HOLDERS: ReadonlySet<string> = new Set(['$defs', 'definitions', 'contentSchema']);

const SHARED: readonly (readonly [string, Slot])[] = [
  ['allOf', 'schemas'],
  ['anyOf', 'schemas'],
  ['oneOf', 'schemas'],
  ['not', 'schema'],
  ['if', 'schema'],
  ['then', 'schema'],
  ['else', 'schema'],
  ['properties', 'map'],
  ['patternProperties', 'map'],
  ['additionalProperties', 'schema'],
  ['propertyNames', 'schema'],
  ['contains', 'schema'],
  ['dependencies', 'map-or-names'],
  ['$defs', 'map'],
  ['definitions', 'map'],
  ...[
    ...['type', 'enum', 'const', 'multipleOf', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum'],
    ...['maxLength', 'minLength', 'pattern', 'format', 'maxItems', 'minItems', 'uniqueItems'],
    ...['maxProperties', 'minProperties', 'required'],
  ].map((keyword) => [keyword, 'value'] as const),
];

/** The keywords that decide a verdict, by dialect. Whatever is not here is an annotation and has no effect. */
export const KEYWORDS: Readonly<Record<Dialect, ReadonlyMap<string, Slot>>> = {
  '2020-12': new Map<string, Slot>([
    ...SHARED,
    ['prefixItems', 'schemas'],
    ['items', 'schema'],
    ['unevaluatedItems', 'schema'],
    ['unevaluatedProperties', 'schema'],
    ['dependentSchemas', 'map'],
    ['contentSchema', 'schema'],
    ['dependentRequired', 'value'],
    ['maxContains', 'value'],
    ['minContains', 'value'],
  ]),
  'draft-07': new Map<string, Slot>([
    ...SHARED,
    ['items', 'schema-or-schemas'],
    ['additionalItems', 'schema'],
  ]),
};
