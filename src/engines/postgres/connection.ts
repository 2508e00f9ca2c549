/**
 * One connection to PostgreSQL. Guarantees: statements are sent at once and answered in order (pipelining), so what need
 * not be waited for costs no round trip; a transaction that is known from BEGIN to COMMIT at once is one message; a text of
 * SQL is prepared once; whatever makes the open transaction useless is remembered in `trouble`, also when a handler
 * swallowed it; a connection that ended says why in `lost`.
 */
import { Client, type QueryResult, type Submittable } from 'pg';
import { Fault } from '../../base/faults.ts';
import { defaultLimits } from '../../base/limits.ts';
import type { Fence } from '../../ports/fence.ts';
import type { SqlValue } from '../../ports/sql.ts';
import { endsConnection, isConflict, isStalePlan, outOfReach } from './failures.ts';
import { passFence } from './fence.ts';
import { statementOf } from './statements.ts';
import { valueTypes } from './values.ts';
import { isPrepared, type Part, WholeTransaction, type Wire } from './whole.ts';

const CONNECT_MS_MAX = 10_000;
const OLDEST_VERSION = 140_000;
/**
 * Milliseconds for which a plan is used, doubled each time up to the second. The server makes one for the size that tables
 * have at that moment and keeps it until it next looks at them by itself, a minute later at best: one that was made while
 * there were a few jobs reads all of them for each that it looks up, when there are thousands.
 */
const PLANS_MS = 500;
const PLANS_MS_MAX = 10_000;

/**
 * Times in milliseconds. A plan is made for a statement, not for its values: for those of a branch that is newer than
 * the statistics it would expect no rows, and compare the many that there are each with each; and one that was made while
 * a table was small would go through the whole of it for each row when it no longer is. Acknowledged means on
 * disk, whatever the default of database or role. `crashes` changes when the server recovers from a crash, which resets
 * its statistics.
 */
const sessionFor = (
  statementMs: number,
): string => `SET TimeZone = 'UTC'; SET jit = off; SET client_min_messages = 'warning';
  SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;
  SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE;
  SET statement_timeout = ${statementMs}; SET idle_in_transaction_session_timeout = 600000;
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
  SELECT CAST(current_setting('server_version_num') AS INTEGER) AS version, current_setting('server_encoding') AS encoding,
    COALESCE(CAST(stats_reset AS TEXT), '') AS crashes, CAST(to_regclass('blob_texts_trigrams') AS TEXT) AS trigrams
  FROM pg_stat_bgwriter`;

interface Session {
  readonly version: number;
  readonly encoding: string;
  readonly crashes: string;
  /** The index that makes search by pg_trgm worth asking for, where the extension could be had. */
  readonly trigrams: string | null;
}

/** A server that answers but in which nothing can be kept. */
class UnusableServer extends Error {}

export interface ConnectOptions {
  /** Milliseconds that a statement may take. */
  readonly statementMs?: number;
  /** Under which the server lists it. */
  readonly name?: string;
  /** What it may not be older than. */
  readonly fence?: Fence | undefined;
}

/** Opens a connection; UNAVAILABLE when the server is out of reach or refuses. */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Connection> {
  const { statementMs = defaultLimits.OPERATION_MS, name = 'nexus', fence } = options;
  const client = new Client({
    // A driver named after `+` is meant for other programs (infrastructure.md §13).
    connectionString: url.replace(/^(postgres(?:ql)?)\+\w+:/, '$1:'),
    application_name: name,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: true,
    types: valueTypes,
  });
  const connection = new Connection(client);
  try {
    await client.connect();
    const { crashes, trigrams } = await session(connection, statementMs);
    connection.crashes = crashes;
    connection.trigrams = trigrams !== null;
    if (fence) await passFence(connection, fence);
    return connection;
  } catch (thrown) {
    connection.destroy();
    throw thrown instanceof UnusableServer || thrown instanceof Fault ? thrown : outOfReach(thrown);
  }
}

async function session(connection: Connection, statementMs: number): Promise<Session> {
  // Several statements in one text are answered with a list of results.
  const results: unknown = await connection.command(sessionFor(statementMs));
  const row = (results as readonly QueryResult<Session & object>[]).at(-1)?.rows[0];
  if (!row || row.version < OLDEST_VERSION) throw new UnusableServer('PostgreSQL 14 or newer is needed');
  if (row.encoding === 'UTF8') return row;
  throw new UnusableServer(`The database has the encoding ${row.encoding}: make one with the encoding UTF8`);
}

interface Question {
  readonly text: string;
  readonly name?: string | undefined;
  readonly values?: SqlValue[];
}

/** What the session makes of a transaction that nobody begins, and how one that writes is begun. */
const WRITE = 'ISOLATION LEVEL READ COMMITTED READ WRITE';
const BEGIN_WRITE = `BEGIN ${WRITE}`;
const COMMIT = 'COMMIT';

export class Connection {
  /** Milliseconds of the monotonic clock, as is the next. */
  readonly openedAt = performance.now();
  usedAt = 0;
  /** Why nothing can be sent any more. */
  lost: unknown;
  /** Since {@link begin}: a loss, a conflict, or the failure of a statement that nobody waits for. */
  trouble: unknown;
  crashes = '';
  trigrams = false;
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
  readonly #client: Client;
  /** What is asked in this turn of the event loop. */
  #asked: Part[] = [];
  #plansMs = PLANS_MS;
  #plansUntil = this.openedAt + PLANS_MS;

  constructor(client: Client) {
    this.#client = client;
    client.on('error', (error) => this.#lose(error));
    this.ended = new Promise((resolve) => {
      client.on('end', () => {
        this.#lose(new Error('the connection has ended'));
        resolve();
      });
    });
  }

  /** Calls the handler with what arrives on channels that were asked for by LISTEN. */
  onNotification(handler: (payload: string) => void): void {
    this.#client.on('notification', ({ payload }) => handler(payload ?? ''));
  }

  /** Begins a transaction that writes; its answer comes with that of the first statement. */
  beginWrite(): void {
    this.#begin(BEGIN_WRITE);
  }

  /** Begins one that reads, all of it as of one instant. */
  beginRead(): void {
    this.#begin('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  }

  commit(): Promise<QueryResult> {
    return this.command(COMMIT);
  }

  #begin(how: string): void {
    this.trouble = this.lost;
    this.send(how);
    if (performance.now() > this.#plansUntil) this.#plansAnew();
  }

  #plansAnew(): void {
    this.send('DISCARD PLANS');
    this.#plansMs = Math.min(PLANS_MS_MAX, 2 * this.#plansMs);
    this.#plansUntil = performance.now() + this.#plansMs;
  }

  /** Sends what is expected to succeed and nobody waits for. */
  send(text: string): void {
    this.command(text).catch((thrown: unknown) => {
      this.trouble ??= thrown;
    });
  }

  /** Statements in PostgreSQL's own words, without parameters. */
  command(text: string): Promise<QueryResult> {
    return this.#ask({ text });
  }

  /** A query of the common subset. */
  query(sql: string, values: readonly SqlValue[]): Promise<QueryResult> {
    return this.#ask({ ...statementOf(sql), values: [...values] });
  }

  /** Says goodbye once all is answered. */
  end(): Promise<void> {
    this.#sendAsked();
    return this.#client.end();
  }

  /** Ends without waiting: what is unanswered fails. */
  destroy(): void {
    this.#client.connection.stream.destroy();
  }

  #ask(question: Question): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      const answer = (error: Error | null, result: QueryResult): void => {
        if (!error) {
          resolve(result);
          return;
        }
        if (endsConnection(error)) this.#lose(error);
        if (isConflict(error)) this.trouble ??= error;
        if (isStalePlan(error)) {
          this.#lose(error);
          this.destroy();
        }
        reject(error);
      };
      if (this.#asked.push({ question, answer }) === 1) process.nextTick(() => this.#sendAsked());
    });
  }

  /** What is asked in one turn of the event loop leaves in one packet. */
  #sendAsked(): void {
    const asked = this.#asked;
    if (asked.length === 0) return;
    this.#asked = [];
    const { stream } = this.#client.connection;
    const whole = this.#wholeOf(asked);
    stream.cork();
    if (whole) this.#client.query(whole as unknown as Submittable);
    else for (const { question, answer } of asked) this.#client.query(question, answer);
    stream.uncork();
  }

  #wholeOf(asked: readonly Part[]): WholeTransaction | undefined {
    const [begin, ...statements] = asked;
    const commit = statements.pop();
    if (!begin || begin.question.text !== BEGIN_WRITE || commit?.question.text !== COMMIT) return undefined;
    const wire = this.#client.connection as unknown as Wire;
    return statements.every((one) => isPrepared(one, wire))
      ? new WholeTransaction(begin, statements, commit)
      : undefined;
  }

  #lose(why: unknown): void {
    this.lost ??= why;
    this.trouble ??= why;
  }
}
