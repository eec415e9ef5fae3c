/** One reason why a value is refused. Texts never carry the value itself, so they may be logged and shown. */
export interface ValidationIssue {
  /** JSON pointer to the offending value; `''` is the whole value. A missing property is named by where it belongs. */
  readonly path: string;
  /** JSON Schema keyword that failed; `budget` when checking took too much work, `schema` for a foreign validator. */
  readonly keyword: string;
  /** What is expected and which type was given. */
  readonly message: string;
  /** What to do about it, when that can be told. */
  readonly hint?: string;
}

/** Issues reported of one value; the rest is left out. */
export const MAX_ISSUES = 20;

const MAX_LISTED = 10;
const MAX_SHOWN = 80;

/** JSON type of a value as schemas name it. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

export function truncate(text: string, length: number = MAX_SHOWN): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** Values of a schema, for a message. */
export function listValues(values: readonly unknown[]): string {
  const shown = values.slice(0, MAX_LISTED).map((value) => truncate(JSON.stringify(value) ?? String(value)));
  return values.length > MAX_LISTED ? `${shown.join(', ')}, … (${values.length} in all)` : shown.join(', ');
}
