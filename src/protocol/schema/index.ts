/** JSON Schema: the validation cache, what a refused value is told, and the header annotations of tool parameters. */
export {
  SchemaCache,
  type SchemaCacheLimits,
  type SchemaCacheOptions,
  type SchemaCacheStatistics,
  type Validator,
} from './cache.ts';
export { closest } from './closest.ts';
export { type Dialect, dialectOf } from './dialect.ts';
export { HEADER_ANNOTATION, type HeaderParameter, headerParameters } from './header-parameters.ts';
export { MAX_ISSUES, truncate, typeName, type ValidationIssue } from './issue.ts';
export { compilePattern, type PatternMatcher } from './pattern-engine.ts';
