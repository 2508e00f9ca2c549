/**
 * One connection to a SQLite file: prepared statements kept, errors of the disk turned into faults. Guarantees that a
 * statement text is prepared once per connection and that no SQLite error text reaches a client.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Dialect, SqlValue, Tx } from '../../ports/sql.ts';
import type { RowMemo } from './row-memo.ts';

export const sqliteDialect: Dialect = {
  name: 'sqlite',
  forUpdate: '',
  textsOf: 'json_each(?)',
  trigrams: 'fts5',
};

/** SQLite result codes (sqlite.org/rescode.html); the low byte is the primary one. */
const FULL = 13;
const BUSY = 5;
const LOCKED = 6;
/** SQLITE_IOERR_SHMSIZE: the index of the WAL could not grow, which has no other cause than a full disk. */
const NO_SHM_ROOM = 4874;

interface SqliteError extends Error {
  readonly errcode: number;
}

export const isSqliteError = (thrown: unknown): thrown is SqliteError =>
  thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number';
const primary = (thrown: unknown): number => (isSqliteError(thrown) ? thrown.errcode & 0xff : 0);
export const isBusy = (thrown: unknown): boolean => primary(thrown) === BUSY || primary(thrown) === LOCKED;
export const isFull = (thrown: unknown): boolean =>
  primary(thrown) === FULL || (isSqliteError(thrown) && thrown.errcode === NO_SHM_ROOM);

const SELECT = /^\s*SELECT\b/;

export class Connection {
  readonly db: DatabaseSync;
  statements = 0;
  private readonly prepared = new Map<string, StatementSync>();

  constructor(file: string, pragmas: readonly string[]) {
    this.db = new DatabaseSync(file, { timeout: 0 });
    try {
      for (const pragma of pragmas) this.db.exec(`PRAGMA ${pragma}`);
    } catch (thrown) {
      this.db.close();
      throw thrown;
    }
  }

  exec(sql: string): void {
    this.prepare(sql).run();
  }

  prepare(sql: string): StatementSync {
    const known = this.prepared.get(sql);
    if (known) return known;
    const made = this.db.prepare(sql);
    this.prepared.set(sql, made);
    return made;
  }

  close(): void {
    this.prepared.clear();
    this.db.close();
  }
}

/** A transaction on a connection; its statements run at once, the promises are already settled. */
export class SqliteTx implements Tx {
  readonly dialect = sqliteDialect;
  statements = 0;
  /** Has it sent a statement that may have changed something? */
  wrote = false;
  private readonly connection: Connection;
  private readonly memo: RowMemo | undefined;

  /** With a memo, rows that are known are not read again: for transactions that only read. */
  constructor(connection: Connection, memo?: RowMemo) {
    this.connection = connection;
    this.memo = memo;
  }

  async get<R extends object>(sql: string, params: readonly SqlValue[] = []): Promise<R | undefined> {
    this.count(sql);
    const read = (): Record<string, unknown> | undefined => this.connection.prepare(sql).get(...params);
    return (this.memo ? this.memo.get(sql, params, read) : read()) as R | undefined;
  }

  async all<R extends object>(sql: string, params: readonly SqlValue[] = []): Promise<R[]> {
    this.count(sql);
    return this.connection.prepare(sql).all(...params) as R[];
  }

  async run(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    this.count(sql);
    return Number(this.connection.prepare(sql).run(...params).changes);
  }

  async nested<T>(work: () => Promise<T>): Promise<T> {
    this.connection.exec('SAVEPOINT n');
    try {
      const value = await work();
      this.connection.exec('RELEASE n');
      return value;
    } catch (thrown) {
      // A full disk may have rolled the whole transaction back already.
      if (this.connection.db.isTransaction) {
        this.connection.exec('ROLLBACK TO n');
        this.connection.exec('RELEASE n');
      }
      throw thrown;
    }
  }

  private count(sql: string): void {
    if (!SELECT.test(sql)) this.wrote = true;
    this.statements++;
    this.connection.statements++;
  }
}
