/** Texts and pages of the corpus as people read them. */
import { plural } from '../../../../base/plural.ts';
import { safe, type Terminal } from '../../terminal.ts';
import type { Asked } from '../views.ts';

/** Characters of a text that are shown where the text is not what was asked for. */
const SHOWN = 160;

/** The beginning of a text in one line, blanks and what a terminal would obey as blanks. */
export function beginningOf(text: string, most = SHOWN): string {
  const line = safe(
    text
      .slice(0, 4 * most)
      .replace(/\s+/g, ' ')
      .trim(),
  );
  const shown = [...line].slice(0, most).join('');
  return shown.length < line.length || text.length > 4 * most ? `${shown}…` : shown;
}

interface Page {
  readonly asked: Asked;
  /** Rows of this page. */
  readonly shown: number;
  /** Of all pages; of a list that does not tell, more is supposed behind a full page. */
  readonly total?: number;
  /** Rows of a page unless asked for otherwise, where the list tells no total. */
  readonly limit?: number;
  readonly noun: string;
}

/** Says how the next page is asked for, if there is one. */
export function moreOf(terminal: Terminal, { asked, shown, total, limit = 100, noun }: Page): void {
  const last = Number(asked.offset ?? 0) + shown;
  if (shown === 0) return;
  if (total !== undefined) {
    if (last < total) terminal.err(`… ${last} of ${plural(total, noun)}, more: --offset ${last}\n`);
  } else if (shown === Number(asked.limit ?? limit)) terminal.err(`… more: --offset ${last}\n`);
}

/** `seed 3, rate 0.1`: what is short enough to say something in a line; ids, hashes and objects are for programs. */
export const fieldsText = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .filter(([name, value]) => !/(_id|_hash)$/.test(name) && typeof value !== 'object' && value !== '')
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${beginningOf(String(value), FIELD)}`)
    .join(', ');
/** Characters of a value. */
const FIELD = 40;

/** A text below what is told of it: its lines as they are, as far as a screen takes them. */
export function tellText(terminal: Terminal, text: string): void {
  if (text.trim() === '') return;
  const shown = [...text.slice(0, 2 * SCREEN)].slice(0, SCREEN).join('');
  const rows = shown.trimEnd().split('\n').map(safe).join('\n');
  terminal.out(`\n${rows}${shown.length < text.length ? '…' : ''}\n`);
}
const SCREEN = 2_000;
