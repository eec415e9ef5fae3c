import { RE2JS } from 're2js';
import { FerroError } from '../../core/errors.ts';
import { ValidationBudgetExceeded } from './budget.ts';
import {
  complementRanges,
  LAST_CODE_POINT,
  type PatternNode,
  PatternUnsupported,
  type Ranges,
  readPattern,
} from './pattern-syntax.ts';
import { categoryOrScript } from './unicode-property.ts';

/** Decides whether a string matches; its running time grows linearly with the string. */
export interface PatternMatcher {
  test(text: string): boolean;
}

const MAX_PATTERN_LENGTH = 4_096;
/** Instructions of one RE2 program. */
const MAX_PROGRAM_SIZE = 2_000;
/** Instructions × characters of one match: keeps a large program on a long string within about a second. */
const MAX_MATCH_WORK = 20_000_000;
const MAX_NATIVE_ITEMS = 64;

function hex(code: number): string {
  return code.toString(16);
}

/** True for `^` item … `$`, where no item that may repeat can also take what follows it: nothing to backtrack into. */
function isDeterministic(node: PatternNode): boolean {
  if (node.kind !== 'sequence' || !isAssertion(node.items[0], 'start')) return false;
  const items = node.items.slice(1, isAssertion(node.items.at(-1), 'end') ? -1 : undefined);
  if (items.length > MAX_NATIVE_ITEMS) return false;
  const sets: { ranges: Ranges; min: number; max: number }[] = [];
  for (const item of items) {
    const [atom, min, max] = item.kind === 'repeat' ? [item.item, item.min, item.max] : [item, 1, 1];
    if (atom.kind !== 'set' || atom.properties.length > 0) return false;
    sets.push({ ranges: atom.negated ? complementRanges(atom.ranges) : atom.ranges, min, max });
  }
  return sets.every((item, index) => {
    if (item.min === item.max) return true;
    for (const next of sets.slice(index + 1)) {
      if (overlap(item.ranges, next.ranges)) return false;
      if (next.min > 0) return true;
    }
    return true;
  });
}

function isAssertion(node: PatternNode | undefined, which: 'start' | 'end'): boolean {
  return node?.kind === 'assertion' && node.which === which;
}

function overlap(a: Ranges, b: Ranges): boolean {
  return a.some(([from, to]) => b.some(([low, high]) => from <= high && low <= to));
}

function quantifier(min: number, max: number): string {
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

/** The pattern in RE2 syntax (`re2`) or in ECMA-262 syntax with flag `u` (`native`), sets spelled out. */
function write(node: PatternNode, syntax: 're2' | 'native'): string {
  const point = (code: number): string => (syntax === 're2' ? `\\x{${hex(code)}}` : `\\u{${hex(code)}}`);
  switch (node.kind) {
    case 'set': {
      if (node.ranges.length === 0 && node.properties.length === 0) {
        const everything = `${point(0)}-${point(LAST_CODE_POINT)}`;
        return node.negated ? `[${everything}]` : `[^${everything}]`;
      }
      const ranges = node.ranges.map(([from, to]) =>
        from === to ? point(from) : `${point(from)}-${point(to)}`,
      );
      const properties = node.properties.map(
        ({ name, negated }) => `\\${negated ? 'P' : 'p'}{${categoryOrScript(name)}}`,
      );
      return `[${node.negated ? '^' : ''}${ranges.join('')}${properties.join('')}]`;
    }
    case 'sequence':
      return node.items.map((item) => write(item, syntax)).join('');
    case 'choice':
      return `(?:${node.options.map((option) => write(option, syntax)).join('|')})`;
    case 'repeat':
      return `(?:${write(node.item, syntax)})${quantifier(node.min, node.max)}`;
    case 'assertion':
      if (syntax === 'native') return node.which === 'start' ? '^' : '$';
      return { start: '\\A', end: '\\z', boundary: '\\b', inside: '\\B' }[node.which];
    case 'lookahead':
      throw new PatternUnsupported('look-ahead that is not at the start of an anchored pattern');
  }
}

class LinearMatcher implements PatternMatcher {
  readonly #program: RE2JS;
  readonly #maxLength: number;

  constructor(node: PatternNode) {
    this.#program = RE2JS.compile(write(node, 're2'));
    const size = this.#program.programSize();
    if (size > MAX_PROGRAM_SIZE) throw new PatternUnsupported('too many repetitions');
    this.#maxLength = MAX_MATCH_WORK / Math.max(1, size);
  }

  test(text: string): boolean {
    if (text.length > this.#maxLength) throw new ValidationBudgetExceeded();
    return this.#program.test(text);
  }
}

/** `^(?=a)(?!b)c` is the conjunction of `^a`, not `^b` and `^c`, each of them linear. */
class Conjunction implements PatternMatcher {
  readonly #parts: readonly { readonly matcher: PatternMatcher; readonly wanted: boolean }[];

  constructor(parts: readonly { readonly matcher: PatternMatcher; readonly wanted: boolean }[]) {
    this.#parts = parts;
  }

  test(text: string): boolean {
    return this.#parts.every(({ matcher, wanted }) => matcher.test(text) === wanted);
  }
}

function matcherFor(node: PatternNode): PatternMatcher {
  return isDeterministic(node) ? new RegExp(write(node, 'native'), 'u') : new LinearMatcher(node);
}

function anchored(item: PatternNode): PatternNode {
  const start: PatternNode = { kind: 'assertion', which: 'start' };
  return { kind: 'sequence', items: item.kind === 'sequence' ? [start, ...item.items] : [start, item] };
}

function build(node: PatternNode): PatternMatcher {
  if (node.kind !== 'sequence' || !isAssertion(node.items[0], 'start')) return matcherFor(node);
  const rest = node.items.slice(1);
  const end = rest.findIndex((item) => item.kind !== 'lookahead');
  const parts = rest
    .slice(0, end === -1 ? undefined : end)
    .flatMap((item) =>
      item.kind === 'lookahead' ? [{ matcher: build(anchored(item.item)), wanted: !item.negated }] : [],
    );
  if (parts.length === 0) return matcherFor(node);
  const tail: PatternNode = { kind: 'sequence', items: end === -1 ? [] : rest.slice(end) };
  return new Conjunction([...parts, { matcher: matcherFor(anchored(tail)), wanted: true }]);
}

function isValidSyntax(pattern: string): boolean {
  for (const flags of ['u', '']) {
    try {
      new RegExp(pattern, flags);
      return true;
    } catch {
      // Many published schemas have escapes that only the pattern syntax without flag u allows.
    }
  }
  return false;
}

/**
 * A matcher for a JSON Schema `pattern` with ECMA-262 meaning (flag `u`) and linear running time. Simple anchored
 * patterns that leave nothing to backtrack into run on V8, all others on RE2.
 * @throws FerroError `SCHEMA_INVALID` when it is no regular expression, `SCHEMA_PATTERN` when it cannot be run in linear
 * time: back-references, look-behind, look-ahead other than directly after a leading `^`, too many repetitions.
 */
export function compilePattern(pattern: string): PatternMatcher {
  const shown = JSON.stringify(pattern.length > 100 ? `${pattern.slice(0, 100)}…` : pattern);
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new FerroError('SCHEMA_PATTERN', { detail: `longer than ${MAX_PATTERN_LENGTH} characters` });
  }
  if (!isValidSyntax(pattern)) {
    throw new FerroError('SCHEMA_INVALID', { detail: `${shown} is not a regular expression` });
  }
  try {
    return build(readPattern(pattern));
  } catch (cause) {
    const why = cause instanceof PatternUnsupported ? `${cause.message} in ` : '';
    throw new FerroError('SCHEMA_PATTERN', { detail: `${why}${shown}`, cause });
  }
}
