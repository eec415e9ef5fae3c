import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isJsonObject } from '../../../core/json.ts';
import {
  closest,
  MAX_ISSUES,
  truncate,
  typeName,
  type ValidationIssue,
} from '../../../protocol/schema/index.ts';

const MAX_MESSAGE = 300;
/** Shorter strings are not worth hiding, and would tear ordinary words apart. */
const MIN_HIDDEN = 4;

function segments(issue: StandardSchemaV1.Issue): readonly PropertyKey[] {
  return (issue.path ?? []).map((segment) => (typeof segment === 'object' ? segment.key : segment));
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  return value;
}

/** Some libraries repeat the refused value in their message; it may be a secret. */
function hideValue(message: string, value: unknown): string {
  if (typeof value !== 'string' || value.length < MIN_HIDDEN) return message;
  return message.replaceAll(JSON.stringify(value), 'a string').replaceAll(value, '…');
}

/** Names of unknown properties, where the library tells them (Zod). */
function unknownKeys(issue: StandardSchemaV1.Issue): readonly string[] {
  const { keys } = issue as { readonly keys?: unknown };
  return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : [];
}

/**
 * Issues of a Standard Schema in the form of the JSON Schema validator.
 * @param known names of the properties at the root, for “did you mean”
 */
export function fromStandardIssues(
  issues: readonly StandardSchemaV1.Issue[],
  value: unknown,
  known: readonly string[],
): readonly ValidationIssue[] {
  return issues.slice(0, MAX_ISSUES).map((issue) => {
    const keys = segments(issue);
    const given = valueAt(value, keys);
    const path = keys
      .map((key) => `/${truncate(String(key)).replaceAll('~', '~0').replaceAll('/', '~1')}`)
      .join('');
    const told = hideValue(truncate(issue.message, MAX_MESSAGE), given);
    // A primitive's type helps; of objects and absent values the message says it all.
    const type = given === undefined || typeof given === 'object' ? '' : ` (got ${typeName(given)})`;
    const hint = suggestion(issue, keys, value, known);
    return { path, keyword: 'schema', message: `${told}${type}`, ...(hint === undefined ? {} : { hint }) };
  });
}

function suggestion(
  issue: StandardSchemaV1.Issue,
  path: readonly PropertyKey[],
  root: unknown,
  known: readonly string[],
): string | undefined {
  const [missing] = path;
  if (path.length === 0) {
    const near = unknownKeys(issue).flatMap((key) => closest(key, known) ?? []);
    return near.length === 0
      ? undefined
      : `did you mean ${near.map((name) => JSON.stringify(name)).join(', ')}?`;
  }
  if (path.length > 1 || typeof missing !== 'string' || !isJsonObject(root) || Object.hasOwn(root, missing))
    return undefined;
  const near = closest(
    missing,
    Object.keys(root).filter((key) => !known.includes(key)),
  );
  return near === undefined
    ? undefined
    : `${JSON.stringify(truncate(near))} was given; the name is ${JSON.stringify(missing)}`;
}
