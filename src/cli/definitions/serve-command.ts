import { Command } from 'commander';
import { isWatched } from '../watch-orders.ts';
import type { CliContext } from './context.ts';
import { withExamples } from './context.ts';
import type { ListenFlags } from './gateway-command.ts';
import { withListenOptions } from './gateway-command.ts';

export interface ServeFlags extends ListenFlags {
  readonly watch?: boolean;
}

export function defineServe(context: CliContext): Command {
  const command = withListenOptions(
    new Command('serve')
      .description('Run a TypeScript or JavaScript module whose default export is a server, on stdio or HTTP')
      .argument('<file>', 'module whose default export is a server, or a function that returns one')
      .option('-w, --watch', 'start again when the module or a file it imports changes'),
    undefined,
  );
  command.action(async (file: string, flags: ServeFlags, self: Command) => {
    const all = { ...flags, ...self.optsWithGlobals() };
    if (flags.watch === true && !isWatched()) {
      const { watch } = await import('../commands/watch.ts');
      context.exitCode = await watch(context, file, all);
    } else {
      const { serve } = await import('../commands/serve.ts');
      context.exitCode = await serve(context, file, all);
    }
  });
  return withExamples(command, [
    { command: 'ferromcp serve server.ts', meaning: 'on stdio, for a client that starts it' },
    {
      command: 'ferromcp serve server.ts --port 3000 --watch',
      meaning: 'over HTTP, restarted on every change',
    },
  ]);
}
