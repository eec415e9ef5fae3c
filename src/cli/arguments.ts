import { FerroError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonSchema } from '../core/mcp.ts';
import { readTextSource } from './option-values.ts';

/** Parses a JSON object given on the command line, as `@file` or on stdin (`-`). */
export function parseJsonObject(source: string, option: string): JsonObject {
  const text = readTextSource(source);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'not JSON';
    throw new FerroError('USAGE', { detail: `${option} is not JSON (${reason})` });
  }
  if (!isJsonObject(value)) throw new FerroError('USAGE', { detail: `${option} must be a JSON object` });
  return value;
}

function typesOf(schema: JsonValue | undefined): readonly string[] {
  if (!isJsonObject(schema)) return [];
  const { type } = schema;
  if (typeof type === 'string') return [type];
  return Array.isArray(type) ? type.filter((item): item is string => typeof item === 'string') : [];
}

/**
 * The value of `--arg name=text`: a string when the tool's schema says string (or when the text is not JSON), what the
 * text says as JSON otherwise. `--arg list=a --arg list=b` makes an array where the schema says array.
 */
function coerce(text: string, types: readonly string[]): JsonValue {
  if (types.length > 0 && types.every((type) => type === 'string')) return text;
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
  // A number a double cannot hold exactly stays as it was written, for the server to judge.
  if (typeof value === 'number' && types.includes('string')) return text;
  return value;
}

/**
 * The arguments of a call from `--args` (a JSON object) and `--arg` (`name=text`, `name:=json`); the latter win.
 *
 * @param schema the tool's input schema, when known: decides how texts are read
 */
export function buildArguments(
  args: string | undefined,
  pairs: readonly string[],
  schema: JsonSchema | undefined,
): JsonObject {
  const base = args === undefined ? {} : parseJsonObject(args, '--args');
  const properties = isJsonObject(schema?.['properties']) ? schema['properties'] : {};
  const out = new Map<string, JsonValue | undefined>(Object.entries(base));
  const given = new Set<string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const raw = at > 0 && pair[at - 1] === ':';
    const name = pair.slice(0, raw ? at - 1 : at);
    if (at <= 0 || name === '') {
      throw new FerroError('USAGE', { detail: `--arg ${pair}: expected name=value or name:=json` });
    }
    const text = pair.slice(at + 1);
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const types = typesOf(property);
    let value: JsonValue;
    if (raw) {
      try {
        value = JSON.parse(text) as JsonValue;
      } catch {
        throw new FerroError('USAGE', { detail: `--arg ${name}:= is not JSON` });
      }
    } else if (types.includes('array') && !text.trimStart().startsWith('[')) {
      const item = coerce(text, typesOf(isJsonObject(property) ? property['items'] : undefined));
      const before = given.has(name) ? out.get(name) : undefined;
      value = Array.isArray(before) ? [...before, item] : [item];
    } else {
      value = coerce(text, types);
    }
    out.set(name, value);
    given.add(name);
  }
  return Object.fromEntries(out);
}

/** The arguments of a prompt: strings by name. */
export function buildPromptArguments(
  args: string | undefined,
  pairs: readonly string[],
): Readonly<Record<string, string>> {
  const out = new Map<string, string>();
  for (const [name, value] of Object.entries(args === undefined ? {} : parseJsonObject(args, '--args'))) {
    if (typeof value !== 'string') {
      throw new FerroError('USAGE', { detail: `prompt argument ${name} must be a string` });
    }
    out.set(name, value);
  }
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at <= 0) throw new FerroError('USAGE', { detail: `--arg ${pair}: expected name=value` });
    out.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return Object.fromEntries(out);
}
