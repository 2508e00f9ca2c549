/** What changed in the tree, as people read it: a line for each path. */
import type { Command } from '../command.ts';
import { bytesText, type Column, type Style } from '../terminal.ts';
import { shownBy, tell, titles } from './views.ts';

interface Side {
  readonly type: string;
  readonly size: number;
  readonly version: number | null;
}

interface Diff {
  readonly changes: readonly {
    readonly path: string;
    readonly change: string;
    readonly old_path?: string;
    readonly from?: Side;
    readonly to?: Side;
  }[];
  readonly next_cursor: string | null;
}

const STYLES: Readonly<Record<string, Style>> = { added: 'green', removed: 'red', modified: 'yellow', renamed: 'cyan' };

const COLUMNS: readonly Column[] = [
  { title: 'change', style: (cell) => STYLES[cell] },
  { title: 'path', whole: true },
  ...titles('type', 'size', 'version'),
];

/** What it was and what it is, once where that is the same. */
const between = (sides: readonly (Side | undefined)[], text: (side: Side) => string): string =>
  [...new Set(sides.flatMap((side) => (side ? [text(side)] : [])))].filter((one) => one !== '').join(' → ');

const diff = shownBy('tree diff', (terminal, { changes, next_cursor }: Diff) => {
  const rows = changes.map(({ path, change, old_path, from, to }) => [
    change,
    old_path === undefined ? path : `${old_path} → ${path}`,
    between([from, to], ({ type }) => type),
    between([from, to], ({ type, size }) => (type === 'file' ? bytesText(size) : '')),
    between([from, to], ({ version }) => (version === null ? '' : String(version))),
  ]);
  tell(terminal, { columns: COLUMNS, rows }, next_cursor);
});

export const treeViews: readonly Command[] = [diff];
