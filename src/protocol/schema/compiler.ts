import { Ajv2020, MissingRefError } from 'ajv/dist/2020.js';
import { Ajv, type ValidateFunction } from 'ajv/dist/ajv.js';
import { FerroError, isFerroError } from '../../core/errors.ts';
import type { JsonSchema } from '../../core/mcp.ts';
import type { Dialect } from './dialect.ts';
import type { SchemaValue } from './document.ts';
import { FORMATS } from './formats.ts';
import { type Meter, ownKeywords } from './keywords.ts';
import { compilePattern } from './pattern-engine.ts';

/** `verdict` stops at the first error; `explain` finds all and keeps the schema beside each error. */
export type CompileMode = 'verdict' | 'explain';

/**
 * An ajv instance holds on to everything it has compiled, so it is replaced after this many compilations. Making one costs
 * less than a compilation, but not nothing.
 */
const COMPILATIONS_PER_INSTANCE = 64;
/** References to schemas of up to this many keywords are copied in instead of called; more would multiply the code. */
const INLINE_KEYWORDS = 8;

const regExp = Object.assign(
  (pattern: string) => {
    const matcher = compilePattern(pattern);
    // ajv tells patterns apart by their text.
    return { test: (text: string) => matcher.test(text), toString: () => pattern };
  },
  { code: 'compilePattern' },
);

/** Compiled meta-schemas; they take far longer to compile than most schemas and hold nothing of a caller. */
const CHECKERS = new Map<Dialect, Ajv>();

/** Compiles flattened schemas; see `flatten.ts`. */
export class SchemaCompiler {
  /** Budget of the running validation, for schemas with metering. */
  readonly meter: Meter = { left: 0 };
  readonly #instances = new Map<string, { readonly ajv: Ajv; compilations: number }>();

  /**
   * Checks a schema against the meta-schema of its dialect.
   * @throws FerroError `SCHEMA_INVALID`
   */
  check(schema: SchemaValue, dialect: Dialect): void {
    let checker = CHECKERS.get(dialect);
    if (checker === undefined) {
      const options = { strict: false, logger: false, validateFormats: false, messages: true } as const;
      checker = dialect === '2020-12' ? new Ajv2020(options) : new Ajv(options);
      CHECKERS.set(dialect, checker);
    }
    if (typeof schema === 'boolean') return;
    const { $schema: _, ...rest } = schema;
    if (checker.validateSchema(rest) === true) return;
    const [error] = checker.errors ?? [];
    const where = (error?.instancePath ?? '').slice(0, 200);
    checker.errors = null;
    throw new FerroError('SCHEMA_INVALID', {
      detail: `#${where} ${error?.message ?? 'does not follow the dialect'}`,
    });
  }

  /**
   * @throws FerroError `SCHEMA_PATTERN`, `SCHEMA_INVALID`, `SCHEMA_BUDGET`
   */
  compile(schema: SchemaValue, dialect: Dialect, mode: CompileMode): ValidateFunction {
    const key = `${dialect} ${mode}`;
    const instance = this.#instance(key, dialect, mode);
    instance.compilations += 1;
    try {
      const compiled = instance.ajv.compile(schema as JsonSchema);
      instance.ajv.removeSchema();
      return compiled;
    } catch (error) {
      // What a failed compilation leaves behind in the instance is not documented.
      this.#instances.delete(key);
      if (isFerroError(error)) throw error;
      if (error instanceof MissingRefError) throw new FerroError('SCHEMA_REF', { cause: error });
      if (error instanceof RangeError)
        throw new FerroError('SCHEMA_BUDGET', { detail: 'references', cause: error });
      throw new FerroError('SCHEMA_INVALID', { detail: describe(error), cause: error });
    }
  }

  #instance(key: string, dialect: Dialect, mode: CompileMode): { readonly ajv: Ajv; compilations: number } {
    const known = this.#instances.get(key);
    if (known !== undefined && known.compilations < COMPILATIONS_PER_INSTANCE) return known;
    const explain = mode === 'explain';
    const options = {
      strict: false,
      logger: false,
      meta: false,
      validateSchema: false,
      addUsedSchema: false,
      allErrors: explain,
      verbose: explain,
      messages: explain,
      // Names like `toString` are not properties of an object that does not have them itself.
      ownProperties: true,
      inlineRefs: INLINE_KEYWORDS,
      unicodeRegExp: true,
      // ajv's own optimizer takes time quadratic in the size of the code; V8 does as well without it.
      code: { regExp, optimize: false },
    } as const;
    const ajv = dialect === '2020-12' ? new Ajv2020(options) : new Ajv(options);
    for (const [name, format] of Object.entries(FORMATS)) ajv.addFormat(name, format);
    for (const { replaces, definition } of ownKeywords(this.meter)) {
      if (replaces) ajv.removeKeyword(String(definition.keyword));
      ajv.addKeyword(definition);
    }
    const instance = { ajv, compilations: 0 };
    this.#instances.set(key, instance);
    return instance;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'compilation failed';
}
