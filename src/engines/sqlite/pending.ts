/**
 * What the writes of one commit have still to send, rows to insert and to save, and what they know of rows. Guarantees: a
 * statement that names a table finds everything that was sent to it before, because what is pending for that table goes
 * first; what it changes is no longer known; so many writes share the few statements that look up and insert their rows,
 * and none of them can tell.
 */
import { insertStatements } from '../../ports/insert-rows.ts';
import type { KeptRow, Row, RowsInsert, Statement } from '../../ports/sql.ts';

export type Send = (statement: Statement) => void;

export class Pending {
  private readonly rows = new Map<RowsInsert, Row[]>();
  /** By table, then by key. */
  private readonly known = new Map<string, Map<string, object | null>>();
  private readonly saves = new Map<string, Map<string, Statement>>();
  /** Table whose rows are on their way: what is saved of them goes behind. */
  private inserting: string | undefined;

  get isEmpty(): boolean {
    return this.rows.size === 0 && this.known.size === 0;
  }

  insert(insert: RowsInsert, rows: readonly Row[]): void {
    if (rows.length === 0) return;
    const waiting = this.rows.get(insert);
    if (waiting) waiting.push(...rows);
    else this.rows.set(insert, [...rows]);
  }

  kept(table: string, key: string): object | null | undefined {
    return this.known.get(table)?.get(key);
  }

  know(table: string, key: string, row: object | null): void {
    put(this.known, table, { key, value: row });
  }

  keep(table: string, key: string, { row, save }: KeptRow): void {
    this.know(table, key, row);
    put(this.saves, table, { key, value: save });
  }

  /** A statement changes this table, in a way that is not known. */
  changed(names: (table: string) => boolean): void {
    for (const table of this.known.keys()) if (names(table)) this.known.delete(table);
  }

  /** Sends what is pending for the tables that `names` says yes to; all of it where it is left out. */
  flush(send: Send, names?: (table: string) => boolean): void {
    for (const [insert, rows] of this.rows) {
      if (names && !names(insert.into)) continue;
      this.rows.delete(insert);
      const outer = this.inserting;
      this.inserting = insert.into;
      for (const statement of insertStatements(insert, rows)) send(statement);
      this.inserting = outer;
    }
    for (const [table, saves] of this.saves) {
      if ((names && !names(table)) || table === this.inserting) continue;
      this.saves.delete(table);
      for (const save of saves.values()) send(save);
    }
  }

  /** What came since the last flush was undone. */
  forget(): void {
    this.inserting = undefined;
    this.rows.clear();
    this.saves.clear();
    this.known.clear();
  }
}

function put<V>(tables: Map<string, Map<string, V>>, table: string, { key, value }: { key: string; value: V }): void {
  const rows = tables.get(table);
  if (rows) rows.set(key, value);
  else tables.set(table, new Map([[key, value]]));
}
