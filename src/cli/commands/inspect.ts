import type { ServerDescription } from '../../client/contract.ts';
import type { Prompt, Tool } from '../../core/mcp.ts';
import { safeLine } from '../../observability/safe-text.ts';
import { argumentRows, indented } from '../content.ts';
import type { ClientFlags } from '../definitions/client-commands.ts';
import { LIST_KINDS } from '../definitions/client-commands.ts';
import type { CliContext } from '../definitions/context.ts';
import { EXIT } from '../exit-codes.ts';
import { withClient } from '../open-client.ts';
import type { Terminal } from '../terminal.ts';
import { bold, jsonText, table } from '../terminal.ts';
import type { Inventory } from './list.ts';
import { renderInventory, serverDocument, serverLine, takeInventory } from './list.ts';

function capabilityNames(server: ServerDescription): string {
  const names: string[] = [];
  for (const [name, value] of Object.entries(server.capabilities)) {
    if (value === undefined) continue;
    const details = Object.entries(value)
      .filter(([, on]) => on !== false && on !== undefined)
      .map(([key]) => key);
    names.push(details.length === 0 ? name : `${name} (${details.join(', ')})`);
  }
  return names.length === 0 ? 'none' : safeLine(names.join(', '));
}

function hints(tool: Tool): string {
  const { annotations } = tool;
  const words: string[] = [];
  if (annotations?.readOnlyHint === true) words.push('read-only');
  if (annotations?.destructiveHint === true && annotations.readOnlyHint !== true) words.push('destructive');
  if (annotations?.idempotentHint === true) words.push('idempotent');
  if (annotations?.openWorldHint === true) words.push('open world');
  return words.length === 0 ? '' : `  [says: ${words.join(', ')}]`;
}

function toolDetail(tool: Tool, terminal: Terminal): string {
  const lines = [`  ${bold(terminal, safeLine(tool.name))}${hints(tool)}`];
  const text = tool.description ?? tool.title;
  if (text !== undefined) lines.push(indented(text, '    '));
  const rows = argumentRows(tool.inputSchema).map((row) => [`  ${row[0] ?? ''}`, ...row.slice(1)]);
  if (rows.length > 0) lines.push(table(rows, terminal.columns));
  if (tool.outputSchema !== undefined) {
    const output = argumentRows(tool.outputSchema).map((row) => [`  ${row[0] ?? ''}`, ...row.slice(1)]);
    lines.push(
      output.length > 0
        ? `    returns\n${table(output, terminal.columns)}`
        : '    returns structured content',
    );
  }
  return lines.join('\n');
}

function promptDetail(prompt: Prompt, terminal: Terminal): string {
  const lines = [`  ${bold(terminal, safeLine(prompt.name))}`];
  const text = prompt.description ?? prompt.title;
  if (text !== undefined) lines.push(indented(text, '    '));
  const rows = (prompt.arguments ?? []).map((item) => [
    `  ${item.name}${item.required === true ? '' : '?'}`,
    item.description ?? item.title ?? '',
  ]);
  if (rows.length > 0) lines.push(table(rows, terminal.columns));
  return lines.join('\n');
}

function render(server: ServerDescription, inventory: Inventory, terminal: Terminal): string {
  const { tools, prompts, ...rest } = inventory;
  const parts = [`${serverLine(server)}\nCapabilities: ${capabilityNames(server)}`];
  if (server.serverInfo?.description !== undefined) parts.push(indented(server.serverInfo.description, ''));
  if (server.instructions !== undefined) {
    parts.push(`${bold(terminal, 'Instructions')}\n${indented(server.instructions, '  ')}`);
  }
  if (tools !== undefined) {
    const details = tools.map((tool) => toolDetail(tool, terminal));
    parts.push([bold(terminal, `Tools (${tools.length})`), ...details].join('\n'));
  }
  if (prompts !== undefined) {
    const details = prompts.map((prompt) => promptDetail(prompt, terminal));
    parts.push([bold(terminal, `Prompts (${prompts.length})`), ...details].join('\n'));
  }
  const lists = renderInventory(rest, terminal.columns, (title) => bold(terminal, title));
  if (lists !== '') parts.push(lists);
  return parts.join('\n\n');
}

export function inspect(context: CliContext, url: string | undefined, flags: ClientFlags): Promise<number> {
  return withClient(context, url, flags, async ({ client, server, request, activity }) => {
    const inventory = await takeInventory(client, server, request, LIST_KINDS);
    activity.end();
    const { terminal } = context;
    if (flags.json === true) terminal.out(jsonText({ ...serverDocument(server), ...inventory }));
    else terminal.out(render(server, inventory, terminal));
    return EXIT.ok;
  });
}
