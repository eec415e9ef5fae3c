import { createHash } from 'node:crypto';
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { LRUCache } from 'lru-cache';
import { FerroError, isFerroError } from '../../core/errors.ts';
import { DEFAULT_LIMITS, type Limits } from '../../core/limits.ts';
import { ValidationBudgetExceeded } from './budget.ts';
import { canonicalText } from './canonical.ts';
import { SchemaCompiler } from './compiler.ts';
import { measureComplexity } from './complexity.ts';
import type { Dialect } from './dialect.ts';
import { SchemaDocument, type SchemaValue } from './document.ts';
import { explain } from './explain.ts';
import { Flattener, type Metering } from './flatten.ts';
import type { ValidationIssue } from './issue.ts';

/**
 * Checks a value; `undefined` means that it is valid. Never throws, never changes the value, allocates nothing on success.
 */
export type Validator = (data: unknown) => readonly ValidationIssue[] | undefined;

export type SchemaCacheLimits = Pick<
  Limits,
  | 'schemaDepth'
  | 'schemaNodes'
  | 'schemaCompileMs'
  | 'schemaCacheEntries'
  | 'schemaSteps'
  | 'jsonDepth'
  | 'jsonNodes'
>;

export interface SchemaCacheOptions {
  readonly limits?: Partial<SchemaCacheLimits>;
}

export interface SchemaCacheStatistics {
  /** Look-ups answered without compiling. */
  readonly hits: number;
  readonly misses: number;
  /** Entries dropped because the cache was full. */
  readonly evictions: number;
  readonly entries: number;
  /** Time spent in compilation, in milliseconds, over the life of the cache. */
  readonly compileMs: number;
  /** Schemas that were refused; each counts as a miss too. */
  readonly refused: number;
  /** Compilations that took longer than `schemaCompileMs` although their estimate was within it. */
  readonly slow: number;
}

type Entry = { readonly validator: Validator } | { readonly error: FerroError };

/** Steps for finding all errors; when they are used up, the first error alone is reported. */
const EXPLAIN_STEPS = 10_000;
/** Schemas that expand to no more subschemas than this need no metering: their work is bounded by the value's size. */
const UNMETERED = 2_000;
/** Subschemas after references are resolved, as a multiple of those in the document. */
const FLATTENING = 4;

const BUDGET_ISSUES: readonly ValidationIssue[] = [
  {
    path: '',
    keyword: 'budget',
    message: 'takes more work to check than allowed',
    hint: 'send a smaller or less deeply nested value',
  },
];

/**
 * Compiled validators by content of the schema: equal schemas are compiled once, however many objects carry them. A schema
 * that was refused stays refused without being looked at again. Schema objects are read once and must not be changed
 * afterwards; they are never written to.
 */
export class SchemaCache {
  readonly #limits: SchemaCacheLimits;
  readonly #compiler = new SchemaCompiler();
  readonly #entries: LRUCache<string, Entry>;
  /** Content key by identity, so that the content of one object is read only once. */
  readonly #keys = new WeakMap<object, string>();
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #compileMs = 0;
  #refused = 0;
  #slow = 0;

  constructor(options: SchemaCacheOptions = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#entries = new LRUCache({
      max: this.#limits.schemaCacheEntries,
      dispose: (_entry, _key, reason) => {
        if (reason === 'evict') this.#evictions += 1;
      },
    });
  }

  /**
   * The validator of a schema (2020-12 without `$schema`, or draft-07).
   * @throws FerroError `SCHEMA_DIALECT`, `SCHEMA_INVALID`, `SCHEMA_REF`, `SCHEMA_BUDGET`, `SCHEMA_PATTERN`
   */
  compile(schema: SchemaValue): Validator {
    let text: string | undefined;
    let key = typeof schema === 'object' ? this.#keys.get(schema) : undefined;
    if (key === undefined) {
      text = this.#text(schema);
      key = createHash('sha256').update(text).digest('base64');
      if (typeof schema === 'object') this.#keys.set(schema, key);
    }
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#misses += 1;
      entry = this.#create(text ?? this.#text(schema));
      this.#entries.set(key, entry);
    } else {
      this.#hits += 1;
    }
    if ('error' in entry) throw entry.error;
    return entry.validator;
  }

  /** Compiles a schema ahead of its first use; same errors as {@link compile}. */
  preload(schema: SchemaValue): void {
    this.compile(schema);
  }

  stats(): SchemaCacheStatistics {
    return {
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      entries: this.#entries.size,
      compileMs: this.#compileMs,
      refused: this.#refused,
      slow: this.#slow,
    };
  }

  #text(schema: SchemaValue): string {
    return canonicalText(schema, { depth: this.#limits.jsonDepth, nodes: this.#limits.jsonNodes });
  }

  #create(text: string): Entry {
    const started = performance.now();
    try {
      return { validator: this.#build(text) };
    } catch (error) {
      this.#refused += 1;
      if (isFerroError(error)) return { error };
      throw error;
    } finally {
      const took = performance.now() - started;
      this.#compileMs += took;
      if (took > this.#limits.schemaCompileMs) this.#slow += 1;
    }
  }

  #build(text: string): Validator {
    const { schemaDepth, schemaNodes, schemaCompileMs, schemaSteps } = this.#limits;
    const open = (): SchemaDocument =>
      // A private copy: nothing the caller does to its object later has an effect here.
      new SchemaDocument(JSON.parse(text) as SchemaValue, { depth: schemaDepth, nodes: schemaNodes });
    const flatten = (document: SchemaDocument, metering: Metering): SchemaValue =>
      new Flattener(document, metering, FLATTENING * schemaNodes).flatten();

    const document = open();
    const { dialect } = document;
    this.#compiler.check(document.root.schema, dialect);
    let flat = flatten(document, 'none');
    const { expanded, compileMs } = measureComplexity(flat, dialect);
    // The estimate decides, so that the same schema always gets the same answer; compilation cannot be interrupted.
    if (compileMs > schemaCompileMs) {
      throw new FerroError('SCHEMA_BUDGET', {
        detail: `compiling it would take more than ${schemaCompileMs} ms`,
      });
    }
    const metered = expanded > UNMETERED;
    if (metered) flat = flatten(document, 'references');
    const verdict = this.#compiler.compile(flat, dialect, 'verdict');
    return this.#validator(verdict, metered ? schemaSteps : 0, () => flatten(open(), 'all'), dialect);
  }

  #validator(
    verdict: ValidateFunction,
    steps: number,
    rebuild: () => SchemaValue,
    dialect: Dialect,
  ): Validator {
    const { meter } = this.#compiler;
    let explainer: { readonly validate: ValidateFunction; readonly schema: SchemaValue } | undefined;

    const reasons = (data: unknown, first: readonly ErrorObject[]): readonly ValidationIssue[] => {
      if (explainer === undefined) {
        const started = performance.now();
        const schema = rebuild();
        explainer = { schema, validate: this.#compiler.compile(schema, dialect, 'explain') };
        this.#compileMs += performance.now() - started;
      }
      try {
        meter.left = EXPLAIN_STEPS;
        explainer.validate(data);
        const errors = takeErrors(explainer.validate);
        if (errors.length > 0) return explain(errors, explainer.schema);
      } catch (error) {
        refuseForeign(error);
      }
      return explain(first.slice(0, 1), true);
    };

    return (data) => {
      try {
        meter.left = steps;
        if (verdict(data) === true) return undefined;
      } catch (error) {
        refuseForeign(error);
        return BUDGET_ISSUES;
      }
      return reasons(data, takeErrors(verdict));
    };
  }
}

function takeErrors(validate: ValidateFunction): readonly ErrorObject[] {
  const errors = validate.errors ?? [];
  // ajv keeps the last errors, and with them the value, alive.
  validate.errors = null;
  return errors;
}

/** Lets through what a value can cause: too much work, too deep nesting, values JSON does not have. */
function refuseForeign(error: unknown): void {
  if (error instanceof ValidationBudgetExceeded || error instanceof RangeError || isFerroError(error)) return;
  throw error;
}
