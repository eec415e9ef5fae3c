import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { completionScript } from '../../../src/cli/commands/completion.ts';
import type { CliContext } from '../../../src/cli/definitions/context.ts';
import { examplesOf } from '../../../src/cli/definitions/context.ts';
import { buildProgram } from '../../../src/cli/program.ts';
import { splitArguments } from '../../../src/cli/run.ts';

function program(): { readonly root: Command; readonly out: string[] } {
  const out: string[] = [];
  const context: CliContext = {
    terminal: {
      interactive: false,
      live: false,
      columns: 80,
      color: false,
      out: (text) => out.push(text),
      err: (text) => out.push(text),
    },
    serverCommand: [],
    exitCode: 0,
  };
  return { root: buildProgram(context), out };
}

const NAMES = ['gateway', 'serve', 'inspect', 'list', 'call', 'read', 'prompt', 'doctor', 'completion'];

describe('the commands', () => {
  it('are all there, each described and with an example that it can parse', () => {
    const { root } = program();
    expect(root.commands.map((command) => command.name())).toEqual(NAMES);
    for (const command of root.commands) {
      expect(command.description()).not.toBe('');
      const examples = examplesOf(command);
      expect(examples.length, command.name()).toBeGreaterThan(0);
      for (const option of command.options) expect(option.description, option.flags).not.toBe('');
      for (const { command: line } of examples) {
        const known = new Set(
          [...command.options, ...root.options].flatMap((option) => [option.short, option.long]),
        );
        const words = line.split(' -- ', 1)[0]?.match(/(?<= )--?[a-z][a-z-]*/g) ?? [];
        for (const word of words) expect(known.has(word), `${word} in ${line}`).toBe(true);
      }
    }
  });

  it('have help with usage and examples', () => {
    const { root } = program();
    for (const command of root.commands) {
      let text = '';
      command.configureOutput({ writeOut: (part) => (text += part) });
      command.outputHelp();
      expect(text).toContain(`Usage: ferromcp ${command.name()}`);
      expect(text).toContain('\nExamples:\n');
    }
  });

  it('split the words at the first --', () => {
    expect(splitArguments(['list', '--json', '--', 'node', '--', 'x'])).toEqual({
      own: ['list', '--json'],
      serverCommand: ['node', '--', 'x'],
    });
    expect(splitArguments(['list'])).toEqual({ own: ['list'], serverCommand: [] });
  });
});

describe('completion', () => {
  const complete = (script: string, words: readonly string[]): readonly string[] => {
    const directory = mkdtempSync(join(tmpdir(), 'ferromcp-completion-'));
    try {
      const path = join(directory, 'completion.bash');
      writeFileSync(path, script);
      const list = words.map((word) => `'${word}'`).join(' ');
      const test = `compopt() { :; }; source '${path}'; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _ferromcp; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', test], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line !== '');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };

  it('for bash offers commands, options and values', () => {
    const script = completionScript(program().root, 'bash');
    expect(complete(script, ['ferromcp', 'ga'])).toEqual(['gateway']);
    expect(complete(script, ['ferromcp', ''])).toEqual(expect.arrayContaining(NAMES));
    expect(complete(script, ['ferromcp', 'list', '--ti'])).toEqual(['--timeout']);
    expect(complete(script, ['ferromcp', 'list', '--era', ''])).toEqual(['auto', 'legacy', 'modern']);
    expect(complete(script, ['ferromcp', 'completion', ''])).toEqual(['bash', 'zsh', 'fish']);
    expect(complete(script, ['ferromcp', 'help', 'do'])).toEqual(['doctor']);
    expect(complete(script, ['ferromcp', 'list', '--timeout', ''])).toEqual([]);
  });

  it.each(['bash', 'zsh', 'fish'] as const)('for %s names every command and every long option', (shell) => {
    const { root } = program();
    const script = completionScript(root, shell);
    for (const command of root.commands) {
      expect(script).toContain(command.name());
      for (const option of command.options) {
        const long = option.long ?? '';
        expect(script).toContain(shell === 'fish' ? `-l ${long.slice(2)}` : long);
      }
    }
  });

  it('for bash parses', () => {
    execFileSync('bash', ['-n'], { input: completionScript(program().root, 'bash') });
  });
});
