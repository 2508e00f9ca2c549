/**
 * The SQL port. Guarantees of every engine: `write` resolves only after its transaction is durable; all writes of one
 * lane (a zone) run one after the other; a `write` function that throws leaves nothing behind and disturbs no other;
 * `read` sees one snapshot, which holds every write that resolved before it began.
 *
 * Queries are written once, in the common subset of both engines, with `?` for parameters; what differs is a function
 * or a named capability of {@link Dialect}.
 */
import { added, type Distribution, distribution } from '../base/distribution.ts';

export type SqlValue = string | number | null | Uint8Array;

export interface Statement {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

export interface Dialect {
  readonly name: 'sqlite' | 'postgres';
  /** Appended to a SELECT whose rows the transaction is going to change; empty where there is a single writer. */
  readonly forUpdate: string;
  /** Like {@link forUpdate}, and leaves out rows that another transaction holds. */
  readonly skipLocked: string;
  /** A SELECT of the database's own time in milliseconds as `now`; undefined where its clock is that of this machine. */
  readonly clock: string | undefined;
  /** A FROM item with one column `value`, the texts of the JSON array given as its one parameter. */
  readonly textsOf: string;
  /** What follows a column that is to be one of a few values, which a query gives: they are looked up one by one. */
  readonly amongFew: (sql: string) => string;
  /** The index of trigrams that this database has (features/files/search/trigram-index.sql.ts). */
  readonly trigrams: 'fts5' | 'pg_trgm' | 'none';
}

/**
 * One open transaction. Handlers await nothing else while they hold one; a long read may let others of its thread have
 * their turn.
 */
export interface Tx {
  readonly dialect: Dialect;
  /** Statements sent so far, begin and commit not counted. */
  readonly statements: number;
  /** The database's own time in milliseconds, where answers bring it; never ahead of it. */
  readonly time: number | undefined;
  /** The first row, or undefined. `R` names the columns as the query names them. */
  get<R extends object>(sql: string, params?: readonly SqlValue[]): Promise<R | undefined>;
  all<R extends object>(sql: string, params?: readonly SqlValue[]): Promise<R[]>;
  /** Number of rows changed. `known`: all that it changes of what the commit knows of the table. */
  run(sql: string, params?: readonly SqlValue[], known?: KnownRow): Promise<number>;
  /** Inserts rows in their order. They may be sent later: before a statement that names their table, and the commit. */
  insert(insert: RowsInsert, rows: readonly Row[]): Promise<void>;
  /** Changes rows by their keys; a key that is not there changes nothing. */
  update(update: RowsUpdate, rows: readonly Row[]): Promise<void>;
  /** The same, waited for; gives the keys of the rows that it changed. */
  updateGiving(update: RowsUpdate, rows: readonly Row[]): Promise<SqlValue[]>;
  /**
   * What the commit knows of a row: null that there is none; undefined nothing, as after a statement that changed the
   * table in another way than by `insert`.
   */
  kept<R extends object>(table: string, key: string): R | null | undefined;
  /** Makes a row known, or null that there is none. */
  know(table: string, key: string, row: object | null): void;
  /** The same of a row that is still to be saved, which is done as late as inserted rows are sent, and once. */
  keep(table: string, key: string, row: KeptRow): Promise<void>;
  /**
   * Does it go by a row that the write before it kept, which the server compares while it goes on? Where the row has become
   * another, nothing of it is kept or answered, and it is run again, not supposing.
   */
  readonly supposing: boolean;
  /** Of a transaction that is supposing: takes it that a query gives a row, in the same way. */
  suppose(sql: string, params: readonly SqlValue[]): void;
  /** A part that can fail by itself: what it did is undone when it throws, what came before stays. */
  nested<T>(work: () => Promise<T>): Promise<T>;
}

export type Row = readonly SqlValue[];

/** Where rows go, and how. */
export interface RowsInsert {
  readonly into: string;
  readonly columns: readonly string[];
  /** Columns whose value is not simply what the row says: an expression around one question mark. */
  readonly values?: Readonly<Record<string, string>>;
  /** What stands behind the values, e.g. ON CONFLICT. */
  readonly tail?: string;
}

/** Of columns, in PostgreSQL's words. */
export type ColumnType = 'TEXT' | 'INTEGER' | 'BIGINT' | 'DOUBLE PRECISION';

/** Rows that are changed: each gives its key, what is expected of it, then the new value of each column; no bytes. */
export interface RowsUpdate {
  readonly table: string;
  /** The column that is unique; a text. */
  readonly key: string;
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** Columns that have to hold what was given, or the row stays as it is. */
  readonly expects?: Readonly<Record<string, ColumnType>>;
}

/** A row of which a commit knows; null: there is none. */
export interface KnownRow {
  readonly table: string;
  readonly key: string;
  readonly row: object | null;
}

/** A row as the write that ends leaves it, for the next one, and the statement that puts it into its table. */
export interface KeptRow {
  readonly row: object;
  readonly save: Statement;
  /** The row's properties are columns and stand in the table as they are here: later transactions may go by it. */
  readonly whole?: boolean;
}

/** Rows that a write is going to look up, which the writes of a commit have looked up together. */
export interface Foresight {
  readonly keys: readonly string[];
  /** Makes the rows of so many keys known, by few statements. The same function for all that can go together. */
  readonly lookUp: (tx: Tx, keys: readonly string[]) => Promise<void>;
}

/** What a write says of itself beforehand. */
export interface WriteHint {
  /** It adds to the store. Refused at once while the disk is full, so that others have the room that is kept back. */
  readonly grows: boolean;
  readonly foresight?: readonly Foresight[] | undefined;
}

/** Commits that were synced. */
export interface Commits {
  /** Seconds that each took, its sync included. */
  readonly seconds: Distribution;
  /** Writes that each took along. */
  readonly writes: Distribution;
}

/** Connections of an engine (infrastructure.md §11). */
export interface PoolStats {
  readonly size: number;
  readonly checkedOut: number;
  readonly overflow: number;
}

export interface SqlStats {
  readonly statements: number;
  readonly commits: Commits;
  readonly pool: PoolStats;
}

const COMMIT_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const COMMIT_WRITES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

export const noCommits = (): Commits => ({
  seconds: distribution(COMMIT_SECONDS),
  writes: distribution(COMMIT_WRITES),
});

/** What several instances committed, as it is now. */
export const allCommits = (all: readonly Commits[]): Commits => ({
  seconds: added(distribution(COMMIT_SECONDS), ...all.map(({ seconds }) => seconds)),
  writes: added(distribution(COMMIT_WRITES), ...all.map(({ writes }) => writes)),
});

export interface Sql {
  readonly dialect: Dialect;
  read<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** `lane` names what the write excludes: the zone whose row it locks. */
  write<T>(lane: string, work: (tx: Tx) => Promise<T>, hint?: WriteHint): Promise<T>;
  /** Runs a script of statements in one transaction, after `first` in it answered true; gives that answer. */
  migrate(statements: string, first: (tx: Tx) => Promise<boolean>): Promise<boolean>;
  /** Is the database within reach? Throws a Fault if not. */
  ping(): Promise<void>;
  stats(): SqlStats;
  close(): Promise<void>;
}

/** End of a state row that still holds: larger than any revision, and exact as a double. */
export const OPEN_END = Number.MAX_SAFE_INTEGER;
