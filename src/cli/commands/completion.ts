import type { Command, Option } from 'commander';
import type { Shell } from '../definitions/completion-command.ts';

/** Completion scripts, made from the definitions of the commands. */

interface OptionWords {
  readonly flags: readonly string[];
  readonly description: string;
  /** The option takes a value. */
  readonly takesValue: boolean;
  /** Values to offer; `file` and `dir` complete paths. */
  readonly values: readonly string[] | 'file' | 'dir' | undefined;
}

interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** Values of the first argument, or `file`. */
  readonly argument: readonly string[] | 'file' | undefined;
}

function valuesOf(option: Option): OptionWords['values'] {
  if (option.argChoices !== undefined) return option.argChoices;
  if (/<(file)>/.test(option.flags)) return 'file';
  return /<(dir)>/.test(option.flags) ? 'dir' : undefined;
}

function wordsOf(option: Option): OptionWords {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
    description: option.description,
    takesValue: option.required || option.optional,
    values: valuesOf(option),
  };
}

const HELP: OptionWords = {
  flags: ['-h', '--help'],
  description: 'print help',
  takesValue: false,
  values: undefined,
};

function readCommands(root: Command): readonly CommandWords[] {
  const shared = root.options.filter((option) => option.long !== '--version').map(wordsOf);
  return root.commands.map((command) => {
    const first = command.registeredArguments[0];
    return {
      name: command.name(),
      description: command.description(),
      options: [...command.options.map(wordsOf), ...shared, HELP],
      argument: first?.argChoices ?? (first?.name() === 'file' ? 'file' : undefined),
    };
  });
}

function bash(name: string, commands: readonly CommandWords[]): string {
  const all = commands.map((command) => command.name).join(' ');
  const cases = commands.map((command) => {
    const flags = command.options.flatMap((option) => option.flags).join(' ');
    const values = command.options
      .filter((option) => option.takesValue)
      .map((option) => {
        const pattern = option.flags.join('|');
        if (option.values === 'file')
          return `        ${pattern}) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;`;
        if (option.values === 'dir')
          return `        ${pattern}) compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur")); return ;;`;
        if (option.values === undefined) return `        ${pattern}) return ;;`;
        return `        ${pattern}) COMPREPLY=($(compgen -W "${option.values.join(' ')}" -- "$cur")); return ;;`;
      });
    let argument = '';
    if (command.argument === 'file') argument = 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur"))';
    else if (command.argument !== undefined) {
      argument = `COMPREPLY=($(compgen -W "${command.argument.join(' ')}" -- "$cur"))`;
    }
    return [
      `    ${command.name})`,
      '      case "$prev" in',
      ...values,
      '      esac',
      `      if [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W "${flags}" -- "$cur"))`,
      ...(argument === '' ? [] : [`      else ${argument}`]),
      '      fi ;;',
    ].join('\n');
  });
  return `# bash completion for ${name}
_${name}() {
  local cur prev command="" index
  COMPREPLY=()
  cur="\${COMP_WORDS[COMP_CWORD]}"
  prev="\${COMP_WORDS[COMP_CWORD-1]}"
  for ((index = 1; index < COMP_CWORD; index++)); do
    [[ "\${COMP_WORDS[index]}" == "--" ]] && { COMPREPLY=($(compgen -c -- "$cur")); return; }
    if [[ -z "$command" && "\${COMP_WORDS[index]}" != -* ]]; then command="\${COMP_WORDS[index]}"; fi
  done
  case "$command" in
    "") COMPREPLY=($(compgen -W "${all} help --help --version --debug" -- "$cur")) ;;
    help) COMPREPLY=($(compgen -W "${all}" -- "$cur")) ;;
${cases.join('\n')}
  esac
}
complete -F _${name} ${name}
`;
}

/** Text inside single quotes of a shell. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const zshText = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&');

function zsh(name: string, commands: readonly CommandWords[]): string {
  const cases = commands.map((command) => {
    const specs = command.options.map((option) => {
      const flags =
        option.flags.length > 1
          ? `'(${option.flags.join(' ')})'{${option.flags.join(',')}}`
          : (option.flags[0] ?? '');
      let value = '';
      if (option.takesValue) {
        if (option.values === 'file') value = ':file:_files';
        else if (option.values === 'dir') value = ':directory:_files -/';
        else value = option.values === undefined ? ':value: ' : `:value:(${option.values.join(' ')})`;
      }
      return `${flags}${quote(`[${zshText(option.description)}]${value}`)}`;
    });
    if (command.argument === 'file') specs.push(`'1:file:_files'`);
    else if (command.argument !== undefined) specs.push(`'1:argument:(${command.argument.join(' ')})'`);
    specs.push(`'*::command:_normal'`);
    return `    ${command.name})\n      _arguments -s ${specs.join(' \\\n        ')}\n      ;;`;
  });
  const described = commands.map(
    (command) => `    ${quote(`${command.name}:${zshText(command.description)}`)}`,
  );
  return `#compdef ${name}
# zsh completion for ${name}
_${name}() {
  local -a commands
  commands=(
${described.join('\n')}
    'help:print the help of a command'
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
    help) _describe 'command' commands ;;
${cases.join('\n')}
  esac
}
if [ "\${funcstack[1]}" = "_${name}" ]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function fish(name: string, commands: readonly CommandWords[]): string {
  const lines = [`# fish completion for ${name}`, `complete -c ${name} -f`];
  const none = '__fish_use_subcommand';
  for (const command of commands) {
    lines.push(`complete -c ${name} -n ${none} -a ${command.name} -d ${quote(command.description)}`);
    const when = quote(`__fish_seen_subcommand_from ${command.name}`);
    for (const option of command.options) {
      const flags = option.flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      let value = '';
      if (option.takesValue) {
        if (option.values === 'file') value = ' -r -F';
        else if (option.values === 'dir') value = " -r -a '(__fish_complete_directories)'";
        else value = option.values === undefined ? ' -x' : ` -x -a ${quote(option.values.join(' '))}`;
      }
      lines.push(`complete -c ${name} -n ${when} ${flags.join(' ')}${value} -d ${quote(option.description)}`);
    }
    if (command.argument === 'file') lines.push(`complete -c ${name} -n ${when} -F`);
    else if (command.argument !== undefined) {
      lines.push(`complete -c ${name} -n ${when} -a ${quote(command.argument.join(' '))}`);
    }
  }
  lines.push(`complete -c ${name} -n ${none} -a help -d 'print the help of a command'`);
  return `${lines.join('\n')}\n`;
}

/** The script that makes a shell complete our commands, options and values. */
export function completionScript(root: Command, shell: Shell): string {
  const commands = readCommands(root);
  return { bash, zsh, fish }[shell](root.name(), commands).trimEnd();
}
