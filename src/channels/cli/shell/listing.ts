/** ls and tree. */
import { NexusError } from '../../../../client/errors.ts';
import { type Entry, listAll } from '../../../../client/pages.ts';
import { plural } from '../../../base/plural.ts';
import type { Command, Scene } from '../command.ts';
import { show } from '../show.ts';
import { bytesText, paint, safe, type Terminal, table, timeText } from '../terminal.ts';
import { collect, flag, PAGE, target, VIEW, viewOf } from './options.ts';

const nameIn = (terminal: Terminal, entry: Pick<Entry, 'name' | 'is_directory'>): string =>
  entry.is_directory ? paint(terminal, 'blue', `${safe(entry.name)}/`) : safe(entry.name);

export const ls: Command = {
  words: 'ls',
  summary: 'List a directory, or name a file.',
  args: ['path?'],
  options: [flag('long', 'sizes, versions and times', 'l'), flag('recursive', 'all that is below', 'R'), ...VIEW],
  run: async (scene, typed) => {
    const long = Boolean(typed.options.long);
    const recursive = Boolean(typed.options.recursive);
    const query = { path: target(typed), recursive, details: long, limit: PAGE.list, ...viewOf(typed) };
    const { entries, paths } = await entriesOf(scene, query);
    if (scene.terminal.json) show(scene.terminal, { entries });
    else if (long) longList(scene.terminal, entries, paths);
    else
      for (const entry of entries) scene.terminal.out(`${paths ? safe(entry.path) : nameIn(scene.terminal, entry)}\n`);
    return undefined;
  },
};

interface Listed {
  readonly entries: readonly Entry[];
  /** Shown by their paths, not by their names. */
  readonly paths: boolean;
}

/** What a directory holds; of a file, itself. */
async function entriesOf(scene: Scene, query: Parameters<typeof listAll>[1]): Promise<Listed> {
  const transport = scene.transport();
  try {
    return { entries: await collect(listAll(transport, query)), paths: query.recursive === true };
  } catch (thrown) {
    if (!(thrown instanceof NexusError && thrown.code === 'NOT_A_DIRECTORY')) throw thrown;
    const { path, branch, as_of } = query;
    const stat = { path, ...(branch === undefined ? {} : { branch }), ...(as_of === undefined ? {} : { as_of }) };
    return { entries: [(await transport.rpc('stat', stat)) as Entry], paths: true };
  }
}

function longList(terminal: Terminal, entries: readonly Entry[], paths: boolean): void {
  table(
    terminal,
    [
      { title: 'SIZE', right: true },
      { title: 'VER', right: true },
      { title: 'MODIFIED' },
      { title: 'BY' },
      { title: 'NAME', whole: true },
    ],
    entries.map((entry) => [
      entry.is_directory ? '-' : bytesText(entry.size),
      'version' in entry && entry.version ? String(entry.version) : '-',
      timeText(entry.modified_at),
      'modified_by' in entry ? entry.modified_by : '',
      `${paths ? entry.path : entry.name}${entry.is_directory ? '/' : ''}`,
    ]),
  );
}

export const tree: Command = {
  words: 'tree',
  summary: 'Draw what is below a directory.',
  args: ['path?'],
  options: VIEW,
  run: async (scene, typed) => {
    const root = target(typed).replace(/\/+$/, '') || '/';
    const query = { path: root, recursive: true, limit: PAGE.list, ...viewOf(typed) };
    const entries = await collect(listAll(scene.transport(), query));
    if (scene.terminal.json) {
      show(scene.terminal, { entries });
      return undefined;
    }
    scene.terminal.out(`${safe(root)}\n`);
    drawTree(scene.terminal, entries, root);
    const files = entries.filter((entry) => !entry.is_directory);
    const bytes = files.reduce((sum, entry) => sum + entry.size, 0);
    scene.terminal.err(
      `${plural(entries.length - files.length, 'directory')}, ${plural(files.length, 'file')}, ${bytesText(bytes)}\n`,
    );
    return undefined;
  },
};

function drawTree(terminal: Terminal, entries: readonly Entry[], root: string): void {
  const children = Map.groupBy(entries, (entry) => entry.path.slice(0, entry.path.lastIndexOf('/')) || '/');
  const draw = (folder: string, indent: string): void => {
    const own = children.get(folder) ?? [];
    for (const [i, entry] of own.entries()) {
      const last = i === own.length - 1;
      terminal.out(`${indent}${last ? '└── ' : '├── '}${nameIn(terminal, entry)}\n`);
      if (entry.is_directory) draw(entry.path, `${indent}${last ? '    ' : '│   '}`);
    }
  };
  draw(root.startsWith('/') ? root : `/${root}`, '');
}
