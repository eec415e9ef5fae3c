import { safeText } from '../../observability/safe-text.ts';
import { buildPromptArguments } from '../arguments.ts';
import { renderContentBlock } from '../content.ts';
import type { ArgumentFlags } from '../definitions/client-commands.ts';
import type { CliContext } from '../definitions/context.ts';
import { EXIT } from '../exit-codes.ts';
import { withClient } from '../open-client.ts';
import { bold, jsonText } from '../terminal.ts';

export function prompt(
  context: CliContext,
  url: string | undefined,
  name: string,
  flags: ArgumentFlags,
): Promise<number> {
  const args = buildPromptArguments(flags.args, flags.arg ?? []);
  return withClient(context, url, flags, async ({ client, request, activity }) => {
    const result = await client.getPrompt(name, args, request);
    activity.end();
    const { terminal } = context;
    if (flags.json === true) {
      terminal.out(jsonText(result));
      return EXIT.ok;
    }
    if (result.description !== undefined) terminal.out(`${safeText(result.description)}\n`);
    for (const message of result.messages) {
      terminal.out(`${bold(terminal, `${message.role === 'assistant' ? 'assistant' : 'user'}:`)}`);
      terminal.out(renderContentBlock(message.content));
    }
    return EXIT.ok;
  });
}
