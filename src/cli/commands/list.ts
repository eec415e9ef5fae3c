import type { McpClient, RequestOptions, ServerDescription } from '../../client/contract.ts';
import type { Prompt, Resource, ResourceTemplate, Tool } from '../../core/mcp.ts';
import { safeLine } from '../../observability/safe-text.ts';
import { byteCount, firstLine } from '../content.ts';
import type { ListFlags, ListKind } from '../definitions/client-commands.ts';
import { LIST_KINDS } from '../definitions/client-commands.ts';
import type { CliContext } from '../definitions/context.ts';
import { EXIT } from '../exit-codes.ts';
import { withClient } from '../open-client.ts';
import { bold, jsonText, table } from '../terminal.ts';

export interface Inventory {
  readonly tools?: readonly Tool[];
  readonly resources?: readonly Resource[];
  readonly resourceTemplates?: readonly ResourceTemplate[];
  readonly prompts?: readonly Prompt[];
}

/** Everything of the given kinds that the server has declared. */
export async function takeInventory(
  client: McpClient,
  server: ServerDescription,
  request: RequestOptions,
  kinds: readonly ListKind[],
): Promise<Inventory> {
  const { tools, resources, prompts } = server.capabilities;
  const wants = (kind: ListKind): boolean => kinds.includes(kind);
  return {
    ...(tools !== undefined && wants('tools') ? { tools: await client.listTools(request) } : {}),
    ...(resources !== undefined && wants('resources')
      ? { resources: await client.listResources(request) }
      : {}),
    ...(resources !== undefined && wants('templates')
      ? { resourceTemplates: await client.listResourceTemplates(request) }
      : {}),
    ...(prompts !== undefined && wants('prompts') ? { prompts: await client.listPrompts(request) } : {}),
  };
}

/** `name 1.2.0, revision 2025-11-25 (legacy era)`. */
export function serverLine(server: ServerDescription): string {
  const info = server.serverInfo;
  const name = info === undefined ? 'unnamed server' : `${info.title ?? info.name} ${info.version}`;
  return `${safeLine(name)}, revision ${safeLine(server.revision)} (${server.era} era)`;
}

/** What a JSON document says about the server itself. */
export function serverDocument(server: ServerDescription): Record<string, unknown> {
  return {
    era: server.era,
    revision: server.revision,
    ...(server.serverInfo === undefined ? {} : { serverInfo: server.serverInfo }),
    capabilities: server.capabilities,
    ...(server.instructions === undefined ? {} : { instructions: server.instructions }),
  };
}

function resourceNote(resource: Resource): string {
  return [resource.mimeType, resource.size === undefined ? undefined : byteCount(resource.size)]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** Titles and tables of an inventory, ready to print. */
export function renderInventory(
  inventory: Inventory,
  columns: number,
  heading: (text: string) => string,
): string {
  const { tools, resources, resourceTemplates, prompts } = inventory;
  const sections: (readonly [string, readonly (readonly string[])[]])[] = [];
  if (tools !== undefined) {
    sections.push(['Tools', tools.map((tool) => [tool.name, firstLine(tool.description ?? tool.title)])]);
  }
  if (resources !== undefined) {
    sections.push([
      'Resources',
      resources.map((item) => [
        item.uri,
        item.title ?? item.name,
        [resourceNote(item), firstLine(item.description)].filter((part) => part !== '').join(' - '),
      ]),
    ]);
  }
  if (resourceTemplates !== undefined) {
    sections.push([
      'Resource templates',
      resourceTemplates.map((item) => [
        item.uriTemplate,
        item.title ?? item.name,
        firstLine(item.description),
      ]),
    ]);
  }
  if (prompts !== undefined) {
    sections.push([
      'Prompts',
      prompts.map((item) => {
        const names = (item.arguments ?? []).map((arg) =>
          arg.required === true ? arg.name : `${arg.name}?`,
        );
        return [item.name, names.join(' '), firstLine(item.description ?? item.title)];
      }),
    ]);
  }
  return sections
    .map(([title, rows]) => {
      const body = rows.length === 0 ? '' : `\n${table(rows, columns)}`;
      return `${heading(`${title} (${rows.length})`)}${body}`;
    })
    .join('\n\n');
}

export function list(context: CliContext, url: string | undefined, flags: ListFlags): Promise<number> {
  return withClient(context, url, flags, async ({ client, server, request, activity }) => {
    const inventory = await takeInventory(client, server, request, flags.only ?? LIST_KINDS);
    activity.end();
    const { terminal } = context;
    if (flags.json === true) terminal.out(jsonText({ server: serverDocument(server), ...inventory }));
    else {
      const text = renderInventory(inventory, terminal.columns, (title) => bold(terminal, title));
      terminal.out(text === '' ? 'The server offers nothing of the kind.' : text);
    }
    return EXIT.ok;
  });
}
