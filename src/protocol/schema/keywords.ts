import { _, type Code, type CodeKeywordDefinition, type KeywordCxt } from 'ajv/dist/2020.js';
import { ValidationBudgetExceeded } from './budget.ts';
import { canonicalText } from './canonical.ts';
import { METER } from './flatten.ts';

/** Steps left in the running validation. Validation is synchronous, so one counter serves all validators. */
export interface Meter {
  left: number;
}

/** Values deeper than this do not arrive (the codec refuses them); handlers' own values may, and are refused here. */
const VALUE_BOUNDS = { depth: 1_000, nodes: Number.POSITIVE_INFINITY };

function text(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? canonicalText(value, VALUE_BOUNDS)
    : JSON.stringify(value);
}

/** Index of the first item equal to an earlier one, or -1; linear, where comparing all pairs is quadratic. */
function firstDuplicate(items: readonly unknown[]): number {
  const seen = new Set<unknown>();
  for (const [index, item] of items.entries()) {
    // Strings are kept apart from the JSON text of objects by the prefix; other primitives are their own key.
    const key =
      typeof item === 'string' ? `"${item}` : typeof item === 'object' && item !== null ? text(item) : item;
    if (seen.has(key)) return index;
    seen.add(key);
  }
  return -1;
}

/** Membership in constant time for any number of allowed values. */
class ValueSet {
  readonly #primitives: ReadonlySet<unknown>;
  readonly #structures: ReadonlySet<string>;

  constructor(values: readonly unknown[]) {
    const isStructure = (value: unknown): boolean => typeof value === 'object' && value !== null;
    this.#primitives = new Set(values.filter((value) => !isStructure(value)));
    this.#structures = new Set(values.filter(isStructure).map(text));
  }

  has(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return this.#primitives.has(value);
    return this.#structures.size > 0 && this.#structures.has(text(value));
  }
}

function exceeded(): never {
  throw new ValidationBudgetExceeded();
}

/** Replacements and additions to ajv's vocabulary. `replaces` names built-in keywords that must be removed first. */
export function ownKeywords(
  meter: Meter,
): readonly { readonly replaces: boolean; readonly definition: CodeKeywordDefinition }[] {
  const reference = (cxt: KeywordCxt, value: object): Code => cxt.gen.scopeValue('obj', { ref: value });
  return [
    {
      replaces: true,
      definition: {
        keyword: 'uniqueItems',
        type: 'array',
        schemaType: 'boolean',
        error: {
          message: 'must not have equal items',
          params: ({ params }) => _`{ index: ${params['index'] ?? -1} }`,
        },
        code(cxt) {
          if (cxt.schema !== true) return;
          const index = cxt.gen.const('index', _`${reference(cxt, firstDuplicate)}(${cxt.data})`);
          cxt.setParams({ index });
          cxt.fail(_`${index} !== -1`);
        },
      },
    },
    {
      replaces: true,
      definition: {
        keyword: 'enum',
        schemaType: 'array',
        error: { message: 'must be one of the allowed values' },
        code(cxt) {
          const values = new ValueSet(cxt.schema as readonly unknown[]);
          cxt.fail(_`!${reference(cxt, values)}.has(${cxt.data})`);
        },
      },
    },
    {
      // ajv compares structures by calling methods that the value itself may carry, such as toString.
      replaces: true,
      definition: {
        keyword: 'const',
        error: {
          message: 'must be the allowed value',
          params: ({ schemaCode }) => _`{ allowedValue: ${schemaCode} }`,
        },
        code(cxt) {
          const values = new ValueSet([cxt.schema]);
          cxt.fail(_`!${reference(cxt, values)}.has(${cxt.data})`);
        },
      },
    },
    {
      replaces: false,
      definition: {
        keyword: METER,
        // First of all: a keyword that fails ends the subschema, and a failing recursion would never be counted.
        before: '$ref',
        schemaType: 'boolean',
        code(cxt) {
          const counter = reference(cxt, meter);
          cxt.gen.if(_`--${counter}.left < 0`, () => cxt.gen.code(_`${reference(cxt, exceeded)}()`));
        },
      },
    },
  ];
}
