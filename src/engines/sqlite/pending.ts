/**
 * What the writes of one commit have still to send: rows to insert, and kept rows to save. Guarantees: a statement that
 * names a table finds everything that was sent to it before, because what is pending for that table goes first; so many
 * writes share the few statements that insert their rows, and none of them can tell.
 */
import { insertStatements } from '../../ports/insert-rows.ts';
import type { KeptRow, Row, RowsInsert, Statement } from '../../ports/sql.ts';

export type Send = (statement: Statement) => void;

export class Pending {
  private readonly rows = new Map<RowsInsert, Row[]>();
  /** By table, then by key. */
  private readonly keeping = new Map<string, Map<string, KeptRow>>();

  get isEmpty(): boolean {
    return this.rows.size === 0 && this.keeping.size === 0;
  }

  insert(insert: RowsInsert, rows: readonly Row[]): void {
    if (rows.length === 0) return;
    const waiting = this.rows.get(insert);
    if (waiting) waiting.push(...rows);
    else this.rows.set(insert, [...rows]);
  }

  kept(table: string, key: string): object | undefined {
    return this.keeping.get(table)?.get(key)?.row;
  }

  keep(table: string, key: string, kept: KeptRow): void {
    const rows = this.keeping.get(table);
    if (rows) rows.set(key, kept);
    else this.keeping.set(table, new Map([[key, kept]]));
  }

  /** Sends what is pending for the tables that `names` says yes to; all of it where it is left out. */
  flush(send: Send, names?: (table: string) => boolean): void {
    for (const [insert, rows] of this.rows) {
      if (names && !names(insert.into)) continue;
      this.rows.delete(insert);
      for (const statement of insertStatements(insert, rows)) send(statement);
    }
    for (const [table, kept] of this.keeping) {
      if (names && !names(table)) continue;
      this.keeping.delete(table);
      for (const { save } of kept.values()) send(save);
    }
  }

  /** What came since the last flush was undone. */
  forget(): void {
    this.rows.clear();
    this.keeping.clear();
  }
}
