/**
 * Reading transactions. Guarantees: each sees one snapshot, which holds every commit that was answered before it began,
 * and waits for no write. Those that begin within one run of the microtask queue share a snapshot: no message of another
 * thread, no request and no answer comes in between, so nobody can know of a commit that the snapshot does not hold.
 * Connections that a burst of reads opened are closed again, with what they hold of the file.
 */
import { Connection, SqliteTx } from './connection.ts';
import { RowMemo } from './row-memo.ts';

const MAPPED = 'mmap_size=268435456';
const PRAGMAS = ['journal_mode=WAL', 'query_only=ON', 'cache_size=-16384', MAPPED, 'temp_store=MEMORY'];
/**
 * After this many rows a connection lets go of what it has mapped of the file. SQLite does that in the first read after
 * the next commit, which then waits for it: 13 ms for 256 MiB, measured.
 */
const ROWS_MAPPED = 100_000;
/** Snapshots that may be open at once in one thread; who needs one more waits. */
const SNAPSHOTS_MAX = 16;
/** A connection that so long nobody needed is closed, in milliseconds. */
const UNUSED_MS = 120_000;

interface Reader {
  readonly connection: Connection;
  readonly memo: RowMemo;
  /** Of the monotonic clock, in milliseconds. */
  idleSince: number;
}

/** An open transaction on a reader, and how many reads it serves. */
interface Snapshot {
  readonly reader: Reader;
  reads: number;
  /** Nobody joins any more. */
  over: boolean;
}

export class Readers {
  private readonly file: string;
  /** The one that was used last is used next. */
  private readonly idle: Reader[] = [];
  private readonly all: Reader[] = [];
  private readonly waiting: ((reader: Reader) => void)[] = [];
  private current: Snapshot | undefined;
  /** Statements of those that are closed. */
  private before = 0;

  constructor(file: string) {
    this.file = file;
  }

  /** Statements sent by all of them. */
  get statements(): number {
    return this.all.reduce((sum, { connection }) => sum + connection.statements, this.before);
  }

  /** Connections that are open. */
  get size(): number {
    return this.all.length;
  }

  /** Connections with a snapshot. */
  get used(): number {
    return this.all.length - this.idle.length;
  }

  async read<T>(work: (tx: SqliteTx) => Promise<T>): Promise<T> {
    const snapshot = this.current ?? this.begin(this.idle.pop() ?? this.open() ?? (await this.next()));
    const { connection, memo } = snapshot.reader;
    snapshot.reads++;
    try {
      return await work(new SqliteTx(connection, { memo }));
    } finally {
      snapshot.reads--;
      this.endUnused(snapshot);
    }
  }

  /** From here on no read joins a snapshot that began before: something was committed in this thread. */
  renew(): void {
    const snapshot = this.current;
    if (!snapshot) return;
    this.current = undefined;
    snapshot.over = true;
    this.endUnused(snapshot);
  }

  close(): void {
    this.renew();
    for (const { connection } of this.all) connection.close();
  }

  private begin(reader: Reader): Snapshot {
    const { connection, memo } = reader;
    try {
      connection.exec('BEGIN');
      // The snapshot is taken by this first statement, not by BEGIN.
      const { data_version } = connection.prepare('PRAGMA data_version').get() as { data_version: number };
      memo.enter(data_version);
    } catch (thrown) {
      if (connection.db.isTransaction) connection.exec('ROLLBACK');
      this.giveBack(reader);
      throw thrown;
    }
    const snapshot = { reader, reads: 0, over: false };
    // Who came here by waiting may find that another has begun one meanwhile; both are good.
    this.renew();
    this.current = snapshot;
    // Called from a microtask, this runs when the queue of microtasks is empty.
    process.nextTick(() => {
      if (this.current === snapshot) this.renew();
    });
    return snapshot;
  }

  private endUnused(snapshot: Snapshot): void {
    if (!snapshot.over || snapshot.reads > 0) return;
    const { connection } = snapshot.reader;
    if (connection.db.isTransaction) connection.exec('COMMIT');
    if (connection.rows > ROWS_MAPPED) {
      connection.rows = 0;
      for (const pragma of ['mmap_size=0', MAPPED]) connection.exec(`PRAGMA ${pragma}`);
    }
    this.giveBack(snapshot.reader);
  }

  private open(): Reader | undefined {
    if (this.all.length === SNAPSHOTS_MAX) return undefined;
    const reader = { connection: new Connection(this.file, PRAGMAS), memo: new RowMemo(), idleSince: 0 };
    this.all.push(reader);
    return reader;
  }

  private next(): Promise<Reader> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private giveBack(reader: Reader): void {
    const next = this.waiting.shift();
    if (next) {
      next(reader);
      return;
    }
    reader.idleSince = performance.now();
    this.idle.push(reader);
    this.closeUnused(reader.idleSince);
  }

  private closeUnused(now: number): void {
    const [longest] = this.idle;
    if (this.idle.length < 2 || !longest || now - longest.idleSince < UNUSED_MS) return;
    this.idle.shift();
    this.all.splice(this.all.indexOf(longest), 1);
    this.before += longest.connection.statements;
    longest.connection.close();
  }
}
