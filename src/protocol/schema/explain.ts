import type { ErrorObject } from 'ajv/dist/2020.js';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { hintFor, settleAlternatives } from './alternatives.ts';
import { closest } from './closest.ts';
import { pointerStep, type SchemaValue } from './document.ts';
import { listValues, MAX_ISSUES, truncate, typeName, type ValidationIssue } from './issue.ts';

const FORMAT_EXAMPLES: Readonly<Record<string, string>> = {
  'date-time': '2026-01-31T12:00:00Z',
  date: '2026-01-31',
  time: '12:00:00Z',
  duration: 'PT1H30M',
  email: 'name@example.com',
  uri: 'https://example.com/path',
  uuid: '123e4567-e89b-12d3-a456-426614174000',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  hostname: 'example.com',
};

type Draft = Pick<ValidationIssue, 'message'> & {
  readonly path?: string;
  readonly hint?: string | undefined;
};

function parameter(error: ErrorObject, name: string): unknown {
  return (error.params as Readonly<Record<string, unknown>>)[name];
}

function typeDraft(error: ErrorObject): Draft {
  const wanted = [parameter(error, 'type')].flat().map(String);
  const message = `must be ${wanted.join(' or ')}`;
  if (!('data' in error)) return { message };
  const { data } = error;
  return { message: `${message}, got ${typeName(data)}`, hint: typeHint(wanted, data) };
}

function typeHint(wanted: readonly string[], data: unknown): string | undefined {
  if (typeof data === 'string') {
    const text = data.trim();
    if (
      wanted.some((type) => type === 'integer' || type === 'number') &&
      /^-?\d+(?:\.\d+)?$/.test(text.slice(0, 400))
    ) {
      return 'send a JSON number, without quotes';
    }
    if (wanted.includes('boolean') && /^(?:true|false)$/i.test(text))
      return 'send true or false, without quotes';
    if (wanted.includes('object') && text.startsWith('{')) return 'send a JSON object, not its text';
    if (wanted.includes('array') && text.startsWith('[')) return 'send a JSON array, not its text';
  }
  if (wanted.includes('array')) return 'put the value into an array';
  if (wanted.includes('string') && (typeof data === 'number' || typeof data === 'boolean'))
    return 'put the value in quotes';
  if (wanted.includes('integer') && typeof data === 'number') return 'send a whole number';
  return undefined;
}

function propertyNames(error: ErrorObject): readonly string[] {
  const { properties } = error.parentSchema ?? {};
  return isJsonObject(properties) ? Object.keys(properties) : [];
}

function missingDraft(error: ErrorObject, message: string): Draft {
  const name = String(parameter(error, 'missingProperty'));
  const given = isJsonObject(error.data) ? Object.keys(error.data) : [];
  const known = propertyNames(error);
  const near = closest(
    name,
    given.filter((key) => !known.includes(key)),
  );
  return {
    path: error.instancePath + pointerStep(name),
    message,
    hint:
      near === undefined
        ? undefined
        : `${JSON.stringify(truncate(near))} was given; the name is ${JSON.stringify(name)}`,
  };
}

function extraDraft(error: ErrorObject): Draft {
  const name = String(parameter(error, 'additionalProperty') ?? parameter(error, 'unevaluatedProperty'));
  const known = propertyNames(error);
  const near = closest(name, known);
  let hint: string | undefined;
  if (near !== undefined) hint = `did you mean ${JSON.stringify(near)}?`;
  else if (known.length > 0) hint = `allowed: ${listValues(known)}`;
  return {
    path: error.instancePath + pointerStep(truncate(name)),
    message: 'is not an allowed property',
    hint,
  };
}

function draft(error: ErrorObject): Draft {
  switch (error.keyword) {
    case 'type':
      return typeDraft(error);
    case 'required':
      return missingDraft(error, 'is required');
    case 'dependentRequired':
    case 'dependencies':
      return missingDraft(error, `is required when ${JSON.stringify(parameter(error, 'property'))} is given`);
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return extraDraft(error);
    case 'enum': {
      const allowed = Array.isArray(error.schema) ? error.schema : [];
      if (allowed.length === 0) break;
      const message = `must be one of ${listValues(allowed)}, got ${typeName(error.data)}`;
      return { message, hint: hintFor(error.data, allowed) };
    }
    case 'const':
      return { message: `must be ${listValues([parameter(error, 'allowedValue')])}` };
    case 'pattern':
      return { message: `must match the pattern ${truncate(String(parameter(error, 'pattern')), 200)}` };
    case 'format': {
      const format = String(parameter(error, 'format'));
      const example = Object.hasOwn(FORMAT_EXAMPLES, format) ? FORMAT_EXAMPLES[format] : undefined;
      return {
        message: `must be a valid ${format}`,
        hint: example === undefined ? undefined : `for example ${example}`,
      };
    }
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return {
        message: `must be ${String(parameter(error, 'comparison'))} ${String(parameter(error, 'limit'))}`,
      };
    case 'propertyNames':
      return {
        path: error.instancePath + pointerStep(truncate(String(parameter(error, 'propertyName')))),
        message: 'is not an allowed property name',
      };
    case 'false schema':
      return { message: 'is not allowed' };
    case 'not':
      return { message: 'matches what is excluded here' };
    default:
      break;
  }
  return {
    message: truncate(
      error.message?.replace('must NOT', 'must not') ?? `does not satisfy ${error.keyword}`,
      200,
    ),
  };
}

function isIssue(entry: ErrorObject | ValidationIssue): entry is ValidationIssue {
  return 'path' in entry;
}

/** Errors of one validation as issues: one per cause, alternatives settled, at most {@link MAX_ISSUES}. */
export function explain(errors: readonly ErrorObject[], root: SchemaValue): readonly ValidationIssue[] {
  const issues = new Map<string, ValidationIssue>();
  const settled = typeof root === 'boolean' ? errors : settleAlternatives(errors, root as JsonObject);
  const causes = settled.filter(
    (entry) =>
      isIssue(entry) ||
      ((entry as { propertyName?: unknown }).propertyName === undefined && entry.keyword !== 'if'),
  );
  for (const entry of causes.length > 0 ? causes : settled) {
    if (issues.size >= MAX_ISSUES) break;
    const found = isIssue(entry) ? entry : finish(entry);
    issues.set(`${found.path} ${found.message}`, found);
  }
  return [...issues.values()];
}

function finish(error: ErrorObject): ValidationIssue {
  const { path = error.instancePath, message, hint } = draft(error);
  return { path, keyword: error.keyword, message, ...(hint === undefined ? {} : { hint }) };
}
