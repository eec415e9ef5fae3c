/**
 * What the client remembers of the server's tools: which arguments are mirrored into headers, and the output schemas.
 */
import { FerroError, isFerroError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import type { Logger } from '../core/log.ts';
import type { JsonSchema } from '../core/mcp.ts';
import { encodeHeaderValue } from '../protocol/header-values.ts';
import { type HeaderParameter, headerParameters } from '../protocol/schema/header-parameters.ts';

interface KnownTool {
  readonly headers: readonly HeaderParameter[];
  readonly outputSchema: JsonSchema | undefined;
  /** Why the definition is invalid over HTTP. */
  readonly refused: string | undefined;
}

function valueAt(args: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let value = args;
  for (const key of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, key)) {
      return undefined;
    }
    value = value[key];
  }
  return value;
}

export class ToolCatalogue {
  readonly #tools = new Map<string, KnownTool>();
  readonly #logger: Logger;
  /** True once a whole list was seen. */
  complete = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  has(name: string): boolean {
    return this.#tools.has(name);
  }

  clear(): void {
    this.#tools.clear();
    this.complete = false;
  }

  /** Remembers a definition; false when it is invalid over HTTP and must not be shown or called. */
  learn(tool: JsonObject): boolean {
    const { name, inputSchema, outputSchema } = tool;
    if (typeof name !== 'string') {
      return false;
    }
    let headers: readonly HeaderParameter[] = [];
    let refused: string | undefined;
    try {
      headers = isJsonObject(inputSchema) ? headerParameters(inputSchema) : [];
    } catch (error) {
      refused = isFerroError(error) ? error.message : String(error);
      this.#logger.log('warn', 'a tool definition was refused', { tool: name, reason: refused });
    }
    this.#tools.set(name, {
      headers,
      outputSchema: isJsonObject(outputSchema) ? outputSchema : undefined,
      refused,
    });
    return refused === undefined;
  }

  outputSchema(name: string): JsonSchema | undefined {
    return this.#tools.get(name)?.outputSchema;
  }

  /**
   * The `Mcp-Param-*` headers of a call (2026-07-28, streamable-http, Client Behavior).
   * @throws FerroError UPSTREAM_PROTOCOL for a tool whose definition was refused.
   */
  parameterHeaders(name: string, args: JsonValue | undefined): Record<string, string> {
    const tool = this.#tools.get(name);
    if (tool?.refused !== undefined) {
      throw new FerroError('UPSTREAM_PROTOCOL', { detail: `tool ${name} is not usable: ${tool.refused}` });
    }
    const headers: Record<string, string> = {};
    for (const parameter of tool?.headers ?? []) {
      const value = valueAt(args, parameter.path);
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
        headers[`mcp-param-${parameter.name.toLowerCase()}`] = encodeHeaderValue(value);
      }
    }
    return headers;
  }
}
