import type { StandardSchemaV1 } from '@standard-schema/spec';
import { FerroError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { CallToolResult, Prompt, Resource, ResourceTemplate, Tool } from '../core/mcp.ts';
import type { CachePolicy } from '../core/result-cache.ts';
import { toCompletion } from '../features/completion/complete.ts';
import { toPromptResult } from '../features/prompts/get-prompt.ts';
import type {
  ArgumentCompleter,
  PromptEntry,
  ResourceEntry,
  TemplateEntry,
  ToolEntry,
  ToolOutcome,
} from '../features/registry.ts';
import { toReadResult } from '../features/resources/resource-contents.ts';
import { UriTemplate } from '../features/resources/uri-template.ts';
import {
  argumentFailure,
  type Checked,
  type InferArguments,
  type PreparedSchema,
  prepareArguments,
  prepareOutput,
  type SchemaInput,
} from '../features/tools/argument-schema/index.ts';
import { toToolResult } from '../features/tools/tool-result.ts';
import { headerParameters, type SchemaCache, type ValidationIssue } from '../protocol/schema/index.ts';
import type {
  CacheOptions,
  Completers,
  PromptHandler,
  PromptOptions,
  ResourceHandler,
  ResourceOptions,
  TemplateHandler,
  TemplateOptions,
  ToolHandler,
  ToolOptions,
} from './options.ts';

/** Names every client accepts (2025-11-25, tools, Tool Names), `/` included as the conformance suite does. */
const TOOL_NAME = /^[A-Za-z0-9_.\-/]{1,128}$/;
const NAME = /^[^\p{Cc}\p{Cs}]{1,256}$/u;
const MAX_CACHE_MS = 86_400_000;
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s]*$/;

type Output = StandardSchemaV1 | JsonObject | undefined;

/** Makes a registry entry of a tool; asynchronous only for schemas whose conversion is (Valibot). */
export function toolEntry<I extends SchemaInput, O extends Output>(
  name: string,
  options: ToolOptions<I, O>,
  handler: ToolHandler<I>,
  schemas: SchemaCache,
): ToolEntry | Promise<ToolEntry> {
  if (!TOOL_NAME.test(name))
    throw new FerroError('NAME_INVALID', { detail: `tool ${JSON.stringify(name.slice(0, 140))}` });
  const input = prepareArguments(options.input, schemas);
  const output = options.output === undefined ? undefined : prepareOutput(options.output, schemas);
  if (input instanceof Promise || output instanceof Promise) {
    return Promise.all([input, output]).then(([i, o]) => buildTool(name, options, handler, i, o));
  }
  return buildTool(name, options, handler, input, output);
}

function buildTool<I extends SchemaInput, O extends Output>(
  name: string,
  options: ToolOptions<I, O>,
  handler: ToolHandler<I>,
  input: PreparedSchema,
  output: PreparedSchema | undefined,
): ToolEntry {
  headerParameters(input.json);
  const { annotations } = options;
  if (
    options.cache !== undefined &&
    (annotations?.destructiveHint === true || annotations?.readOnlyHint === false)
  ) {
    throw new FerroError('CONFIG_INVALID', { detail: `cache: tool ${name} is not read-only` });
  }
  const definition = defined({
    name,
    title: options.title,
    description: options.description,
    inputSchema: input.json,
    outputSchema: output?.json,
    annotations: options.annotations,
    icons: options.icons,
    _meta: options.meta,
  }) as unknown as Tool;
  const hasOutput = output !== undefined;
  return {
    definition,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    ...cachePolicy(options.cache),
    ...(options.complete === undefined ? {} : { complete: completer(options.complete) }),
    ...(options.input === undefined
      ? {}
      : {
          parseArguments: (args) => {
            const checked = input.check(args);
            return checked instanceof Promise
              ? checked.then((value) => parsed(name, value))
              : parsed(name, checked);
          },
        }),
    ...(output === undefined ? {} : { outputProblem: (value) => outputProblem(output, value) }),
    call: (args, ctx): ToolOutcome | Promise<ToolOutcome> => {
      const value = handler(args as InferArguments<I>, ctx);
      return isThenable(value)
        ? Promise.resolve(value).then((settled) => toToolResult(settled, hasOutput))
        : toToolResult(value, hasOutput);
    },
  };
}

function parsed(
  name: string,
  checked: Checked,
):
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly result: CallToolResult } {
  if (checked.ok) return checked as { readonly ok: true; readonly value: JsonObject };
  return { ok: false, result: argumentFailure(name, checked.issues) };
}

function outputProblem(
  output: PreparedSchema,
  value: JsonValue | undefined,
): string | undefined | Promise<string | undefined> {
  const checked = output.check(value);
  const describe = (result: Checked): string | undefined =>
    result.ok ? undefined : firstIssue(result.issues);
  return checked instanceof Promise ? checked.then(describe) : describe(checked);
}

function firstIssue(issues: readonly ValidationIssue[]): string {
  const issue = issues[0];
  return issue === undefined
    ? 'the output does not fit its schema'
    : `output ${issue.path || '(root)'}: ${issue.message}`;
}

export function resourceEntry(
  uri: string,
  options: ResourceOptions,
  handler: ResourceHandler,
): ResourceEntry {
  if (!URI.test(uri))
    throw new FerroError('NAME_INVALID', { detail: `resource ${JSON.stringify(uri.slice(0, 200))}` });
  const definition = defined({
    uri,
    name: options.name ?? lastPart(uri),
    title: options.title,
    description: options.description,
    mimeType: options.mimeType,
    size: options.size,
    annotations: options.annotations,
    icons: options.icons,
    _meta: options.meta,
  }) as unknown as Resource;
  return {
    definition,
    ...cachePolicy(options.cache),
    read: async (target, ctx) => toReadResult(await handler(target, ctx), target, options.mimeType),
  };
}

export function templateEntry(
  uriTemplate: string,
  options: TemplateOptions,
  handler: TemplateHandler,
): TemplateEntry {
  // Refuses bad templates now, not at the first read.
  const template = new UriTemplate(uriTemplate);
  const definition = defined({
    uriTemplate: template.template,
    name: options.name ?? lastPart(uriTemplate),
    title: options.title,
    description: options.description,
    mimeType: options.mimeType,
    annotations: options.annotations,
    icons: options.icons,
    _meta: options.meta,
  }) as unknown as ResourceTemplate;
  return {
    definition,
    ...cachePolicy(options.cache),
    ...(options.complete === undefined ? {} : { complete: completer(options.complete) }),
    read: async (uri, variables, ctx) => {
      const flat: Record<string, string> = {};
      for (const [name, value] of Object.entries(variables))
        flat[name] = typeof value === 'string' ? value : value.join(',');
      return toReadResult(await handler(flat, ctx, uri), uri, options.mimeType);
    },
  };
}

export function promptEntry(name: string, options: PromptOptions, handler: PromptHandler): PromptEntry {
  if (!NAME.test(name))
    throw new FerroError('NAME_INVALID', { detail: `prompt ${JSON.stringify(name.slice(0, 140))}` });
  const definition = defined({
    name,
    title: options.title,
    description: options.description,
    arguments: options.arguments,
    icons: options.icons,
    _meta: options.meta,
  }) as unknown as Prompt;
  return {
    definition,
    ...(options.complete === undefined ? {} : { complete: completer(options.complete) }),
    get: async (args, ctx) => toPromptResult(await handler(args, ctx), options.description),
  };
}

/** @throws FerroError CONFIG_INVALID */
function cachePolicy(cache: CacheOptions | undefined): { readonly cache?: CachePolicy } {
  if (cache === undefined) return {};
  const { ttlMs, scope, version } = cache;
  if (typeof ttlMs !== 'number' || !(ttlMs > 0 && ttlMs <= MAX_CACHE_MS)) {
    throw new FerroError('CONFIG_INVALID', {
      detail: `cache.ttlMs must be above 0 and at most ${MAX_CACHE_MS}`,
    });
  }
  if (version !== undefined && (typeof version !== 'string' || version === '' || version.length > 200)) {
    throw new FerroError('CONFIG_INVALID', { detail: 'cache.version must have 1 to 200 characters' });
  }
  // Whatever is not clearly public is private.
  return { cache: { ttlMs, scope: scope === 'public' ? 'public' : 'private', version } };
}

/** One completer for all arguments of an entry. */
export function completer(completers: Completers): ArgumentCompleter {
  return async (argument, context, ctx) => {
    const choice = Object.hasOwn(completers, argument.name) ? completers[argument.name] : undefined;
    if (choice === undefined) return { values: [] };
    if (typeof choice === 'function') return toCompletion(await choice(argument.value, context, ctx));
    const typed = argument.value.toLowerCase();
    return toCompletion(choice.filter((value) => value.toLowerCase().startsWith(typed)));
  };
}

function lastPart(uri: string): string {
  const parts = uri.split(/[/:]/).filter((part) => part !== '');
  return parts[parts.length - 1] ?? uri;
}

/** Without members that are undefined, so that none of them reaches the wire as a key. */
function defined(members: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JsonObject;
}

function isThenable(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
