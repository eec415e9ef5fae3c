import { Argument, Command } from 'commander';
import type { CliContext } from './context.ts';
import { withExamples } from './context.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

export function defineCompletion(context: CliContext, root: () => Command): Command {
  const command = new Command('completion')
    .description('Print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']));
  command.action(async (shell: Shell) => {
    const { completionScript } = await import('../commands/completion.ts');
    context.terminal.out(completionScript(root(), shell));
  });
  return withExamples(command, [
    { command: 'source <(ferromcp completion bash)', meaning: 'bash, for this session' },
    {
      command: 'ferromcp completion zsh > ~/.zsh/completions/_ferromcp',
      meaning: 'zsh, for good, when that directory is in fpath',
    },
    {
      command: 'ferromcp completion fish > ~/.config/fish/completions/ferromcp.fish',
      meaning: 'fish, for good',
    },
  ]);
}
