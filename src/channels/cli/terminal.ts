/**
 * What the command line writes: one JSON document for programs, tables for people, everything else on stderr. Guarantees:
 * stdout holds the answer and nothing but the answer; control characters of file names never reach a terminal.
 */

export interface Terminal {
  /** Answers are JSON: asked for by `--json`, or stdout is no terminal. */
  readonly json: boolean;
  readonly color: boolean;
  /** Characters of a line, where the terminal says. */
  readonly columns?: number;
  out(text: string): void;
  err(text: string): void;
  bytes(bytes: Uint8Array): Promise<void>;
}

export function openTerminal(options: { readonly json: boolean; readonly color: boolean }): Terminal {
  return {
    json: options.json || !process.stdout.isTTY,
    color: options.color && Boolean(process.stdout.isTTY),
    ...(process.stdout.columns > 0 ? { columns: process.stdout.columns } : {}),
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
    bytes: (bytes) =>
      new Promise((resolve, reject) =>
        process.stdout.write(bytes, (failure) => (failure ? reject(failure) : resolve())),
      ),
  };
}

export type Style = keyof typeof STYLES;

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;

export const paint = (terminal: Pick<Terminal, 'color'>, style: Style, text: string): string =>
  terminal.color ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;

/** A text that may hold anything, as it is safe to show. */
export const safe = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** Columns on which terminals agree less than they should: counted as code points, wide ones as two. */
const width = (text: string): number =>
  [...text].reduce(
    (sum, c) =>
      sum +
      (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(c)
        ? 2
        : 1),
    0,
  );

export interface Column {
  readonly title: string;
  readonly right?: boolean;
  /** How a cell is shown where there are colours. */
  readonly style?: (cell: string) => Style | undefined;
  /** Never shortened, as what people copy. */
  readonly whole?: boolean;
}

/** The same terminal for lines that belong under another: two blanks before each. */
export const indented = (terminal: Terminal): Terminal => ({
  ...terminal,
  ...(terminal.columns === undefined ? {} : { columns: terminal.columns - INDENT.length }),
  out: (text) => terminal.out(text.replace(/^(?=.)/gm, INDENT)),
});
const INDENT = '  ';

/** An id, maybe behind a word of what it is of. */
const ID = /^(\w+[ :])?([\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|[a-z]+-[\da-f]{24})$/;
const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d/;

/** Columns of which nothing may be cut off: the first, numbers, times, and ids, which people copy. */
const isWhole = ({ title, right, whole }: Column, i: number, cells: readonly (readonly string[])[]): boolean =>
  i === 0 ||
  right === true ||
  whole === true ||
  /(^|[ _])id$/i.test(title) ||
  cells.some((row) => ID.test(row[i] ?? '') || TIME.test(row[i] ?? ''));

const GAP = '  ';
/** Characters of a text that are left of it in the narrowest terminal. */
const LEAST = 8;

/** What each column takes at the most, and at the least. */
function limitsOf(columns: readonly Column[], cells: readonly (readonly string[])[]) {
  const full = columns.map(({ title }, i) => Math.max(width(title), ...cells.map((row) => width(row[i] ?? ''))));
  const least = columns.map((column, i) => {
    const wide = full[i] ?? 0;
    return isWhole(column, i, cells) ? wide : Math.min(wide, Math.max(width(column.title), LEAST));
  });
  return { full, least };
}

const lengthOf = (widths: readonly number[]): number =>
  widths.reduce((sum, wide) => sum + wide + GAP.length, -GAP.length);

/** Is there a width of the texts with which rows fit on a line? */
export const canFit = (
  { columns: room = Number.POSITIVE_INFINITY }: Pick<Terminal, 'columns'>,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): boolean => lengthOf(limitsOf(columns, rows).least) <= room;

/** Columns as wide as their widest cell; where a row is too long for its line, the widest texts are shortened to fit. */
function widthsOf(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
  room = Number.POSITIVE_INFINITY,
): number[] {
  const { full, least } = limitsOf(columns, cells);
  if (lengthOf(full) <= room) return full;
  const at = (most: number): number[] => full.map((wide, i) => Math.min(wide, Math.max(most, least[i] ?? 0)));
  let most = Math.min(room, Math.max(...full));
  while (most > LEAST && lengthOf(at(most)) > room) most--;
  return at(most);
}

/** A text in so many columns, with … for what is left out. */
function cut(text: string, wide: number): string {
  if (width(text) <= wide) return text;
  let shown = '';
  let left = wide - 1;
  for (const c of text) {
    left -= width(c);
    if (left < 0) break;
    shown += c;
  }
  return `${shown}…`;
}

/** Rows under their titles, each on a line of the terminal if it can be. */
export function table(terminal: Terminal, columns: readonly Column[], rows: readonly (readonly string[])[]): void {
  const cells = rows.map((row) => row.map(safe));
  const widths = widthsOf(columns, cells, terminal.columns);
  const line = (row: readonly string[], style?: 'dim'): void => {
    const parts = columns.map((column, i) => {
      const text = cut(row[i] ?? '', widths[i] ?? 0);
      const pad = ' '.repeat(Math.max(0, (widths[i] ?? 0) - width(text)));
      const own = style ? undefined : column.style?.(row[i] ?? '');
      const shown = own ? paint(terminal, own, text) : text;
      return column.right ? pad + shown : shown + pad;
    });
    const text = parts.join(GAP).trimEnd();
    terminal.out(`${style ? paint(terminal, style, text) : text}\n`);
  };
  line(
    columns.map((column) => column.title.toUpperCase()),
    'dim',
  );
  for (const row of cells) line(row);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 1536 → `1.5 KiB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Local time to the minute, as `ls -l` has it. */
export const timeText = (iso: string): string => {
  const at = new Date(iso);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
};
