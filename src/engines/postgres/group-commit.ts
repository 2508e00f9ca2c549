/**
 * Group commit. Writes of one lane that queued up run as savepoints of one READ COMMITTED transaction, which is committed
 * once; then all are answered. Guarantees: a lane runs one write at a time, on all nodes together (an advisory lock is
 * taken first and held until the commit); lanes run beside each other; a write that throws is rolled back to its
 * savepoint; a batch that met a conflict or lost its connection runs again; a commit whose answer was lost is looked up.
 *
 * The first write needs no savepoint: if it throws there is nothing to keep. Behind the last one the commit is sent
 * before its statements are answered, which saves a round trip: if one of them fails, the server answers with a rollback.
 * A write that finds its lane idle goes by what the last one left (guesses.ts), which saves another: one that then asks for
 * nothing leaves with its commit in one message (whole.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { noCommits } from '../../ports/sql.ts';
import { answerAll, countCommit, rejectAll, type Settled, type Waiting, waitIn } from '../batch.ts';
import { outcomeUnknown } from '../sql-faults.ts';
import type { Connection } from './connection.ts';
import { faultOf, isConflict, isLastAnswer, outOfReach } from './failures.ts';
import { Guesses, type Left } from './guesses.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import type { Pool } from './pool.ts';
import { ServerClock } from './server-clock.ts';
import { PostgresTx } from './transaction.ts';

/** A backend shows up to 64 subtransactions to others at no cost (PGPROC_MAX_CACHED_SUBXIDS); nested parts take some. */
const BATCH_WRITES_MAX = 48;
/** How often a write is begun before it fails with what keeps getting in its way, and how often in company. */
const TRIES_MAX = 6;
const TRIES_IN_COMPANY = 2;
/** Whoever was in the way needs this long to go on, or it is met again. */
const UNDONE_PAUSE_MS = 20;

/** A node that stops between two statements keeps the lane for this long, in milliseconds. */
const HOLD_MS = 60_000;
const opening = (lock: string): string => `SELECT ${lock}, CAST(pg_current_xact_id() AS TEXT) AS xid,
  set_config('idle_in_transaction_session_timeout', '${HOLD_MS}', true),
  CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS DOUBLE PRECISION) AS time`;
/** The lock first: the statements after this one see what its last holder committed. */
const OPENING = opening('pg_advisory_xact_lock(hashtextextended(?, 0))');
/** Fails where the lane is not free, by a division: whoever is in the way leaves another row, and a call may be over by then. */
const OPENING_IF_FREE = opening('1 / CAST(pg_try_advisory_xact_lock(hashtextextended(?, 0)) AS INTEGER)');

/** What came of it. */
interface Opened {
  /** Of the transaction; undefined where it was not told. */
  readonly xid?: string;
  readonly failure?: { readonly reason: unknown; readonly busy: boolean };
}

interface Queued extends Waiting<PostgresTx> {
  /** Times that its batch was undone. */
  undone?: number;
}
type Done = Settled<Queued>;

/** What became of a commit, or that a statement before it had failed. */
type Committed = Outcome | 'refused';

export interface GroupCommitOptions {
  readonly pool: Pool;
  /** Opens a connection beside the pool. */
  readonly open: () => Promise<Connection>;
  /** Told when a lane stopped for a reason that is a defect. */
  readonly onBroken: (reason: unknown) => void;
}

export class GroupCommit {
  readonly commits = noCommits();
  readonly #options: GroupCommitOptions;
  /** What waits in each lane that is at work. */
  readonly #lanes = new Map<string, Queued[]>();
  readonly #working = new Set<Promise<void>>();
  readonly #guesses = new Guesses();
  readonly #clock = new ServerClock();

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  write<T>(lane: string, work: (tx: PostgresTx) => Promise<T>): Promise<T> {
    return waitIn((waiting: Queued) => {
      const queue = this.#lanes.get(lane);
      if (queue) queue.push(waiting);
      else this.#start(lane, [waiting]);
    }, work);
  }

  /** Resolves when nothing is queued or running. */
  async idle(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  #start(lane: string, queue: Queued[]): void {
    this.#lanes.set(lane, queue);
    const working = this.#work(lane, queue)
      .catch((reason: unknown) => {
        for (const waiting of queue) waiting.reject(reason);
        this.#lanes.delete(lane);
        this.#options.onBroken(reason);
      })
      .finally(() => this.#working.delete(working));
    this.#working.add(working);
  }

  async #work(lane: string, queue: Queued[]): Promise<void> {
    const { pool } = this.#options;
    while (queue.length > 0) {
      const connection = await pool.take().catch((reason: unknown) => {
        for (const waiting of queue.splice(0)) waiting.reject(reason);
      });
      if (!connection) continue;
      const undone = await this.#batch(connection, lane, queue).finally(() => pool.giveBack(connection));
      if (undone) await sleep(UNDONE_PAUSE_MS);
    }
    this.#lanes.delete(lane);
  }

  /** Runs what waits, and what comes meanwhile, up to a full batch. True if it was undone; what may run again is queued. */
  async #batch(connection: Connection, lane: string, queue: Queued[]): Promise<boolean> {
    const done: Done[] = [];
    const guess = queue.length === 1 ? this.#guesses.of(lane) : undefined;
    let guessing: PostgresTx | undefined;
    let left: Left | undefined;
    connection.beginWrite();
    const opened = this.#open(connection, lane, guess);
    try {
      for (let next = queue.shift(); next; ) {
        const write = next;
        const first = done.length === 0;
        const tx = new PostgresTx(connection, this.#clock, first ? guess : undefined);
        if (first) guessing = tx;
        const isLast = (): boolean => !hasRoom(done.length + 1, write, queue);
        const one = await runOne({ connection, tx, first, isLast }, write);
        done.push(one.done);
        if (!one.done.failure) left = tx.left ?? left;
        // It has asked for nothing and gone by what the server is yet to find so: if it is not, the commit is none.
        const asksNothing = one.isLast && !one.done.failure && tx.supposing;
        const { failure } = asksNothing ? {} : await opened;
        if (failure) throw failure.reason;
        if (connection.trouble !== undefined) throw connection.trouble;
        // What it failed with may come of a row that is another by now.
        if (one.done.failure && (await isWrong(tx))) throw one.done.failure.reason;
        if (one.isLast) return await this.#commit({ connection, lane, queue, done, last: tx, guessing, left, opened });
        next = queue.shift();
      }
      return false;
    } catch (reason) {
      const undone = connection.command('ROLLBACK').catch(() => undefined);
      if (connection.lost === undefined && ((await opened).failure?.busy || (await isWrong(guessing)))) {
        // Behind it nothing of this batch is answered any more that the next could take for its own.
        await undone;
        this.#guessAgain(lane, queue, done);
        return false;
      }
      this.#guesses.forget(lane);
      this.#again(connection, { queue, done, reason });
      return true;
    }
  }

  async #open(connection: Connection, lane: string, guess: Left | undefined): Promise<Opened> {
    try {
      const { rows } = await connection.query(guess ? OPENING_IF_FREE : OPENING, [lane]);
      this.#clock.hear(rows[0]?.time);
      return { xid: rows[0]?.xid };
    } catch (reason) {
      return { failure: { reason, busy: guess !== undefined && connection.lost === undefined } };
    }
  }

  /** Nothing was kept of a batch that went by what is so no more: it runs again, and asks. */
  #guessAgain(lane: string, queue: Queued[], done: readonly Done[]): void {
    this.#guesses.failed(lane);
    queue.unshift(...done.map(({ waiting }) => waiting));
  }

  async #commit(ready: Ready): Promise<boolean> {
    const { connection, lane, done, guessing, left } = ready;
    // Nothing to keep: no need to wait for the disk.
    if (done.every(({ failure }) => failure)) connection.send('ROLLBACK');
    else {
      const began = performance.now();
      const outcome = await this.#outcome(ready);
      if (outcome === 'aborted') throw connection.lost;
      if (outcome === 'unknown') {
        this.#guesses.forget(lane);
        rejectAll(done, outcomeUnknown());
        return false;
      }
      if (outcome === 'refused') return this.#refused(ready);
      this.#guesses.committed(lane, left);
      if (guessing?.supposing) this.#guesses.confirmed(lane);
      countCommit(this.commits, { began, writes: done.length });
    }
    answerAll(done);
    return false;
  }

  /** A statement of the last write failed, of which nobody had heard: it fails with that, and the others run again. */
  async #refused({ connection, lane, queue, done, last, guessing, opened }: Ready): Promise<boolean> {
    const { trouble } = connection;
    if ((await opened).failure?.busy || (await isWrong(guessing))) {
      this.#guessAgain(lane, queue, done);
      return false;
    }
    this.#guesses.forget(lane);
    if (isConflict(trouble)) {
      this.#again(connection, { queue, done, reason: trouble });
      return true;
    }
    done.at(-1)?.waiting.reject(last.failure ?? faultOf(trouble));
    queue.unshift(...done.slice(0, -1).map(({ waiting }) => waiting));
    return false;
  }

  async #outcome({ connection, opened }: Ready): Promise<Committed> {
    try {
      const { command } = await connection.commit();
      if (command === 'COMMIT') return 'committed';
      // A transaction in which something failed is rolled back by COMMIT without an error.
      return connection.lost === undefined ? 'refused' : 'aborted';
    } catch (thrown) {
      const { lost } = connection;
      if (lost === undefined) throw thrown;
      // The server ended at a statement before it: it never came to the commit.
      if (lost !== thrown && isLastAnswer(lost)) return 'aborted';
      const { xid } = await opened;
      return xid === undefined ? 'unknown' : outcomeOf({ xid, crashes: connection.crashes }, this.#options.open);
    }
  }

  /** Nothing of the batch was kept: its writes are queued again, or fail if that does not help. */
  #again(connection: Connection, batch: { queue: Queued[]; done: readonly Done[]; reason: unknown }): void {
    const { queue, done, reason } = batch;
    const helps = connection.lost !== undefined || isConflict(reason);
    const fault = connection.lost === undefined ? faultOf(reason) : outOfReach(reason);
    const back: Queued[] = [];
    for (const { waiting } of done) {
      waiting.undone = (waiting.undone ?? 0) + 1;
      if (helps && waiting.undone < TRIES_MAX) back.push(waiting);
      else waiting.reject(fault);
    }
    queue.unshift(...back);
  }
}

/** A batch whose writes have run; the statements of the last of them may not be answered yet. */
interface Ready {
  readonly connection: Connection;
  readonly lane: string;
  readonly queue: Queued[];
  readonly done: readonly Done[];
  readonly last: PostgresTx;
  /** The one that may have gone by what the last batch left, and what this one leaves. */
  readonly guessing: PostgresTx | undefined;
  readonly left: Left | undefined;
  readonly opened: Promise<Opened>;
}

/** Did it go by what is so no more? */
const isWrong = async (tx: PostgresTx | undefined): Promise<boolean> =>
  tx?.supposing === true && !(await tx.wasRight());

/** May the next write join? One that was undone often runs alone, so that it takes no others with it. */
function hasRoom(ran: number, last: Queued, queue: readonly Queued[]): boolean {
  const [next] = queue;
  const inCompany = ({ undone = 0 }: Queued): boolean => undone < TRIES_IN_COMPANY;
  return next !== undefined && ran < BATCH_WRITES_MAX && inCompany(last) && inCompany(next);
}

interface Running {
  readonly connection: Connection;
  readonly tx: PostgresTx;
  readonly first: boolean;
  readonly isLast: () => boolean;
}

async function runOne(
  { connection, tx, first, isLast }: Running,
  waiting: Queued,
): Promise<{ readonly done: Done; readonly isLast: boolean }> {
  if (!first) connection.send('SAVEPOINT w');
  try {
    const value = await waiting.work(tx);
    const last = isLast();
    if (last) tx.check();
    else await tx.settle();
    if (!first) connection.send('RELEASE w');
    return { done: { waiting, value }, isLast: last };
  } catch (reason) {
    // Without a savepoint nothing of the transaction can be kept, and it ends here.
    if (!first) connection.send('ROLLBACK TO w; RELEASE w');
    return { done: { waiting, failure: { reason } }, isLast: first || isLast() };
  } finally {
    tx.end();
  }
}
