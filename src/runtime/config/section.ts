import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { Diagnostics } from './diagnostics.ts';
import type { DocumentPath } from './located-document.ts';
import type { OptionSchema } from './schema.ts';
import { suggest } from './suggestion.ts';

const validators = new WeakMap<OptionSchema, ValidateFunction>();

function validatorOf(schema: OptionSchema): ValidateFunction {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const ajv = new Ajv2020({ allErrors: true, strict: true });
  ajv.addKeyword({ keyword: 'x-unit', schemaType: 'string' });
  const validate = ajv.compile(schema);
  validators.set(schema, validate);
  return validate;
}

/** Checks one of our own sections strictly; problems go to `diagnostics`, and then the result is undefined. */
export function readSection(
  value: JsonValue | undefined,
  schema: OptionSchema,
  path: DocumentPath,
  diagnostics: Diagnostics,
): JsonObject | undefined {
  if (value === undefined) return {};
  if (!isJsonObject(value)) {
    diagnostics.error('CONFIG_INVALID', path, 'must be an object');
    return undefined;
  }
  const validate = validatorOf(schema);
  if (validate(value)) return value;
  for (const error of validate.errors ?? []) report(error, schema, path, diagnostics);
  return undefined;
}

function report(
  error: ErrorObject,
  schema: OptionSchema,
  path: DocumentPath,
  diagnostics: Diagnostics,
): void {
  const inside = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const at = [...path, ...inside.map((part) => (/^\d+$/.test(part) ? Number(part) : part))];
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params['additionalProperty']);
    const guess = suggest(key, knownKeys(schema, inside));
    const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
    diagnostics.error('CONFIG_UNKNOWN_KEY', [...at, key], `unknown key ${JSON.stringify(key)}${hint}`, {
      key: true,
    });
    return;
  }
  const allowed: unknown = error.params['allowedValues'];
  const detail = Array.isArray(allowed) ? `: ${allowed.map(String).join(', ')}` : '';
  diagnostics.error('CONFIG_INVALID', at, `${error.message ?? 'is invalid'}${detail}`);
}

function knownKeys(schema: OptionSchema, inside: readonly string[]): readonly string[] {
  let current: OptionSchema | undefined = schema;
  for (const part of inside) current = current?.properties?.[part];
  return Object.keys(current?.properties ?? {});
}
