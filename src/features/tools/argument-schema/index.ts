/** What a tool declares as input and output: conversion, checking, and the failure a model can act on. */
export {
  type Checked,
  type PreparedSchema,
  prepareArguments,
  prepareOutput,
} from './argument-schema.ts';
export { ARGUMENT_ISSUES, argumentFailure } from './failure.ts';
export {
  ANY_OBJECT,
  type Direction,
  isStandardSchema,
  requireObjectRoot,
  toJsonSchema,
} from './standard-schema.ts';
export type { InferArguments, InferResult, SchemaInput } from './types.ts';
