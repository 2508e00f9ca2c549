/**
 * Which tables are state: migrations/state.json, beside the migrations that make them, with the columns that a database
 * has. A test compares it with the schema, so that no new table is forgotten.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseJson } from '../../base/parse-json.ts';
import { blobReferences } from '../../core/operations.ts';
import { namedBy, type State, type StateTable } from '../../features/backups/dump.ts';
import type { Tx } from '../../ports/sql.ts';
import { shapeOf } from '../schema/shape.ts';

interface Told {
  readonly key: readonly string[];
  /** Columns that are not state: they change though nobody changes anything. */
  readonly without?: readonly string[];
  /** Columns that are dumped by an expression, once the database has the table that it needs. */
  readonly as?: Readonly<Record<string, { readonly beside: string; readonly sql: string }>>;
  readonly where?: string;
  readonly rows?: number;
}

export interface Catalogue {
  readonly dumped: Readonly<Record<string, Told>>;
  /** The other tables, and why. */
  readonly left_out: Readonly<Record<string, string>>;
}

/** Rows in memory, unless a table has large ones. */
const PAGE_ROWS = 500;

export function readCatalogue(): Catalogue {
  const file = fileURLToPath(new URL('../../../migrations/state.json', import.meta.url));
  return parseJson(readFileSync(file, 'utf8')) as Catalogue;
}

/** What a database has of the state: one of an older schema lacks tables and columns. */
export async function stateOf(tx: Tx): Promise<State> {
  const shape = await shapeOf(tx);
  const version = await tx.get<{ version: number }>('SELECT MAX(version) AS version FROM migrations');
  const columnsOf = (table: string): string[] =>
    shape
      .filter((part) => part.kind === 'column' && part.table === table)
      .map(({ name }) => name.slice(table.length + 1));
  const tables = Object.entries(readCatalogue().dumped).flatMap(([name, told]): StateTable[] => {
    const { key, without = [], as = {}, where, rows = PAGE_ROWS } = told;
    // In an order of their own: that of a table depends on the migrations of its engine.
    const columns = columnsOf(name)
      .filter((column) => !without.includes(column))
      .sort();
    const known = Object.entries(as).filter(([, { beside }]) => columnsOf(beside).length > 0);
    const expressions = Object.fromEntries(known.map(([column, { sql }]) => [column, sql]));
    const contents = contentsOf(name).filter((column) => columns.includes(column));
    return columns.length === 0 ? [] : [{ name, columns, key, as: expressions, contents, where, rows }];
  });
  const names = new Set(tables.map(({ name }) => name));
  const others = shape.filter(({ kind, name }) => kind === 'table' && !names.has(name));
  return {
    schema: version?.version ?? 0,
    tables: tables.map((table) => onlyNamed(table, tables)),
    beside: new Set(others.map(({ name }) => name)),
  };
}

const contentsOf = (table: string): readonly string[] =>
  blobReferences.filter((one) => one.table === table).map(({ column }) => column);

/** Contents that nothing names are no state. */
const onlyNamed = (table: StateTable, tables: readonly StateTable[]): StateTable =>
  table.name === 'blobs' ? { ...table, where: namedBy(tables, 'blobs') } : table;
