/** What the upstreams offer as entries of a registry, in the order of the configuration. */
import type { McpClient, RequestOptions } from '../client/contract.ts';
import type { RawResult } from '../client/raw-result.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type {
  CallToolResult,
  Completion,
  CompletionReference,
  GetPromptResult,
  ReadResourceResult,
  Tool,
} from '../core/mcp.ts';
import type { CachePolicy } from '../core/result-cache.ts';
import type {
  ArgumentCompleter,
  Outcome,
  PromptEntry,
  ResourceEntry,
  TemplateEntry,
  ToolEntry,
} from '../features/registry.ts';
import type { RequestContext } from '../protocol/context.ts';
import { type Exchange, relay } from './bridge.ts';
import { offeredName } from './namespace.ts';
import type { ParkedCalls } from './parked-calls.ts';
import type { ResourceAddresses } from './resource-addresses.ts';
import { toolFilter } from './tool-filter.ts';
import type { Upstream } from './upstream.ts';

export interface EntryFactory {
  readonly source: string;
  readonly parked: ParkedCalls;
  readonly addresses: ResourceAddresses;
  /** Names stay as they are. */
  readonly transparent: boolean;
}

type Send = (client: McpClient, options: RequestOptions) => Promise<JsonObject | RawResult>;

function exchange(
  factory: EntryFactory,
  upstream: Upstream,
  method: Exchange['method'],
  subject: string,
  send: Send,
): Exchange {
  return {
    method,
    subject,
    send,
    mapUri: (uri) => factory.addresses.learn(upstream.prefix, uri),
  };
}

export function toolEntries(factory: EntryFactory, upstream: Upstream): readonly ToolEntry[] {
  const { source, parked, addresses, transparent } = factory;
  const offered = toolFilter(upstream.options.tools);
  return (upstream.snapshot?.tools ?? [])
    .filter((tool) => offered(tool.name))
    .map((tool) => ({
      definition: toolDefinition(tool, upstream, addresses, transparent),
      source,
      // Deadlines are those of the upstream: they start anew with its progress. It also knows best what it accepts.
      timeoutMs: 0,
      call: async (args, context) =>
        (await relay(
          upstream,
          parked,
          exchange(factory, upstream, 'tools/call', tool.name, (client, options) =>
            client.forward('tools/call', { name: tool.name, arguments: args }, options),
          ),
          context,
        )) as unknown as Outcome<CallToolResult>,
    }));
}

function toolDefinition(
  tool: Tool,
  upstream: Upstream,
  addresses: ResourceAddresses,
  transparent: boolean,
): Tool {
  if (transparent) return tool;
  const named = { ...tool, name: offeredName(upstream.prefix, tool.name) };
  const ui = tool._meta?.['ui'];
  if (tool._meta === undefined || !isJsonObject(ui) || typeof ui['resourceUri'] !== 'string') return named;
  // MCP Apps: the tool names the resource that shows its result.
  const resourceUri = addresses.toClient(upstream.prefix, ui['resourceUri']);
  return { ...named, _meta: { ...tool._meta, ui: { ...ui, resourceUri } } };
}

export function promptEntries(factory: EntryFactory, upstream: Upstream): readonly PromptEntry[] {
  const { source, parked, transparent } = factory;
  return (upstream.snapshot?.prompts ?? []).map((prompt) => ({
    definition: transparent ? prompt : { ...prompt, name: offeredName(upstream.prefix, prompt.name) },
    source,
    timeoutMs: 0,
    get: async (args, context) =>
      (await relay(
        upstream,
        parked,
        exchange(factory, upstream, 'prompts/get', prompt.name, (client, options) =>
          client.forward('prompts/get', { name: prompt.name, arguments: args }, options),
        ),
        context,
      )) as unknown as Outcome<GetPromptResult>,
    ...completion(factory, upstream, { type: 'ref/prompt', name: prompt.name }),
  }));
}

export function resourceEntries(factory: EntryFactory, upstream: Upstream): readonly ResourceEntry[] {
  const { source, addresses } = factory;
  return (upstream.snapshot?.resources ?? []).map((resource) => ({
    definition: { ...resource, uri: addresses.toClient(upstream.prefix, resource.uri) },
    source,
    timeoutMs: 0,
    ...readPolicy(upstream),
    read: (_uri, context) => readResource(factory, upstream, resource.uri, context),
  }));
}

export function templateEntries(factory: EntryFactory, upstream: Upstream): readonly TemplateEntry[] {
  const { source, addresses } = factory;
  return (upstream.snapshot?.templates ?? []).map((template) => ({
    definition: { ...template, uriTemplate: addresses.toClient(upstream.prefix, template.uriTemplate) },
    source,
    timeoutMs: 0,
    ...readPolicy(upstream),
    read: (uri, _variables, context) =>
      readResource(factory, upstream, addresses.toUpstream(upstream.prefix, uri), context),
    ...completion(factory, upstream, { type: 'ref/resource', uri: template.uriTemplate }),
  }));
}

/**
 * What an upstream calls public is so for those who have its credentials, which is us: to our clients results are private.
 */
function readPolicy(upstream: Upstream): { readonly cache?: CachePolicy } {
  const { cacheReadsMs } = upstream.options;
  if (cacheReadsMs === 0) return {};
  return { cache: { ttlMs: cacheReadsMs, scope: 'private', version: undefined, declared: true } };
}

/** Reads `uri`, in the upstream's own words. */
export async function readResource(
  factory: EntryFactory,
  upstream: Upstream,
  uri: string,
  context: RequestContext,
): Promise<Outcome<ReadResourceResult>> {
  return (await relay(
    upstream,
    factory.parked,
    exchange(factory, upstream, 'resources/read', uri, (client, options) =>
      client.forward('resources/read', { uri }, options),
    ),
    context,
  )) as unknown as Outcome<ReadResourceResult>;
}

function completion(
  factory: EntryFactory,
  upstream: Upstream,
  ref: CompletionReference,
): { readonly complete?: ArgumentCompleter } {
  if (upstream.snapshot?.capabilities.completions === undefined) return {};
  return {
    complete: async (argument, values, context) =>
      (await relay(
        upstream,
        factory.parked,
        exchange(factory, upstream, 'completion/complete', JSON.stringify(ref), (client, options) => {
          const known = Object.keys(values).length === 0 ? undefined : values;
          return client.complete(ref, argument, known, options) as unknown as Promise<JsonObject>;
        }),
        context,
      )) as unknown as Completion,
  };
}
