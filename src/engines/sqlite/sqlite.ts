/**
 * The embedded SQL engine on node:sqlite, WAL. A database opened with `writer` has the one writing connection of this
 * process; any number of read connections may be open beside it, in this thread and in others. Reads never wait for
 * writes, see one snapshot, and never an unsynced commit.
 */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { unlessMissing } from '../../base/system-error.ts';
import { allCommits, type Sql, type SqlStats, type Tx, type WriteHint } from '../../ports/sql.ts';
import { Connection, isFull, sqliteDialect } from './connection.ts';
import { Readers } from './readers.ts';
import { Reserve } from './reserve.ts';
import { Writer } from './writer.ts';

export interface SqliteOptions {
  /** Path of the file. */
  readonly file: string;
  /** Does this instance write? One writer a process. */
  readonly writer: boolean;
  readonly busyMs: number;
  readonly onBroken: (reason: unknown) => void;
}

/** Checkpoints are taken beside the commits (checkpoint.ts), never inside one. */
const WRITE_PRAGMAS = [
  'journal_mode=WAL',
  'synchronous=FULL',
  'wal_autocheckpoint=0',
  // After a long read or a bulk import the file of the WAL goes back to this size, in bytes.
  'journal_size_limit=134217728',
  'cache_size=-16384',
  'temp_store=MEMORY',
];

export function openSqlite(options: SqliteOptions): Sql {
  return new SqliteEngine(options);
}

/**
 * What a killed process wrote to the WAL and did not sync is recovered, and read, as if it had been committed: so it is
 * synced before anybody can see it. On a full disk even the index of the WAL needs room, which the reserve has.
 */
function openWriting(file: string): Connection {
  syncFile(`${file}-wal`);
  try {
    return new Connection(file, WRITE_PRAGMAS);
  } catch (thrown) {
    if (!isFull(thrown) || !new Reserve(file).release()) throw thrown;
    return new Connection(file, WRITE_PRAGMAS);
  }
}

function syncFile(path: string): void {
  const file = openThere(path);
  if (file === undefined) return;
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Another process that closes the file as its last user takes its WAL away. */
function openThere(path: string): number | undefined {
  try {
    return openSync(path, 'r+');
  } catch (thrown) {
    return unlessMissing(thrown);
  }
}

class SqliteEngine implements Sql {
  readonly dialect = sqliteDialect;
  private readonly writer: { connection: Connection; queue: Writer } | undefined;
  private readonly readers: Readers;

  constructor(options: SqliteOptions) {
    this.readers = new Readers(options.file);
    if (options.writer) {
      const connection = openWriting(options.file);
      this.writer = { connection, queue: new Writer(connection, options) };
    }
  }

  read<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.readers.read(work);
  }

  async write<T>(_lane: string, work: (tx: Tx) => Promise<T>, hint?: WriteHint): Promise<T> {
    if (!this.writer) throw new Error('this SQLite instance was opened for reading only');
    try {
      return await this.writer.queue.write(work, hint);
    } finally {
      this.readers.renew();
    }
  }

  async migrate(statements: string, first: (tx: Tx) => Promise<boolean>): Promise<boolean> {
    if (!this.writer) throw new Error('this SQLite instance was opened for reading only');
    const { connection, queue } = this.writer;
    return queue.write(async (tx) => {
      const wanted = await first(tx);
      if (wanted) connection.db.exec(statements);
      return wanted;
    });
  }

  async ping(): Promise<void> {
    await this.read((tx) => tx.get('SELECT 1 AS one'));
  }

  stats(): SqlStats {
    const statements = this.readers.statements + (this.writer?.connection.statements ?? 0);
    const own = this.writer ? 1 : 0;
    const { size, used } = this.readers;
    const pool = {
      size: size + own,
      checkedOut: used + (this.writer?.connection.db.isTransaction ? 1 : 0),
      overflow: 0,
    };
    return { statements, commits: allCommits(this.writer ? [this.writer.queue.commits] : []), pool };
  }

  async close(): Promise<void> {
    await this.writer?.queue.close();
    this.readers.close();
    this.writer?.connection.close();
  }
}
