import { FerroError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ReadResourceResult } from '../../core/mcp.ts';
import type { Call } from '../../protocol/call.ts';
import { ForwardedResult } from '../../protocol/forwarded-result.ts';
import type { MethodHandler, MethodResult } from '../../protocol/handler.ts';
import { isInputRequired } from '../../protocol/input-required.ts';
import type { Outcome, Registry, TemplateEntry } from '../registry.ts';
import { type TemplateVariables, UriTemplate } from './uri-template.ts';

const TEMPLATES = new WeakMap<TemplateEntry, UriTemplate>();

/** The compiled template of an entry. */
export function templateOf(entry: TemplateEntry): UriTemplate {
  let template = TEMPLATES.get(entry);
  if (template === undefined) {
    template = new UriTemplate(entry.definition.uriTemplate);
    TEMPLATES.set(entry, template);
  }
  return template;
}

/** The first template that the URI fits, in registration order. */
export function matchTemplate(
  registry: Registry,
  uri: string,
): { readonly entry: TemplateEntry; readonly variables: TemplateVariables } | undefined {
  for (const entry of registry.templates.list()) {
    const variables = templateOf(entry).match(uri);
    if (variables !== undefined) return { entry, variables };
  }
  return undefined;
}

/** `resources/read`: listed URIs first, then templates, then whoever reads unlisted URIs. */
export class ReadResourceHandler implements MethodHandler {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  timeoutMs(params: JsonObject): number | undefined {
    const { uri } = params;
    if (typeof uri !== 'string') return undefined;
    const entry = this.#registry.resources.get(uri) ?? matchTemplate(this.#registry, uri)?.entry;
    // Whoever reads unlisted URIs keeps deadlines of its own.
    return entry === undefined && this.#registry.fallbacks.length > 0 ? 0 : entry?.timeoutMs;
  }

  async handle(params: JsonObject, call: Call): Promise<MethodResult> {
    const uri = requireUri(params);
    const found = await this.#read(uri, call);
    if (found !== undefined) return result(uri, found);
    // The URI may be unknown only because an upstream has not told its lists yet.
    let waited = false;
    for (const source of this.#registry.sources) {
      const wait = source.pending(call);
      if (wait === undefined) continue;
      await wait;
      waited = true;
    }
    const late = waited ? await this.#read(uri, call) : undefined;
    if (late === undefined) throw notFound(uri);
    return result(uri, late);
  }

  async #read(uri: string, call: Call): Promise<Outcome<ReadResourceResult> | undefined> {
    const listed = this.#registry.resources.get(uri);
    if (listed !== undefined) return listed.read(uri, call);
    const templated = matchTemplate(this.#registry, uri);
    if (templated !== undefined) return templated.entry.read(uri, templated.variables, call);
    for (const fallback of this.#registry.fallbacks) {
      const read = await fallback.read(uri, call);
      if (read !== undefined) return read;
    }
    return undefined;
  }
}

export function requireUri(params: JsonObject): string {
  const uri = params['uri'];
  if (typeof uri !== 'string' || uri === '')
    throw new FerroError('INVALID_PARAMS', { detail: 'uri must be a string' });
  return uri;
}

/** Not found is an error that names the URI, never an empty list (2026-07-28, resources, Error Handling). */
export function notFound(uri: string): FerroError {
  return new FerroError('RESOURCE_NOT_FOUND', { data: { uri } });
}

function result(uri: string, outcome: Outcome<ReadResourceResult>): MethodResult {
  if (isInputRequired(outcome) || outcome instanceof ForwardedResult) return outcome;
  if (outcome.contents.length === 0) throw notFound(uri);
  return outcome as unknown as JsonObject;
}
