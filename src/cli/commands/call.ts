import { isDeepStrictEqual } from 'node:util';
import { RpcError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { CallToolResult } from '../../core/mcp.ts';
import { safeLine } from '../../observability/safe-text.ts';
import { suggest } from '../../runtime/config/suggestion.ts';
import { buildArguments } from '../arguments.ts';
import { renderContentBlock } from '../content.ts';
import type { ArgumentFlags } from '../definitions/client-commands.ts';
import type { CliContext } from '../definitions/context.ts';
import { showUrl } from '../elicitation.ts';
import { EXIT } from '../exit-codes.ts';
import type { OpenClient } from '../open-client.ts';
import { withClient } from '../open-client.ts';
import { jsonText } from '../terminal.ts';

/** "A page has to be visited first" (2025-11-25, client/elicitation). */
const URL_ELICITATION_REQUIRED = -32042;

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

/** The name that was probably meant, when the server has no tool of this one. */
async function similarTool(tool: string, open: OpenClient): Promise<string | undefined> {
  const tools = await open.client.listTools(open.request).catch(() => []);
  if (tools.some((item) => item.name === tool)) return undefined;
  const near = suggest(
    tool,
    tools.map((item) => item.name),
  );
  return near === undefined ? undefined : `did you mean ${safeLine(near)}?`;
}

/** Adds to a server's refusal what can be said about it: the tool that was meant, the pages to visit first. */
async function explainRefusal(error: unknown, tool: string, open: OpenClient): Promise<unknown> {
  if (!(error instanceof RpcError)) return error;
  if (error.rpcCode === URL_ELICITATION_REQUIRED) {
    const pages = isJsonObject(error.data) ? error.data['elicitations'] : undefined;
    for (const page of Array.isArray(pages) ? pages : []) {
      if (!isJsonObject(page) || typeof page['url'] !== 'string') continue;
      const message = typeof page['message'] === 'string' ? page['message'] : '';
      showUrl({ mode: 'url', message, url: page['url'] }, (text) => open.activity.say(text));
    }
    return error;
  }
  if (error.rpcCode !== -32602 && error.rpcCode !== -32601) return error;
  const hint = await similarTool(tool, open);
  return hint === undefined ? error : new RpcError(error.rpcCode, `${error.message} (${hint})`, error.data);
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
      throw await explainRefusal(error, tool, open);
    }
    activity.end();
    const { terminal } = context;
    if (flags.json === true) terminal.out(jsonText(result));
    else {
      const text = renderResult(result);
      if (text !== '') terminal.out(text);
      if (result.isError === true) {
        const hint = await similarTool(tool, open);
        const tail = hint === undefined ? '' : `; ${hint}`;
        terminal.err(`ferromcp: the tool ${safeLine(tool)} reported an error${tail}`);
      }
    }
    return result.isError === true ? EXIT.failed : EXIT.ok;
  });
}
