import { isDeepStrictEqual } from 'node:util';
import { RpcError } from '../../core/errors.ts';
import type { CallToolResult } from '../../core/mcp.ts';
import { safeLine } from '../../observability/safe-text.ts';
import { suggest } from '../../runtime/config/suggestion.ts';
import { buildArguments } from '../arguments.ts';
import { renderContentBlock } from '../content.ts';
import type { ArgumentFlags } from '../definitions/client-commands.ts';
import type { CliContext } from '../definitions/context.ts';
import { EXIT } from '../exit-codes.ts';
import type { OpenClient } from '../open-client.ts';
import { withClient } from '../open-client.ts';
import { jsonText } from '../terminal.ts';

/** True when a text block says the structured content once more, as the specification asks servers to. */
function isMirrored(result: CallToolResult): boolean {
  return result.content.some((block) => {
    if (block.type !== 'text') return false;
    try {
      return isDeepStrictEqual(JSON.parse(block.text), result.structuredContent);
    } catch {
      return false;
    }
  });
}

export function renderResult(result: CallToolResult): string {
  const parts = result.content.map(renderContentBlock);
  if (result.structuredContent !== undefined && !isMirrored(result)) {
    parts.push(jsonText(result.structuredContent));
  }
  return parts.join('\n');
}

/** Adds the names that look like the one asked for to a server's "unknown tool". */
async function explainUnknown(error: unknown, tool: string, open: OpenClient): Promise<unknown> {
  if (!(error instanceof RpcError) || (error.rpcCode !== -32602 && error.rpcCode !== -32601)) return error;
  const tools = await open.client.listTools(open.request).catch(() => []);
  if (tools.length === 0 || tools.some((item) => item.name === tool)) return error;
  const near = suggest(
    tool,
    tools.map((item) => item.name),
  );
  if (near === undefined) return error;
  return new RpcError(error.rpcCode, `${error.message} (did you mean ${safeLine(near)}?)`, error.data);
}

export function call(
  context: CliContext,
  url: string | undefined,
  tool: string,
  flags: ArgumentFlags,
): Promise<number> {
  return withClient(context, url, flags, async (open) => {
    const { client, request, activity } = open;
    const pairs = flags.arg ?? [];
    // The schema decides how texts are read; without texts it is not needed.
    const definition =
      pairs.length === 0 ? undefined : (await client.listTools(request)).find((item) => item.name === tool);
    const args = buildArguments(flags.args, pairs, definition?.inputSchema);
    let result: CallToolResult;
    try {
      result = await client.callTool(tool, args, {
        ...request,
        ...(flags.serverLog === undefined ? {} : { logLevel: flags.serverLog }),
      });
    } catch (error) {
      throw await explainUnknown(error, tool, open);
    }
    activity.end();
    const { terminal } = context;
    if (flags.json === true) terminal.out(jsonText(result));
    else {
      const text = renderResult(result);
      if (text !== '') terminal.out(text);
      if (result.isError === true) terminal.err(`ferromcp: the tool ${safeLine(tool)} reported an error`);
    }
    return result.isError === true ? EXIT.failed : EXIT.ok;
  });
}
