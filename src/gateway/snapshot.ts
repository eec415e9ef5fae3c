/** What an upstream offers, as far as we know: learnt from a connection, kept for the next start. */
import { createHash } from 'node:crypto';
import type { McpClient, RequestOptions, ServerDescription } from '../client/contract.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import { FerroError, RpcError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import type { Logger } from '../core/log.ts';
import type {
  Implementation,
  Prompt,
  Resource,
  ResourceTemplate,
  ServerCapabilities,
  Tool,
} from '../core/mcp.ts';
import type { Era } from '../core/revisions.ts';

export const LIST_NAMES = ['tools', 'resources', 'templates', 'prompts'] as const;
export type ListName = (typeof LIST_NAMES)[number];

export interface UpstreamLists {
  readonly tools: readonly Tool[];
  readonly resources: readonly Resource[];
  readonly templates: readonly ResourceTemplate[];
  readonly prompts: readonly Prompt[];
}

export interface UpstreamSnapshot extends UpstreamLists {
  readonly era: Era;
  readonly revision: string;
  readonly capabilities: ServerCapabilities;
  readonly serverInfo?: Implementation;
  readonly instructions?: string;
  /** It has asked a question while several clients were using it. */
  readonly interactive: boolean;
}

const METHOD_NOT_FOUND = -32601;

/** Asks for the named lists; a list the server does not implement is empty. */
export async function fetchLists(
  client: McpClient,
  names: readonly ListName[],
  logger: Logger,
  options: RequestOptions,
): Promise<Partial<UpstreamLists>> {
  const fetchers: { readonly [K in ListName]: () => Promise<UpstreamLists[K]> } = {
    tools: () => client.listTools(options),
    resources: () => client.listResources(options),
    templates: () => client.listResourceTemplates(options),
    prompts: () => client.listPrompts(options),
  };
  const lists = await Promise.all(
    names.map(async (name) => {
      try {
        return [name, (await fetchers[name]()).filter(KEEP[name])] as const;
      } catch (error) {
        // Many servers declare resources and know no templates.
        if (error instanceof RpcError && error.rpcCode === METHOD_NOT_FOUND) return [name, []] as const;
        logger.log('warn', 'a list of an upstream could not be fetched', { list: name });
        throw error;
      }
    }),
  );
  return Object.fromEntries(lists) as Partial<UpstreamLists>;
}

/** Entries without the members everything else relies on are dropped. */
const KEEP: Readonly<Record<ListName, (entry: unknown) => boolean>> = {
  tools: (entry) =>
    isJsonObject(entry) && typeof entry['name'] === 'string' && isJsonObject(entry['inputSchema']),
  resources: (entry) => isJsonObject(entry) && typeof entry['uri'] === 'string' && entry['uri'] !== '',
  templates: (entry) =>
    isJsonObject(entry) && typeof entry['uriTemplate'] === 'string' && entry['uriTemplate'] !== '',
  prompts: (entry) => isJsonObject(entry) && typeof entry['name'] === 'string',
};

export function snapshotOf(
  server: ServerDescription,
  lists: UpstreamLists,
  interactive: boolean,
): UpstreamSnapshot {
  return {
    era: server.era,
    revision: server.revision,
    capabilities: server.capabilities,
    ...(server.serverInfo === undefined ? {} : { serverInfo: server.serverInfo }),
    ...(server.instructions === undefined ? {} : { instructions: server.instructions }),
    interactive,
    ...lists,
  };
}

/** Equal for equal lists, whatever the order of keys. */
export function listDigest(list: readonly unknown[]): string {
  return createHash('sha256')
    .update(canonicalJson(list as unknown as JsonValue))
    .digest('base64');
}

/** Reads a snapshot from stored JSON. @throws FerroError STORED_FILE_UNUSABLE */
export function parseSnapshot(value: JsonValue): UpstreamSnapshot {
  const wrong = (): never => {
    throw new FerroError('STORED_FILE_UNUSABLE');
  };
  if (!isJsonObject(value)) return wrong();
  const { era, revision, capabilities } = value;
  if ((era !== 'legacy' && era !== 'modern') || typeof revision !== 'string' || !isJsonObject(capabilities)) {
    return wrong();
  }
  const lists: Partial<Record<ListName, readonly JsonObject[]>> = {};
  for (const name of LIST_NAMES) {
    const list = value[name];
    if (!Array.isArray(list) || !list.every(KEEP[name])) return wrong();
    lists[name] = list as readonly JsonObject[];
  }
  return { ...value, ...lists, interactive: value['interactive'] === true } as unknown as UpstreamSnapshot;
}
