/**
 * A prepared statement. Guarantee: rows are objects as a literal makes them, which take half the time of those of the
 * driver, whose properties stand in a dictionary each: they are read as lists of values and named here.
 */
import type { StatementSync } from 'node:sqlite';
import type { SqlValue } from '../../ports/sql.ts';

export type NamedRow = Record<string, unknown>;

const SELECT = /^\s*SELECT\b/;

export class Prepared {
  readonly sql: string;
  readonly changes: boolean;
  private readonly statement: StatementSync;
  private columns: readonly string[] = [];
  private readonly naming = new Map<string, boolean>();

  constructor(statement: StatementSync, sql: string) {
    statement.setReturnArrays(true);
    this.statement = statement;
    this.sql = sql;
    this.changes = !SELECT.test(sql);
  }

  /** Does the text have the name of the table in it, be it as a part of another name? */
  names(table: string): boolean {
    const known = this.naming.get(table);
    if (known !== undefined) return known;
    const named = this.sql.includes(table);
    this.naming.set(table, named);
    return named;
  }

  get(params: readonly SqlValue[] = []): NamedRow | undefined {
    const values = this.statement.get(...params) as unknown as readonly unknown[] | undefined;
    return values && this.row(values);
  }

  all(params: readonly SqlValue[] = []): NamedRow[] {
    const found = this.statement.all(...params) as unknown as readonly (readonly unknown[])[];
    const rows = new Array<NamedRow>(found.length);
    for (let at = 0; at < found.length; at++) rows[at] = this.row(found[at]!);
    return rows;
  }

  /** Number of rows changed. */
  run(params: readonly SqlValue[] = []): number {
    return Number(this.statement.run(...params).changes);
  }

  private row(values: readonly unknown[]): NamedRow {
    // A change of the schema may add columns to what `*` stands for.
    if (this.columns.length !== values.length) this.columns = this.statement.columns().map(({ name }) => name);
    const { columns } = this;
    const row: NamedRow = {};
    for (let at = 0; at < values.length; at++) row[columns[at]!] = values[at];
    return row;
  }
}
