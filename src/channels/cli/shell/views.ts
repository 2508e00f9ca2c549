/** How answers are shown to people: tables and lines, words in the same colours everywhere. Programs get the answer as it is. */
import type { Command } from '../command.ts';
import { derivedCommand } from '../derived.ts';
import { show } from '../show.ts';
import { type Column, paint, type Style, safe, type Terminal, table } from '../terminal.ts';

const STYLES: Readonly<Record<string, Style>> = {
  running: 'cyan',
  retry_wait: 'yellow',
  succeeded: 'green',
  completed: 'green',
  active: 'green',
  draining: 'yellow',
  failed: 'red',
  gone: 'red',
  cancelled: 'dim',
  completed_with_errors: 'red',
  ingested: 'green',
  ingested_with_warnings: 'yellow',
  conflict: 'red',
  error: 'red',
  unchanged: 'dim',
  skipped: 'dim',
  complete: 'green',
  partial: 'yellow',
  ok: 'green',
  'NOT ok': 'red',
};

export const styleOf = (word: string): Style | undefined => STYLES[word];

/** A column of words that have a colour each. */
export const words = (title: string): Column => ({ title, style: styleOf });
export const dim = (title: string): Column => ({ title, style: () => 'dim' });
export const number = (title: string): Column => ({ title, right: true });
export const titles = (...names: readonly string[]): Column[] => names.map((title) => ({ title }));

/** What was asked, under the names of the operation's parameters. */
export type Asked = Readonly<Record<string, unknown>>;
type Shown = (terminal: Terminal, answer: never, asked: Asked) => void;

/** The command of an operation, shown in another way where people read it; `codeOf` an answer is its exit code. */
export const shownBy = (line: string, people: Shown, codeOf?: (answer: never) => number): Command =>
  derivedCommand(
    line,
    (terminal, answer, asked) => {
      if (terminal.json) show(terminal, answer);
      else people(terminal, answer as never, asked);
    },
    codeOf && ((answer) => codeOf(answer as never)),
  );

export interface Rows {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

export function tell(terminal: Terminal, { columns, rows }: Rows, next?: string | null): void {
  if (rows.length === 0) terminal.err('nothing\n');
  else table(terminal, columns, rows);
  if (next) terminal.err(`… more: --cursor ${next}\n`);
}

/** Lines of name and value, what is empty left out. */
export function lines(terminal: Terminal, values: Readonly<Record<string, string>>): void {
  const given = Object.entries(values).filter(([, value]) => value !== '');
  const wide = Math.max(...given.map(([name]) => name.length));
  for (const [name, value] of given) {
    const style = name === 'status' ? styleOf(value) : name === 'error' ? 'red' : undefined;
    const text = style ? paint(terminal, style, safe(value)) : safe(value);
    terminal.out(`${paint(terminal, 'dim', name.padEnd(wide))}  ${text}\n`);
  }
}

export const jsonText = (value: unknown): string =>
  value === null || (typeof value === 'object' && Object.keys(value).length === 0) ? '' : JSON.stringify(value);
