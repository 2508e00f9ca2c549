/**
 * Any answer as people read it: a list as a table, an object as lines of name and value, and what is inside of one of
 * these the same way again, indented. Guarantees: people get no JSON; programs get nothing else.
 */
import { encodeBytes } from '../../../client/transport.ts';
import { bytesText, type Column, canFit, indented, paint, safe, type Terminal, table, timeText } from './terminal.ts';

type Plain = Readonly<Record<string, unknown>>;

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isBytes(value);

/** Writes an answer: JSON for programs, bytes as JSON-RPC has them; else what suits its shape. */
export function show(terminal: Terminal, answer: unknown): void {
  if (terminal.json) {
    terminal.out(`${JSON.stringify(encodeBytes(answer ?? null))}\n`);
    return;
  }
  if (answer === undefined || answer === null) return;
  if (isBytes(answer)) terminal.out(new TextDecoder().decode(answer));
  else if (typeof answer === 'string') terminal.out(answer.endsWith('\n') ? answer : `${answer}\n`);
  else if (Array.isArray(answer)) showRows(terminal, answer);
  else if (isPlain(answer)) showObject(terminal, answer);
  else terminal.out(`${String(answer)}\n`);
}

/** The one list of an answer that is a page: `{keys: […], has_more, …}`. Of several, each goes under its name. */
function pageOf(answer: Plain): readonly unknown[] | undefined {
  const lists = Object.entries(answer).filter(([name]) => !isTwin(name, answer));
  const [list, ...others] = lists.flatMap(([, value]) => (Array.isArray(value) ? [value as unknown[]] : []));
  return others.length === 0 ? list : undefined;
}

function showObject(terminal: Terminal, answer: Plain): void {
  const { has_more, next_cursor, ...said } = answer;
  if (has_more === undefined && next_cursor === undefined) showFields(terminal, answer);
  else {
    const rows = pageOf(said);
    if (rows) showRows(terminal, rows);
    else showFields(terminal, said);
    if (typeof next_cursor === 'string') terminal.err(`… more: --cursor ${next_cursor}\n`);
    else if (has_more) terminal.err('… more\n');
  }
}

function showFields(terminal: Terminal, answer: Plain): void {
  if (Object.keys(answer).length > 1 && Object.values(answer).every((value) => isPlain(value) || value === null)) {
    showNamed(terminal, answer as Readonly<Record<string, Plain | null>>);
    return;
  }
  const names = namesIn([answer]);
  const columns = (terminal.columns ?? COLUMNS) - Math.max(0, ...names.map((name) => name.length)) - 2;
  const inLine = names.filter((name) => !needsBlock(name, answer[name], columns));
  const wide = Math.max(0, ...inLine.map((name) => name.length));
  for (const name of inLine) {
    terminal.out(`${paint(terminal, 'dim', name.padEnd(wide))}  ${safe(cell(name, answer[name]))}\n`);
  }
  for (const name of names) {
    if (inLine.includes(name)) continue;
    terminal.out(`${paint(terminal, 'dim', name)}\n`);
    showBlock(indented(terminal), answer[name]);
  }
}

/** Characters of a line where nothing says how many there are. */
const COLUMNS = 100;

/** More than a line: a text of several, a list of objects, and an object that has others inside or is long. */
function needsBlock(name: string, value: unknown, columns: number): boolean {
  if (typeof value === 'string' || isBytes(value)) return textOf(value).trimEnd().includes('\n');
  if (Array.isArray(value)) return value.every((item) => typeof item === 'object');
  return isPlain(value) && (Object.values(value).some(isPlain) || cell(name, value).length > columns);
}

function showBlock(terminal: Terminal, value: unknown): void {
  if (typeof value === 'string' || isBytes(value)) {
    for (const line of textOf(value).trimEnd().split('\n')) terminal.out(`${safe(line)}\n`);
  } else show(terminal, value);
}

/** Objects by their names: what is told of each, in a row. */
function showNamed(terminal: Terminal, answer: Readonly<Record<string, Plain | null>>): void {
  const rows = Object.entries(answer);
  const names = namesIn(rows.map(([, row]) => row ?? {}))
    // As the name by which it was asked for.
    .filter((name) => rows.some(([key, row]) => row !== null && row[name] !== key))
    .slice(0, COLUMNS_MAX);
  fittingTable(
    terminal,
    [{ title: '' }, ...columnsOf(names, Object.values(answer))],
    rows.map(([key, row]) => [key, ...names.map((name) => cell(name, row?.[name]))]),
  );
}

/** Says nothing to a person: null, an empty text or list, an object without fields. */
const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** Fields that say nothing to a person that another does not say. */
const HIDDEN = new Set(['bytes_written', 'is_directory', 'isolation']);

/** Fields that programs know under two names, and which of them people see where both hold the same. */
const SEEN_AS: Readonly<Record<string, string>> = {
  api_key: 'key',
  backend_type: 'type',
  content_hash: 'etag',
  enqueued_at: 'created_at',
  error_message: 'error',
  executor_id: 'executor',
  file: 'path',
  hash: 'etag',
  label: 'name',
  line_number: 'line',
  mime_type: 'content_type',
  operation_type: 'type',
  path: 'mount_point',
  phase: 'status',
  priority_tier: 'priority',
  quota: 'limits',
  raw_key: 'key',
  revision: 'sequence_number',
  status: 'state',
  successful_path: 'proof',
  tenant_id: 'zone_id',
  tuple_id: 'share_id',
  user: 'user_id',
};

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Is what it holds told under another name too? `id` is short for any that ends so. */
function isTwin(name: string, row: Plain): boolean {
  if (name === 'id') return Object.keys(row).some((other) => other.endsWith('_id') && same(row[other], row.id));
  // Zones of parts, where they are that of the whole.
  if (name.endsWith('_zone_id')) return same(row[name], row.zone_id);
  // The paths of the entries, or the entries again.
  if (name === 'files') return Array.isArray(row.entries);
  // The object of a share, where it is a file.
  if (name === 'resource') return same(row.resource, ['file', row.path]);
  const other = SEEN_AS[name];
  return other !== undefined && other in row && same(row[name], row[other]);
}

/** Names of fields that say something in any of the rows that no other says in all of them. */
const namesIn = (rows: readonly Plain[]): string[] =>
  [...new Set(rows.flatMap((row) => Object.keys(row)))].filter(
    (name) => !HIDDEN.has(name) && rows.some((row) => !isEmpty(row[name]) && !isTwin(name, row)),
  );

const COLUMNS_MAX = 8;

const columnsOf = (names: readonly string[], rows: readonly (Plain | null)[]) =>
  names.map((name) => ({
    title: name,
    right: rows.every((row) => isEmpty(row?.[name]) || typeof row?.[name] === 'number'),
  }));

/** Columns that are told however narrow the terminal is: what the rows are about stands first. */
const COLUMNS_LEAST = 4;

/** As many of the columns as there is room for. */
function fittingTable(terminal: Terminal, columns: readonly Column[], rows: readonly (readonly string[])[]): void {
  let shown = columns.length;
  while (shown > COLUMNS_LEAST && !canFit(terminal, columns.slice(0, shown), rows)) shown--;
  table(terminal, columns.slice(0, shown), rows);
  if (shown < columns.length) terminal.err('… more columns: --json\n');
}

/** What is told by its type and its id, in one: `user:ada`. */
function withPairsJoined(row: Plain): Plain {
  const told = Object.entries(row).flatMap(([name, value]): [string, unknown][] => {
    const what = name.replace(/_(type|id)$/, '');
    const [type, id] = [row[`${what}_type`], row[`${what}_id`]];
    if (
      what === name ||
      what in row ||
      isTwin(`${what}_type`, row) ||
      typeof type !== 'string' ||
      typeof id !== 'string'
    )
      return [[name, value]];
    return [[what, `${type}:${id}`]];
  });
  return Object.fromEntries(told);
}

/** The zone is not told in each row where it is that of all. */
const oneZone = (rows: readonly Plain[]): boolean =>
  rows.length > 1 && rows.every((row) => row.zone_id === rows[0]?.zone_id);

function showRows(terminal: Terminal, list: readonly unknown[]): void {
  if (list.length === 0) {
    terminal.err('nothing\n');
    return;
  }
  if (!list.every(isPlain)) {
    for (const row of list) terminal.out(`${safe(cell('', row))}\n`);
    return;
  }
  const rows = list.map(withPairsJoined);
  const said = namesIn(rows).filter((name, i) => i === 0 || name !== 'zone_id' || !oneZone(rows));
  const names = said.slice(0, COLUMNS_MAX);
  fittingTable(
    terminal,
    // What was joined has an id in it.
    columnsOf(names, rows).map((column) => ({ ...column, whole: !list.some((row) => column.title in row) })),
    rows.map((row) => names.map((name) => cell(name, row[name]))),
  );
}

/** Bytes that are text as that, others by their number. */
function textOf(value: string | Uint8Array): string {
  if (typeof value === 'string') return value;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(value);
  } catch {
    return bytesText(value.length);
  }
}

/** As the server writes times. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** One value in a line: sizes by the name they go under, what is inside of another in brackets. */
function cell(name: string, value: unknown): string {
  if (isEmpty(value)) return '';
  if (typeof value === 'number' && /^(size|upload_length|upload_offset)$|(^|_)bytes$/.test(name))
    return bytesText(value);
  if (typeof value === 'string' && TIME.test(value)) return timeText(value);
  if (typeof value === 'string' || isBytes(value)) return textOf(value);
  if (Array.isArray(value)) return value.map((item) => within(cell('', item), item)).join(', ');
  if (!isPlain(value)) return String(value);
  return Object.entries(value)
    .filter(([, item]) => !isEmpty(item))
    .map(([key, item]) => `${key} ${within(cell(key, item), item)}`)
    .join(', ');
}

const within = (text: string, value: unknown): string =>
  typeof value === 'object' && value !== null && !isBytes(value) ? `(${text})` : text;
