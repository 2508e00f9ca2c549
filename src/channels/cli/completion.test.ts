/** The script for bash, tried in bash; those for the other shells name the same words. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { Command } from './command.ts';
import { allCommands } from './commands.ts';
import { completionFor } from './completion.ts';

const scriptFor = (shell: string): string => completionFor(shell, allCommands);

/** What bash offers for the last word of a line. */
function offered(script: string, line: readonly string[]): string[] {
  const ask = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nexus; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', ask, 'bash', 'nexus', ...line], { encoding: 'utf8' })
    .split('\n')
    .slice(0, -1);
}

test('bash is offered nouns, verbs and options, and nothing where a path stands', async () => {
  const script = scriptFor('bash');
  expect(offered(script, ['comp'])).toEqual(['completion']);
  expect(offered(script, ['file', 'read'])).toEqual(['read', 'read-bulk']);
  expect(offered(script, ['--json', 'zone', 'upd'])).toEqual(['update']);
  expect(offered(script, ['ls', '-l', '--r'])).toEqual(['--recursive']);
  expect(offered(script, ['file', 'read', '/a', '--off'])).toEqual(['--offset']);
  expect(offered(script, ['file', 'read', '--ur'])).toEqual(['--url']);
  expect(offered(script, ['tree', 'rest'])).toEqual(['restore']);
  expect(offered(script, ['put', 'READ'])).toEqual(['']);
});

test('bash is offered the words that an option takes, in either spelling, and files where it takes others', () => {
  const script = scriptFor('bash');
  const tiers = ['critical', 'high', 'normal', 'low', 'best_effort'];
  expect(offered(script, ['scheduler', 'submit', 'nexus', 'echo', '--priority', ''])).toEqual(tiers);
  expect(offered(script, ['scheduler', 'submit', '--json', '--priority', 'h'])).toEqual(['high']);
  // As bash takes `--priority=` and `--priority=lo` apart.
  expect(offered(script, ['scheduler', 'submit', '--priority', '='])).toEqual(tiers);
  expect(offered(script, ['scheduler', 'submit', '--priority', '=', 'lo'])).toEqual(['low']);
  expect(offered(script, ['scheduler', 'submit', '--priority', 'high', '--dead'])).toEqual(['--deadline']);
  expect(offered(script, ['scheduler', 'submit', '--deadline', ''])).toEqual(['']);
  for (const shell of ['bash', 'zsh']) expect(scriptFor(shell)).toContain(`--priority') echo '${tiers.join(' ')}' ;;`);
  expect(scriptFor('fish')).toContain(` -l priority -x -a '${tiers.join(' ')}' -d `);
});

test('every command and option is in every script', async () => {
  const everything = (script: string, one: Command): string[] =>
    [...one.words.split(' '), ...one.options.map(({ name }) => name)].filter(
      (word) => !new RegExp(`(?<![\\w-])(--)?${word}(?![\\w-])`).test(script),
    );
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = scriptFor(shell);
    expect(allCommands.flatMap((one) => everything(script, one))).toEqual([]);
  }
});

test('another shell is refused by name', () => {
  expect(() => scriptFor('tcsh')).toThrow('there is no completion for "tcsh", but for bash, zsh and fish');
});
