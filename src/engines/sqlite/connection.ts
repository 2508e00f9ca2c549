/**
 * One connection to a SQLite file: prepared statements kept, errors of the disk turned into faults. Guarantees that a
 * statement text is prepared once per connection and that no SQLite error text reaches a client.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type {
  Dialect,
  KeptRow,
  KnownRow,
  Row,
  RowsInsert,
  RowsUpdate,
  SqlValue,
  Statement,
  Tx,
} from '../../ports/sql.ts';
import { updateOne } from '../../ports/update-rows.ts';
import { schemaBehind } from '../sql-faults.ts';
import type { Pending } from './pending.ts';
import { type NamedRow, Prepared } from './prepared.ts';
import type { RowMemo } from './row-memo.ts';

export const sqliteDialect: Dialect = {
  name: 'sqlite',
  forUpdate: '',
  skipLocked: '',
  clock: undefined,
  textsOf: 'json_each(?)',
  amongFew: (sql) => `IN (${sql})`,
  trigrams: 'fts5',
};

/** SQLite result codes (sqlite.org/rescode.html); the low byte is the primary one. */
const FULL = 13;
const BUSY = 5;
const LOCKED = 6;
const NOT_A_DATABASE = 26;
/** SQLITE_IOERR_SHMSIZE: the index of the WAL could not grow, which has no other cause than a full disk. */
const NO_SHM_ROOM = 4874;

const NOT_THERE = /^no such (table|column): |has no column named /;

interface SqliteError extends Error {
  readonly errcode: number;
}

export const isSqliteError = (thrown: unknown): thrown is SqliteError =>
  thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number';
const primary = (thrown: unknown): number => (isSqliteError(thrown) ? thrown.errcode & 0xff : 0);
export const isBusy = (thrown: unknown): boolean => primary(thrown) === BUSY || primary(thrown) === LOCKED;
export const isFull = (thrown: unknown): boolean =>
  primary(thrown) === FULL || (isSqliteError(thrown) && thrown.errcode === NO_SHM_ROOM);

/**
 * Milliseconds that opening waits for another process which has the file to itself: it begins the WAL, recovers it, or is
 * the last to close it. Each takes moments.
 */
const OPEN_MS = 10_000;
const OPEN_RETRY_MS = 2;

/** SQLite names neither the file nor what would help. Whoever waits for a file that another process has gets {@link isBusy}. */
export function openFile(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: 0 });
  } catch (thrown) {
    throw unusable(file, thrown);
  }
}

const unusable = (file: string, cause: unknown): Error =>
  new Error(
    `${file} cannot be used (${cause instanceof Error ? cause.message : cause}): let this user write there, or choose another by NEXUS_DATA_DIR (--data) or NEXUS_DATABASE_URL`,
    { cause },
  );

/** SQLite's own waiting would not do: of two that begin the WAL at the same time it lets one fail at once. */
function openUnlessBusy(file: string, pragmas: readonly string[], deadline: number): DatabaseSync {
  for (;;) {
    const db = openFile(file);
    try {
      for (const pragma of pragmas) db.exec(`PRAGMA ${pragma}`);
      return db;
    } catch (thrown) {
      db.close();
      if (primary(thrown) === NOT_A_DATABASE) throw unusable(file, thrown);
      if (!isBusy(thrown) || performance.now() > deadline) throw thrown;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OPEN_RETRY_MS);
  }
}

export class Connection {
  readonly db: DatabaseSync;
  statements = 0;
  /** Rows of lists that were read. */
  rows = 0;
  private readonly prepared = new Map<string, Prepared>();

  /** Blocks its thread for as long as others have the file to themselves, up to {@link OPEN_MS}. */
  constructor(file: string, pragmas: readonly string[]) {
    this.db = openUnlessBusy(file, pragmas, performance.now() + OPEN_MS);
  }

  exec(sql: string): void {
    this.prepare(sql).run();
  }

  prepare(sql: string): Prepared {
    const known = this.prepared.get(sql);
    if (known) return known;
    const made = new Prepared(this.compile(sql), sql);
    this.prepared.set(sql, made);
    return made;
  }

  private compile(sql: string): StatementSync {
    try {
      return this.db.prepare(limitsAsExpressions(sql));
    } catch (thrown) {
      throw thrown instanceof Error && NOT_THERE.test(thrown.message) ? schemaBehind(thrown) : thrown;
    }
  }

  close(): void {
    this.prepared.clear();
    this.db.close();
  }
}

/**
 * The planner looks at the value of a bare parameter that is a limit, so SQLite plans the statement anew at each execution:
 * eight times the time of a small one. It does not look into expressions.
 */
const limitsAsExpressions = (sql: string): string => sql.replace(/\b(LIMIT|OFFSET) \?/g, '$1 +?');

export interface SqliteTxOptions {
  /** Rows that are known are not read again: for transactions that only read. */
  readonly memo?: RowMemo;
  /** What is sent later than it is said, shared by the writes of one commit; whoever made it flushes it. */
  readonly pending?: Pending;
}

/** A transaction on a connection; its statements run at once, the promises are already settled. */
export class SqliteTx implements Tx {
  readonly dialect = sqliteDialect;
  readonly time = undefined;
  /** What a commit knows is so. */
  readonly supposing = false;
  statements = 0;
  /** Has it said anything that may change something? */
  wrote = false;
  private readonly connection: Connection;
  private readonly memo: RowMemo | undefined;
  private readonly pending: Pending | undefined;

  constructor(connection: Connection, { memo, pending }: SqliteTxOptions) {
    this.connection = connection;
    this.memo = memo;
    this.pending = pending;
  }

  async get<R extends object>(sql: string, params: readonly SqlValue[] = []): Promise<R | undefined> {
    const statement = this.next(sql);
    const read = (): NamedRow | undefined => statement.get(params);
    return (this.memo ? this.memo.get(sql, params, read) : read()) as R | undefined;
  }

  async all<R extends object>(sql: string, params: readonly SqlValue[] = []): Promise<R[]> {
    const rows = this.next(sql).all(params) as R[];
    this.connection.rows += rows.length;
    return rows;
  }

  async run(sql: string, params: readonly SqlValue[] = [], known?: KnownRow): Promise<number> {
    const statement = known ? this.count(this.due(sql)) : this.next(sql);
    this.wrote = true;
    const changes = statement.run(params);
    if (known) this.know(known.table, known.key, known.row);
    return changes;
  }

  async insert(insert: RowsInsert, rows: readonly Row[]): Promise<void> {
    this.wrote = true;
    this.writing().insert(insert, rows);
  }

  async update(update: RowsUpdate, rows: readonly Row[]): Promise<void> {
    for (const row of rows) {
      const { sql, params } = updateOne(update, row);
      await this.run(sql, params);
    }
  }

  async updateGiving(update: RowsUpdate, rows: readonly Row[]): Promise<SqlValue[]> {
    const changed: SqlValue[] = [];
    for (const row of rows) {
      const { sql, params } = updateOne(update, row);
      if ((await this.run(sql, params)) > 0) changed.push(row[0] ?? null);
    }
    return changed;
  }

  kept<R extends object>(table: string, key: string): R | null | undefined {
    return this.pending?.kept(table, key) as R | null | undefined;
  }

  know(table: string, key: string, row: object | null): void {
    this.pending?.know(table, key, row);
  }

  suppose(): never {
    throw new Error('nothing has to be supposed here');
  }

  async keep(table: string, key: string, row: KeptRow): Promise<void> {
    this.wrote = true;
    this.writing().keep(table, key, row);
  }

  async nested<T>(work: () => Promise<T>): Promise<T> {
    this.flush();
    this.connection.exec('SAVEPOINT n');
    try {
      const value = await work();
      this.flush();
      this.connection.exec('RELEASE n');
      return value;
    } catch (thrown) {
      this.pending?.forget();
      // A full disk may have rolled the whole transaction back already.
      if (this.connection.db.isTransaction) {
        this.connection.exec('ROLLBACK TO n');
        this.connection.exec('RELEASE n');
      }
      throw thrown;
    }
  }

  /** Sends all that is pending. */
  flush(): void {
    this.pending?.flush(this.send);
  }

  private writing(): Pending {
    if (!this.pending) throw new Error('a transaction that reads was told to write');
    return this.pending;
  }

  private readonly send = ({ sql, params }: Statement): void => {
    this.count(this.due(sql)).run(params);
  };

  /** The statement, counted, after what is pending for the tables that it names. */
  private next(sql: string): Prepared {
    const prepared = this.due(sql);
    if (prepared.changes) {
      this.wrote = true;
      this.pending?.changed((table) => prepared.names(table));
    }
    return this.count(prepared);
  }

  private due(sql: string): Prepared {
    const prepared = this.connection.prepare(sql);
    if (this.pending && !this.pending.isEmpty) this.pending.flush(this.send, (table) => prepared.names(table));
    return prepared;
  }

  private count(prepared: Prepared): Prepared {
    this.statements++;
    this.connection.statements++;
    return prepared;
  }
}
