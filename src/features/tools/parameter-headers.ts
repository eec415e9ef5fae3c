import { FerroError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { HeaderView } from '../../protocol/call.ts';
import { headerValueMatches } from '../../protocol/header-values.ts';
import { type HeaderParameter, headerParameters } from '../../protocol/schema/header-parameters.ts';
import type { ToolEntry } from '../registry.ts';

const PARAMETERS = new WeakMap<ToolEntry, readonly HeaderParameter[]>();

/**
 * Checks that the `Mcp-Param-*` headers of a call mirror its arguments (2026-07-28, Streamable HTTP, Server Behavior
 * for Custom Headers).
 * @throws FerroError HEADER_MISMATCH
 */
export function assertParameterHeaders(entry: ToolEntry, args: JsonObject, headers: HeaderView): void {
  for (const parameter of parametersOf(entry)) assertOne(parameter, valueAt(args, parameter.path), headers);
}

/** True when calls of the tool carry arguments in headers. */
export function hasParameterHeaders(entry: ToolEntry): boolean {
  return parametersOf(entry).length > 0;
}

function parametersOf(entry: ToolEntry): readonly HeaderParameter[] {
  let parameters = PARAMETERS.get(entry);
  if (parameters === undefined) {
    parameters = headerParameters(entry.definition.inputSchema);
    PARAMETERS.set(entry, parameters);
  }
  return parameters;
}

function assertOne(parameter: HeaderParameter, value: JsonValue | undefined, headers: HeaderView): void {
  const header = headers[`mcp-param-${parameter.name.toLowerCase()}`];
  const name = `Mcp-Param-${parameter.name}`;
  if (value === undefined || value === null) {
    if (header !== undefined)
      throw new FerroError('HEADER_MISMATCH', { detail: `${name} has no value in the body` });
    return;
  }
  if (typeof header !== 'string') throw new FerroError('HEADER_MISMATCH', { detail: `${name} is missing` });
  if (!headerValueMatches(header, value))
    throw new FerroError('HEADER_MISMATCH', { detail: `${name} differs from the body` });
}

function valueAt(args: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = args;
  for (const key of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}
