import { FerroError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ReadResourceResult } from '../../core/mcp.ts';
import type { Call } from '../../protocol/call.ts';
import { ForwardedResult } from '../../protocol/forwarded-result.ts';
import type { MethodHandler, MethodResult } from '../../protocol/handler.ts';
import { isInputRequired } from '../../protocol/input-required.ts';
import { readSubject } from '../cached/cache-subjects.ts';
import type { CachedAnswers } from '../cached/cached-answers.ts';
import type { Outcome, Registry, ResourceEntry, TemplateEntry } from '../registry.ts';
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
  readonly #cached: CachedAnswers | undefined;

  constructor(registry: Registry, cached?: CachedAnswers) {
    this.#registry = registry;
    this.#cached = cached;
  }

  timeoutMs(params: JsonObject): number | undefined {
    const { uri } = params;
    if (typeof uri !== 'string') return undefined;
    const entry = this.#registry.resources.get(uri) ?? matchTemplate(this.#registry, uri)?.entry;
    // Whoever reads unlisted URIs keeps deadlines of its own.
    return entry === undefined && this.#registry.fallbacks.length > 0 ? 0 : entry?.timeoutMs;
  }

  handle(params: JsonObject, call: Call): MethodResult | Promise<MethodResult> {
    const uri = requireUri(params);
    const found = this.#find(uri);
    const subject = this.#cached && found && readSubject(found.entry);
    if (this.#cached === undefined || found === undefined || subject === undefined) {
      return this.#answer(uri, call);
    }
    return this.#cached.answer(subject, uri, call, async () => result(uri, await found.read(call)));
  }

  async #answer(uri: string, call: Call): Promise<MethodResult> {
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
    const found = this.#find(uri);
    if (found !== undefined) return found.read(call);
    for (const fallback of this.#registry.fallbacks) {
      const read = await fallback.read(uri, call);
      if (read !== undefined) return read;
    }
    return undefined;
  }

  #find(uri: string): Found | undefined {
    const listed = this.#registry.resources.get(uri);
    if (listed !== undefined) return { entry: listed, read: (call) => listed.read(uri, call) };
    const templated = matchTemplate(this.#registry, uri);
    if (templated === undefined) return undefined;
    const { entry, variables } = templated;
    return { entry, read: (call) => entry.read(uri, variables, call) };
  }
}

interface Found {
  readonly entry: ResourceEntry | TemplateEntry;
  readonly read: (call: Call) => ReturnType<ResourceEntry['read']>;
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
