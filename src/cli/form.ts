import { FerroError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import type { ElicitResult, JsonSchema } from '../core/mcp.ts';

/** The fields of a form elicitation (2026-07-28, client/elicitation: flat objects of primitives and choices). */

export interface FormOption {
  readonly value: string;
  readonly label: string;
}

export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly description: string | undefined;
  readonly required: boolean;
  readonly kind: 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'choices';
  readonly options: readonly FormOption[];
  readonly fallback: FieldValue | undefined;
  readonly format: string | undefined;
  /** Length, value or number of choices, by kind. */
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

export type FieldValue = string | number | boolean | readonly string[];
export type FormContent = NonNullable<ElicitResult['content']>;

/** Fields one form may have, and choices one field may offer. */
const MAX_FIELDS = 100;
const MAX_OPTIONS = 1_000;

const textOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;
const numberOf = (value: JsonValue | undefined): number | undefined =>
  typeof value === 'number' ? value : undefined;

function unreadable(detail: string): FerroError {
  return new FerroError('CLIENT_INPUT_FAILED', {
    detail: `the form of the server cannot be shown: ${detail}`,
  });
}

function optionsOf(schema: JsonObject, field: string): readonly FormOption[] {
  const { enum: values, enumNames } = schema;
  const titled = schema['oneOf'] ?? schema['anyOf'];
  let options: readonly FormOption[] = [];
  if (Array.isArray(values)) {
    const names = Array.isArray(enumNames) ? enumNames : [];
    options = values.map((value, index) => ({
      value: String(value),
      label: textOf(names[index]) ?? String(value),
    }));
  } else if (Array.isArray(titled)) {
    options = titled.filter(isJsonObject).map((entry) => {
      const value = textOf(entry['const']);
      if (value === undefined) throw unreadable(`a choice of ${field} has no value`);
      return { value, label: textOf(entry['title']) ?? value };
    });
  }
  if (options.length > MAX_OPTIONS) throw unreadable(`${field} offers more than ${MAX_OPTIONS} choices`);
  return options;
}

function kindOf(schema: JsonObject, options: readonly FormOption[], field: string): FormField['kind'] {
  switch (schema['type']) {
    case 'string':
      return options.length > 0 ? 'choice' : 'text';
    case 'number':
    case 'integer':
    case 'boolean':
      return schema['type'];
    case 'array':
      return 'choices';
    default:
      throw unreadable(`${field} is neither text, number, boolean nor a choice`);
  }
}

function readField(name: string, schema: JsonValue | undefined, required: boolean): FormField {
  if (!isJsonObject(schema)) throw unreadable(`${name} has no schema`);
  const items = isJsonObject(schema['items']) ? schema['items'] : undefined;
  const options = optionsOf(schema['type'] === 'array' ? (items ?? {}) : schema, name);
  const kind = kindOf(schema, options, name);
  if (kind === 'choices' && options.length === 0) throw unreadable(`${name} offers no choices`);
  const bounds = {
    text: ['minLength', 'maxLength'],
    number: ['minimum', 'maximum'],
    integer: ['minimum', 'maximum'],
    choices: ['minItems', 'maxItems'],
    boolean: ['', ''],
    choice: ['', ''],
  }[kind];
  const field: FormField = {
    name,
    label: textOf(schema['title']) ?? name,
    description: textOf(schema['description']),
    required,
    kind,
    options,
    fallback: undefined,
    format: textOf(schema['format']),
    minimum: numberOf(schema[bounds[0] ?? '']),
    maximum: numberOf(schema[bounds[1] ?? '']),
  };
  const fallback = schema['default'];
  if (fallback === undefined || checkField(field, fallback) !== undefined) return field;
  return { ...field, fallback: fallback as FieldValue };
}

/** Reads the requested schema; throws `CLIENT_INPUT_FAILED` when it is not a form. */
export function readForm(schema: JsonSchema): readonly FormField[] {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const entries = Object.entries(properties);
  if (entries.length > MAX_FIELDS) throw unreadable(`more than ${MAX_FIELDS} fields`);
  return entries.map(([name, property]) => readField(name, property, required.includes(name)));
}

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  email: (text) => /^[^\s@]{1,64}@[^\s@]{1,255}$/.test(text),
  uri: (text) => URL.canParse(text),
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  'date-time': (text) => /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text)),
};

function outside(field: FormField, size: number, what: string): string | undefined {
  if (field.minimum !== undefined && size < field.minimum) return `${what} at least ${field.minimum}`;
  if (field.maximum !== undefined && size > field.maximum) return `${what} at most ${field.maximum}`;
  return undefined;
}

/** What is wrong with a value for a field, or undefined. */
export function checkField(field: FormField, value: unknown): string | undefined {
  const offered = (item: unknown): boolean => field.options.some((option) => option.value === item);
  switch (field.kind) {
    case 'text': {
      if (typeof value !== 'string') return 'must be text';
      const known = field.format === undefined ? undefined : FORMATS[field.format];
      if (known !== undefined && !known(value)) return `must be a valid ${field.format}`;
      return outside(field, [...value].length, 'its length must be');
    }
    case 'number':
    case 'integer':
      if (typeof value !== 'number' || !Number.isFinite(value)) return 'must be a number';
      if (field.kind === 'integer' && !Number.isInteger(value)) return 'must be a whole number';
      return outside(field, value, 'must be');
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'choice':
      return offered(value) ? undefined : 'must be one of the choices';
    case 'choices':
      if (!Array.isArray(value) || !value.every(offered)) return 'must be a list of the choices';
      return outside(field, value.length, 'the number of choices must be');
  }
}

/** Reads what somebody typed for a field. */
export function parseFieldText(field: FormField, text: string): FieldValue {
  const choice = (word: string): string => {
    const number = /^\d{1,4}$/.test(word) ? field.options[Number(word) - 1] : undefined;
    const exact = field.options.find((option) => option.value === word || option.label === word);
    return (exact ?? number)?.value ?? word;
  };
  switch (field.kind) {
    case 'text':
      return text;
    case 'number':
    case 'integer':
      return text.trim() === '' ? Number.NaN : Number(text);
    case 'boolean': {
      const word = text.trim().toLowerCase();
      if (['y', 'yes', 'true', '1'].includes(word)) return true;
      return ['n', 'no', 'false', '0'].includes(word) ? false : text;
    }
    case 'choice':
      return choice(text.trim());
    case 'choices':
      return text
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== '')
        .map(choice);
  }
}

/**
 * Checks a prepared answer against the form and fills in defaults; throws `CLIENT_INPUT_FAILED` naming the field.
 */
export function completeAnswer(fields: readonly FormField[], answer: JsonObject): FormContent {
  const content = new Map<string, FieldValue>();
  const known = new Set(fields.map((field) => field.name));
  for (const name of Object.keys(answer)) {
    if (!known.has(name)) {
      throw new FerroError('CLIENT_INPUT_FAILED', {
        detail: `the answer has ${name}, which the server does not ask`,
      });
    }
  }
  for (const field of fields) {
    const value = (Object.hasOwn(answer, field.name) ? answer[field.name] : undefined) ?? field.fallback;
    if (value === undefined) {
      if (!field.required) continue;
      throw new FerroError('CLIENT_INPUT_FAILED', {
        detail: `the answer lacks ${field.name}, which is required`,
      });
    }
    const problem = checkField(field, value);
    if (problem !== undefined) {
      throw new FerroError('CLIENT_INPUT_FAILED', { detail: `${field.name} in the answer ${problem}` });
    }
    content.set(field.name, value as FieldValue);
  }
  return Object.fromEntries(content);
}
