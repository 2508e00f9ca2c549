/**
 * The logical dump: every row that is state, as lines of JSON. Guarantees: one snapshot; the same state is the same bytes,
 * whichever engine keeps it; a page of rows at a time is in memory; a row that the order of a table would lose is an
 * error and not a shorter dump.
 *
 * `{"nexus_dump":1,"schema":77}`, then for each table `{"table":"keys","columns":[…]}` and its rows as lists, in the order
 * of its key, then `{"rows":n}`. Contents of files are named by their hashes.
 */
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { Fault } from '../../base/faults.ts';
import type { Sql, SqlValue, Tx } from '../../ports/sql.ts';

/** A table that is part of the state, as migrations/state.json tells of it, with the columns that it has here. */
export interface StateTable {
  readonly name: string;
  /** Every column of its rows in the dump. */
  readonly columns: readonly string[];
  /** Columns that tell any two rows apart; never null. */
  readonly key: readonly string[];
  /** Columns whose value in the dump is not simply what the row says. */
  readonly as?: Readonly<Record<string, string>>;
  /** Those that name contents, by their numbers. */
  readonly contents: readonly string[];
  /** Which of its rows are state. */
  readonly where?: string | undefined;
  /** How many of its rows may be in memory. */
  readonly rows: number;
}

export interface State {
  /** Version of the schema. */
  readonly schema: number;
  readonly tables: readonly StateTable[];
  /** The other tables that there are: an older schema lacks some. */
  readonly beside: ReadonlySet<string>;
}

export interface DumpFigures {
  /** Of all bytes of the dump. */
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
  /** The newest event of each zone. */
  readonly revisions: Readonly<Record<string, number>>;
}

export type DumpRow = readonly (string | number | null)[];

export interface DumpSink {
  /** Whole lines. */
  write(text: string): Promise<void> | void;
  /** The rows of a page, before they are written. */
  rows?(table: StateTable, rows: readonly DumpRow[]): Promise<void> | void;
  readonly signal?: AbortSignal | undefined;
}

/** `stateOf` says what there is, in the snapshot of the dump. */
export async function dump(sql: Sql, stateOf: (tx: Tx) => Promise<State>, sink: DumpSink): Promise<DumpFigures> {
  let begun = false;
  return sql.read(async (tx) => {
    // A read whose connection broke is run again; what has been written cannot be taken back.
    if (begun) throw new Fault('UNAVAILABLE', 'The connection to the database broke during the dump; begin again');
    begun = true;
    return dumpIn(tx, await stateOf(tx), sink);
  });
}

/** The same in a transaction that is open. */
export const dumpIn = (tx: Tx, state: State, sink: DumpSink): Promise<DumpFigures> => new Dumping(tx, sink).all(state);

class Dumping {
  readonly #tx: Tx;
  readonly #sink: DumpSink;
  readonly #hash = createHash('sha256');
  readonly #revisions: Record<string, number> = {};
  #bytes = 0;
  #rows = 0;

  constructor(tx: Tx, sink: DumpSink) {
    this.#tx = tx;
    this.#sink = sink;
  }

  async all({ schema, tables }: State): Promise<DumpFigures> {
    await this.#write([{ nexus_dump: 1, schema }]);
    for (const table of tables) await this.#table(table);
    await this.#write([{ rows: this.#rows }]);
    return { sha256: this.#hash.digest('hex'), bytes: this.#bytes, rows: this.#rows, revisions: this.#revisions };
  }

  async #table(table: StateTable): Promise<void> {
    const before = this.#rows;
    await this.#write([{ table: table.name, columns: table.columns }]);
    for (let after: readonly SqlValue[] | undefined = []; after; ) {
      this.#sink.signal?.throwIfAborted();
      after = await this.#page(table, after);
      // Others of this thread have their turn.
      await turn();
    }
    const { n } = (await this.#tx.get<{ n: number }>(
      `SELECT COUNT(*) AS n FROM ${table.name}${where(table.where)}`,
    )) ?? { n: 0 };
    if (n === this.#rows - before) return;
    throw new Error(
      `the dump has ${this.#rows - before} rows of ${table.name}, the table ${n}: its key tells them not apart`,
    );
  }

  /** Gives the key of the last row, where there may be more. */
  async #page(table: StateTable, after: readonly SqlValue[]): Promise<readonly SqlValue[] | undefined> {
    const keys = table.key.join(', ');
    const behind = after.length > 0 ? `(${keys}) > (${table.key.map(() => '?').join(', ')})` : undefined;
    const found = await this.#tx.all<Record<string, string | number | null>>(
      `SELECT ${selected(table)} FROM ${table.name}${where(table.where, behind)} ORDER BY ${keys} LIMIT ${table.rows}`,
      after,
    );
    const rows = found.map((row) => table.columns.map((column) => row[column] ?? null));
    this.#note(table, found);
    await this.#sink.rows?.(table, rows);
    await this.#write(rows);
    this.#rows += rows.length;
    const last = found.at(-1);
    return last && found.length === table.rows ? table.key.map((column) => last[column] ?? null) : undefined;
  }

  #note({ name }: StateTable, rows: readonly Readonly<Record<string, unknown>>[]): void {
    if (name !== 'zones') return;
    for (const { zone_id, seq } of rows) this.#revisions[String(zone_id)] = Number(seq);
  }

  async #write(lines: readonly unknown[]): Promise<void> {
    if (lines.length === 0) return;
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    this.#bytes += Buffer.byteLength(text);
    this.#hash.update(text);
    await this.#sink.write(text);
  }
}

const selected = ({ columns, as }: StateTable): string =>
  columns.map((column) => (as?.[column] === undefined ? column : `${as[column]} AS ${column}`)).join(', ');

function where(...conditions: readonly (string | undefined)[]): string {
  const all = conditions.filter((condition) => condition !== undefined).map((condition) => `(${condition})`);
  return all.length > 0 ? ` WHERE ${all.join(' AND ')}` : '';
}

/** Of blobs, under the name `blob`: a row of these tables that is state names it. */
export const namedBy = (tables: readonly StateTable[], blob: string): string =>
  tables
    .flatMap(({ name, contents, where: which }) =>
      contents.map((column) => `EXISTS (SELECT 1 FROM ${name}${where(`${name}.${column} = ${blob}.blob_id`, which)})`),
    )
    .join(' OR ');
