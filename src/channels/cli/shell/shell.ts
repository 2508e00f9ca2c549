/** Commands that feel like the shell people know: ls, tree, cat, rm, mv, cp, mkdir, glob, grep, history, diff, restore. */
import { globAll, grepAll } from '../../../../client/pages.ts';
import type { GrepMatch, Result } from '../../../../client/wire.ts';
import { plural } from '../../../base/plural.ts';
import type { Command, Typed } from '../command.ts';
import { typedValue } from '../parse-line.ts';
import { show } from '../show.ts';
import { bytesText, paint, safe, type Terminal, table, timeText } from '../terminal.ts';
import { ls, tree } from './listing.ts';
import { BRANCH, collect, flag, goesTo, PAGE, target, text, textOf, VIEW, viewOf } from './options.ts';
import { rm } from './rm.ts';

const excluded = (typed: Typed): string[] | undefined => {
  const glob = textOf(typed, 'exclude');
  return glob === undefined ? undefined : [glob];
};

/** A version given by position. */
const versionAt = (typed: Typed, at: number, name: string): number | undefined => {
  const given = typed.args[at];
  return given === undefined ? undefined : Number(typedValue({ takes: 'number' }, given, name));
};

const TAKEN = 'give the whole new path, end that of a directory to go into with /, or -f to replace a file';

/** A command that is one call and shows its answer, or one line for people. */
function simple(
  command: Omit<Command, 'run'> & {
    method: string;
    params: (typed: Typed) => object;
    line?: (answer: never) => string;
  },
): Command {
  return {
    ...command,
    run: async (scene, typed) => {
      const answer = await scene.transport().rpc(command.method, command.params(typed));
      if (scene.terminal.json || !command.line) show(scene.terminal, answer);
      else scene.terminal.err(`${command.line(answer as never)}\n`);
      return undefined;
    },
  };
}

const grep: Command = {
  words: 'grep',
  summary: 'Search the contents of files for a regular expression (RE2).',
  args: ['pattern', 'path?'],
  options: [
    flag('ignore-case', 'letters of either case', 'i'),
    flag('fixed', 'the pattern is plain text', 'F'),
    flag('files', 'only the names of files that match', 'l'),
    text('include', 'only files that this glob matches'),
    text('exclude', 'no files that this glob matches'),
    ...VIEW,
  ],
  run: async (scene, typed) => {
    const { options } = typed;
    const query = {
      pattern: target(typed),
      path: target(typed, 1),
      ignore_case: Boolean(options['ignore-case']),
      fixed: Boolean(options.fixed),
      file_pattern: textOf(typed, 'include'),
      exclude: excluded(typed),
      limit: PAGE.grep,
      ...viewOf(typed),
    };
    const matches = await collect(grepAll(scene.transport(), query));
    if (scene.terminal.json) show(scene.terminal, { matches });
    else if (options.files)
      for (const path of new Set(matches.map((found) => found.path))) scene.terminal.out(`${safe(path)}\n`);
    else for (const found of matches) showMatch(scene.terminal, found);
    // As grep has it: 1 says that nothing matched.
    return matches.length === 0 ? 1 : 0;
  },
};

function showMatch(terminal: Terminal, found: GrepMatch): void {
  const at = found.content.indexOf(found.match);
  const end = at + found.match.length;
  const line =
    at < 0
      ? safe(found.content)
      : safe(found.content.slice(0, at)) + paint(terminal, 'red', safe(found.match)) + safe(found.content.slice(end));
  terminal.out(
    `${paint(terminal, 'cyan', safe(found.path))}:${paint(terminal, 'green', String(found.line_number))}:${line}\n`,
  );
}

const glob: Command = {
  words: 'glob',
  summary: 'Find paths by a pattern: nexus glob "/src/**/*.ts".',
  args: ['pattern', 'path?'],
  options: [flag('directories', 'directories too', 'd'), text('exclude', 'no paths that this glob matches'), ...VIEW],
  run: async (scene, typed) => {
    const query = {
      pattern: target(typed),
      path: target(typed, 1),
      include_directories: Boolean(typed.options.directories),
      exclude: excluded(typed),
      limit: PAGE.glob,
      ...viewOf(typed),
    };
    const matches = await collect(globAll(scene.transport(), query));
    if (scene.terminal.json) show(scene.terminal, { matches });
    else for (const path of matches) scene.terminal.out(`${safe(path)}\n`);
    return undefined;
  },
};

const history: Command = {
  words: 'history',
  summary: 'The versions of a file, newest first.',
  args: ['path'],
  options: [{ name: 'limit', about: 'versions at most', takes: 'number' }, BRANCH],
  run: async (scene, typed) => {
    const query = { path: target(typed), limit: typed.options.limit, branch: typed.options.branch };
    const versions = (await scene.transport().rpc('list_versions', query)) as Result<'list_versions'>;
    if (scene.terminal.json) show(scene.terminal, versions);
    else {
      table(
        scene.terminal,
        [
          { title: 'VER', right: true },
          { title: 'REVISION', right: true },
          { title: 'SIZE', right: true },
          { title: 'WHEN' },
          { title: 'WHO' },
          { title: 'HOW' },
          { title: 'ETAG' },
        ],
        versions.map((one) => [
          String(one.version),
          String(one.revision),
          bytesText(one.size),
          timeText(one.created_at),
          one.created_by,
          one.change_reason,
          one.etag.slice(0, 12),
        ]),
      );
    }
    return undefined;
  },
};

const diff: Command = {
  words: 'diff',
  summary: 'What changed between two versions of a file; the last two unless named.',
  args: ['path', 'from?', 'to?'],
  options: [BRANCH],
  run: async (scene, typed) => {
    const transport = scene.transport();
    const path = target(typed);
    const { branch } = typed.options;
    const [older, newer] = [versionAt(typed, 1, 'FROM'), versionAt(typed, 2, 'TO')];
    const newest = newer ?? ((await transport.rpc('stat', { path, branch })) as { version: number }).version;
    const from = older ?? Math.max(1, newest - 1);
    const answer = (await transport.rpc('diff_versions', { path, v1: from, v2: newest, branch })) as {
      diff: string;
      binary: boolean;
      identical: boolean;
    };
    if (scene.terminal.json) show(scene.terminal, answer);
    else if (answer.identical && from === newest && older === undefined) {
      scene.terminal.err(`${safe(path)} has only version ${newest}: nothing to compare\n`);
    } else if (answer.identical) scene.terminal.err(`versions ${from} and ${newest} have the same content\n`);
    else if (answer.binary) scene.terminal.out('the contents differ and are not text\n');
    else for (const line of answer.diff.split('\n')) scene.terminal.out(`${paintDiff(scene.terminal, line)}\n`);
    return undefined;
  },
};

function paintDiff(terminal: Terminal, line: string): string {
  const shown = safe(line.replace(/\t/g, '    '));
  if (line.startsWith('+')) return paint(terminal, 'green', shown);
  if (line.startsWith('-')) return paint(terminal, 'red', shown);
  return line.startsWith('@') ? paint(terminal, 'cyan', shown) : shown;
}

interface Written {
  readonly path: string;
  readonly version: number;
  readonly size: number;
}

export const shellCommands: readonly Command[] = [
  ls,
  tree,
  rm,
  grep,
  glob,
  history,
  diff,
  simple({
    words: 'stat',
    summary: 'What is known of a file or directory.',
    args: ['path'],
    options: VIEW,
    method: 'stat',
    params: (typed) => ({ path: target(typed), ...viewOf(typed) }),
  }),
  simple({
    words: 'mkdir',
    summary: 'Make a directory; with -p its parents too.',
    args: ['path'],
    options: [flag('parents', 'make missing parents, and mind nothing that exists', 'p'), BRANCH],
    hints: { PARENT_NOT_FOUND: 'nexus mkdir -p makes the parents too' },
    method: 'mkdir',
    params: (typed) => ({ path: target(typed), parents: Boolean(typed.options.parents), branch: typed.options.branch }),
    line: (answer: { created: boolean; path: string }) => `${answer.created ? 'made' : 'exists'} ${safe(answer.path)}`,
  }),
  simple({
    words: 'mv',
    summary: 'Rename a file or directory, or move it into one ("/dir/"); its history comes along.',
    args: ['from', 'to'],
    options: [flag('force', 'over an existing file', 'f'), BRANCH],
    hints: { ALREADY_EXISTS: TAKEN },
    method: 'rename',
    params: (typed) => ({
      old_path: target(typed),
      new_path: goesTo(target(typed, 1), target(typed)),
      overwrite: Boolean(typed.options.force),
      branch: typed.options.branch,
    }),
    line: (answer: { old_path: string; path: string }) => `${safe(answer.old_path)} → ${safe(answer.path)}`,
  }),
  simple({
    words: 'cp',
    summary: 'Copy a file, or into a directory ("/dir/"); with -r a directory. Bytes are only named again.',
    args: ['from', 'to'],
    options: [flag('recursive', 'directories too', 'r'), flag('force', 'over an existing file', 'f'), BRANCH],
    hints: {
      IS_A_DIRECTORY: 'nexus cp -r copies a directory with all that is in it',
      ALREADY_EXISTS: TAKEN,
    },
    method: 'copy',
    params: (typed) => ({
      src_path: target(typed),
      dst_path: goesTo(target(typed, 1), target(typed)),
      recursive: Boolean(typed.options.recursive),
      overwrite: Boolean(typed.options.force),
      branch: typed.options.branch,
    }),
    line: (answer: { path: string; files: number }) => `${safe(answer.path)}: ${plural(answer.files, 'file')}`,
  }),
  simple({
    words: 'restore',
    summary: 'Bring a file back to one of its versions, as a new version.',
    args: ['path', 'version'],
    options: [BRANCH],
    method: 'rollback',
    params: (typed) => ({ path: target(typed), version: versionAt(typed, 1, 'VERSION'), branch: typed.options.branch }),
    line: (answer: Written & { rolled_back_to: number }) =>
      `${safe(answer.path)} is as it was at version ${answer.rolled_back_to}, now version ${answer.version}`,
  }),
];
