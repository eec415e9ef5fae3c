import { Buffer } from 'node:buffer';
import { safeLine } from '../../observability/safe-text.ts';
import { renderResourceContents } from '../content.ts';
import type { ReadFlags } from '../definitions/client-commands.ts';
import type { CliContext } from '../definitions/context.ts';
import { EXIT } from '../exit-codes.ts';
import { withClient } from '../open-client.ts';
import { bold, jsonText } from '../terminal.ts';

export function read(
  context: CliContext,
  url: string | undefined,
  uri: string,
  flags: ReadFlags,
): Promise<number> {
  return withClient(context, url, flags, async ({ client, request, activity }) => {
    const result = await client.readResource(uri, request);
    activity.end();
    const { terminal } = context;
    if (flags.json === true) terminal.out(jsonText(result));
    else if (flags.raw === true) {
      for (const contents of result.contents) {
        process.stdout.write('text' in contents ? contents.text : Buffer.from(contents.blob, 'base64'));
      }
    } else {
      for (const contents of result.contents) {
        // One document needs no heading; several are told apart by their URIs.
        if (result.contents.length > 1) terminal.out(bold(terminal, safeLine(contents.uri)));
        terminal.out(renderResourceContents(contents));
      }
    }
    return EXIT.ok;
  });
}
