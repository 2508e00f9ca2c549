/** Any answer as people read it: a list as a table, an object as lines of name and value. */
import { encodeBytes } from '../../../client/transport.ts';
import { bytesText, type Column, paint, safe, type Terminal, table, timeText } from './terminal.ts';

type Plain = Readonly<Record<string, unknown>>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Writes an answer: JSON for programs, bytes as JSON-RPC has them; else what suits its shape. */
export function show(terminal: Terminal, answer: unknown): void {
  if (terminal.json) {
    terminal.out(`${JSON.stringify(encodeBytes(answer ?? null))}\n`);
    return;
  }
  if (answer === undefined || answer === null) return;
  if (answer instanceof Uint8Array) terminal.out(new TextDecoder().decode(answer));
  else if (typeof answer === 'string') terminal.out(answer.endsWith('\n') ? answer : `${answer}\n`);
  else if (Array.isArray(answer)) showRows(terminal, answer);
  else if (isPlain(answer)) showObject(terminal, answer);
  else terminal.out(`${String(answer)}\n`);
}

/** The one list of an answer that is a page: `{keys: […], has_more, …}`. */
function pageOf(answer: Plain): readonly unknown[] | undefined {
  if (!('has_more' in answer) && !('next_cursor' in answer)) return undefined;
  const lists = Object.values(answer).filter((value): value is unknown[] => Array.isArray(value));
  return lists.at(-1);
}

function showObject(terminal: Terminal, answer: Plain): void {
  const rows = pageOf(answer);
  if (rows) {
    showRows(terminal, rows);
    if (answer.has_more) terminal.err(`… more: --cursor ${String(answer.next_cursor)}\n`);
    return;
  }
  const names = Object.keys(answer).filter((name) => !HIDDEN.has(name) && !isEmpty(answer[name]));
  const wide = Math.max(0, ...names.map((name) => name.length));
  for (const name of names) {
    terminal.out(`${paint(terminal, 'dim', name.padEnd(wide))}  ${safe(cell(name, answer[name]))}\n`);
  }
}

/** Says nothing to a person: null, an empty list, an object without fields. */
const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);

/** Fields that say nothing to a person that another does not say. */
const HIDDEN = new Set([
  'id',
  'label',
  'quota',
  'phase',
  'hash',
  'mime_type',
  'bytes_written',
  'is_directory',
  'isolation',
  'user',
  'tenant_id',
  'raw_key',
  'api_key',
]);
/** Zones of parts, where they are that of the whole. */
const isOwnZone = (name: string, row: Plain): boolean => name.endsWith('_zone_id') && row[name] === row.zone_id;
const COLUMNS_MAX = 8;

function showRows(terminal: Terminal, rows: readonly unknown[]): void {
  if (rows.length === 0) {
    terminal.err('nothing\n');
    return;
  }
  if (!rows.every(isPlain)) {
    for (const row of rows) terminal.out(`${safe(typeof row === 'string' ? row : JSON.stringify(row))}\n`);
    return;
  }
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
    .filter((name) => !HIDDEN.has(name) && rows.some((row) => !isEmpty(row[name]) && !isOwnZone(name, row)))
    .slice(0, COLUMNS_MAX);
  const columns: Column[] = names.map((name) => ({
    title: name,
    right: rows.every((row) => typeof row[name] === 'number'),
  }));
  table(
    terminal,
    columns,
    rows.map((row) => names.map((name) => cell(name, row[name]))),
  );
}

/** One value as a cell: sizes and times by the name they go under. */
function cell(name: string, value: unknown): string {
  if (isEmpty(value)) return '';
  if (typeof value === 'number' && /(^|_)(size|bytes)$/.test(name)) return bytesText(value);
  if (typeof value === 'string' && /(_at|^at)$/.test(name) && !Number.isNaN(Date.parse(value))) return timeText(value);
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(', ');
  if (isPlain(value) && Object.values(value).every((item) => typeof item !== 'object')) {
    return Object.entries(value)
      .map(([key, item]) => `${key} ${cell(key, item)}`)
      .join(', ');
  }
  return JSON.stringify(value);
}
