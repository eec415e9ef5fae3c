import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { JsonValue } from '../../core/json.ts';

/** Where something stands in a configuration file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export type DocumentPath = readonly (string | number)[];

/** A parsed configuration text that still knows where each value stood. */
export interface LocatedDocument {
  readonly value: JsonValue;
  /** Position of the value at `path`, of its key with `key: true`, or of the nearest parent that exists. */
  locate(path: DocumentPath, options?: { readonly key?: boolean }): Position | undefined;
}

export interface SyntaxProblem extends Position {
  readonly message: string;
}

/** Thrown by the parsers below; `problems` is never empty. */
export class DocumentSyntaxError extends Error {
  readonly problems: readonly SyntaxProblem[];

  constructor(problems: readonly SyntaxProblem[]) {
    super(problems[0]?.message ?? 'syntax error');
    this.name = 'DocumentSyntaxError';
    this.problems = problems;
  }
}

/** Nesting a configuration file may have; real ones stay below ten. */
const MAX_DEPTH = 64;

/** Parses JSON with comments and trailing commas. @throws DocumentSyntaxError */
export function parseJsonDocument(text: string): LocatedDocument {
  const lines = lineStarts(text);
  const errors: ParseError[] = [];
  guardDepth(text);
  const root = parseTree(text, errors, { allowTrailingComma: true, disallowComments: false });
  if (errors.length > 0 || root === undefined) {
    const problems = errors.map((error) => ({
      ...positionAt(lines, error.offset),
      message: printParseErrorCode(error.error),
    }));
    throw new DocumentSyntaxError(
      problems.length > 0 ? problems : [{ line: 1, column: 1, message: 'the file is empty' }],
    );
  }
  return {
    value: jsonValue(root, lines),
    locate(path, options) {
      for (let length = path.length; length >= 0; length -= 1) {
        const node = findNodeAtLocation(root, [...path.slice(0, length)]);
        if (node === undefined) continue;
        const keyed = options?.key === true && length === path.length && node.parent?.type === 'property';
        return positionAt(lines, keyed ? (node.parent?.offset ?? node.offset) : node.offset);
      }
      return undefined;
    },
  };
}

/** Parses YAML 1.2. @throws DocumentSyntaxError */
export function parseYamlDocument(text: string): LocatedDocument {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true, prettyErrors: false });
  const toPosition = (offset: number): Position => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (document.errors.length > 0) {
    throw new DocumentSyntaxError(
      document.errors.map((error) => ({ ...toPosition(error.pos[0]), message: error.message })),
    );
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new DocumentSyntaxError([
      { line: 1, column: 1, message: error instanceof Error ? error.message : 'cannot be resolved' },
    ]);
  }
  return {
    value: plainYaml(value, 0),
    locate(path, options) {
      for (let length = path.length; length >= 0; length -= 1) {
        const part = path.slice(0, length);
        if (options?.key === true && length === path.length && length > 0) {
          const parent = document.getIn(part.slice(0, -1), true);
          const container = length === 1 ? document.contents : parent;
          if (isMap(container)) {
            const key = container.items.find(
              (pair) => isScalar(pair.key) && pair.key.value === part.at(-1),
            )?.key;
            if (isScalar(key) && key.range) return toPosition(key.range[0]);
          }
        }
        const node: unknown = length === 0 ? document.contents : document.getIn(part, true);
        const range = (node as { range?: readonly number[] | null } | null | undefined)?.range;
        if (range?.[0] !== undefined) return toPosition(range[0]);
      }
      return undefined;
    },
  };
}

function jsonValue(node: Node, lines: readonly number[]): JsonValue {
  if (node.type === 'array') return (node.children ?? []).map((child) => jsonValue(child, lines));
  if (node.type !== 'object') return node.value as JsonValue;
  const result: Record<string, JsonValue> = {};
  for (const property of node.children ?? []) {
    const [keyNode, valueNode] = property.children ?? [];
    if (keyNode === undefined || valueNode === undefined) continue;
    const key = String(keyNode.value);
    refuseKey(key, result, () => positionAt(lines, property.offset));
    result[key] = jsonValue(valueNode, lines);
  }
  return result;
}

/** Only plain data leaves the YAML parser: no dates, no binary, no maps with keys that are not strings. */
function plainYaml(value: unknown, depth: number): JsonValue {
  if (depth > MAX_DEPTH)
    throw new DocumentSyntaxError([{ line: 1, column: 1, message: 'nested too deeply' }]);
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map((item) => plainYaml(item, depth + 1));
  if (typeof value === 'object') {
    const result: Record<string, JsonValue> = {};
    for (const [key, item] of Object.entries(value)) {
      refuseKey(key, result, () => ({ line: 1, column: 1 }));
      result[key] = plainYaml(item, depth + 1);
    }
    return result;
  }
  return String(value);
}

function refuseKey(key: string, seen: object, position: () => Position): void {
  if (key === '__proto__') {
    throw new DocumentSyntaxError([{ ...position(), message: 'the key "__proto__" is not allowed' }]);
  }
  if (Object.hasOwn(seen, key)) {
    throw new DocumentSyntaxError([
      { ...position(), message: `the key ${JSON.stringify(key.slice(0, 100))} is there twice` },
    ]);
  }
}

/** The JSON parser recurses; refuse absurd nesting before it does. */
function guardDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (inString) {
      if (char === '\\') index += 1;
      else if (char === '"' || char === '\n') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') {
      depth += 1;
      if (depth > MAX_DEPTH) {
        throw new DocumentSyntaxError([
          { ...positionAt(lineStarts(text), index), message: 'nested too deeply' },
        ]);
      }
    } else if (char === '}' || char === ']') depth -= 1;
  }
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let index = text.indexOf('\n'); index !== -1; index = text.indexOf('\n', index + 1)) {
    starts.push(index + 1);
  }
  return starts;
}

function positionAt(starts: readonly number[], offset: number): Position {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}
