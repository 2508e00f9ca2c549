/**
 * One open transaction on PostgreSQL. Guarantees: a statement that failed fails whatever it is a part of, the nearest
 * `nested` or the whole, even if the handler swallows its error, for the server goes on with neither; nothing is sent
 * once the transaction has ended.
 */
import type { QueryResult } from 'pg';
import { insertStatements } from '../../ports/insert-rows.ts';
import type { Dialect, KeptRow, Row, RowsInsert, RowsUpdate, SqlValue, Statement, Tx } from '../../ports/sql.ts';
import { updateAll, updateOne } from '../../ports/update-rows.ts';
import type { Connection, ServerTime } from './connection.ts';
import { faultOf, outOfReach } from './failures.ts';

export const postgresDialect: Dialect = {
  name: 'postgres',
  forUpdate: ' FOR UPDATE',
  skipLocked: ' FOR UPDATE SKIP LOCKED',
  clock: 'SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now',
  textsOf: 'json_array_elements_text(CAST(? AS JSON))',
  // Of a join the planner would expect a tenth of all rows that the query could give.
  amongFew: (sql) => `= ANY (ARRAY(${sql}))`,
  trigrams: 'none',
};
const withTrigrams: Dialect = { ...postgresDialect, trigrams: 'pg_trgm' };

/** Statements that may be on their way unanswered: what they take is held in memory. */
const UNSETTLED_MAX = 32;

/** What the first statement of a transaction is answered with, and until then what the connection knows of before. */
export interface Opening {
  told?: ServerTime | undefined;
}

export class PostgresTx implements Tx {
  readonly dialect: Dialect;
  statements = 0;
  readonly #connection: Connection;
  #failed: { readonly reason: unknown } | undefined;
  #ended = false;
  /** Statements that nobody waits for, and the answer of the last: they are answered in order. */
  #unsettled = 0;
  #last: Promise<unknown> = Promise.resolve();

  readonly #opening: Opening | undefined;

  constructor(connection: Connection, opening?: Opening) {
    this.#connection = connection;
    this.#opening = opening;
    this.dialect = connection.trigrams ? withTrigrams : postgresDialect;
  }

  /** As the server said it at the beginning, or last before, and what has passed since. */
  get time(): number | undefined {
    const { told } = this.#opening ?? {};
    return told && Math.floor(told.time + performance.now() - told.at);
  }

  async get<R extends object>(sql: string, params: readonly SqlValue[] = []): Promise<R | undefined> {
    return (await this.#query(sql, params)).rows[0] as R | undefined;
  }

  async all<R extends object>(sql: string, params: readonly SqlValue[] = []): Promise<R[]> {
    return (await this.#query(sql, params)).rows as R[];
  }

  async run(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return (await this.#query(sql, params)).rowCount ?? 0;
  }

  async insert(insert: RowsInsert, rows: readonly Row[]): Promise<void> {
    for (const statement of insertStatements(insert, rows)) await this.#send(statement);
  }

  async update(update: RowsUpdate, rows: readonly Row[]): Promise<void> {
    const [first, ...more] = rows;
    if (first) await this.#send(more.length === 0 ? updateOne(update, first) : updateAll(update, rows));
  }

  async updateGiving(update: RowsUpdate, rows: readonly Row[]): Promise<SqlValue[]> {
    if (rows.length === 0) return [];
    const { sql, params } = updateAll(update, rows);
    const changed = await this.all<Record<string, SqlValue>>(sql, params);
    return changed.map((row) => row[update.key] ?? null);
  }

  /** Nothing is kept: each write of a batch has a savepoint of its own, with which its rows come and go. */
  kept(): undefined {
    return undefined;
  }

  know(): void {}

  async keep(_table: string, _key: string, { save }: KeptRow): Promise<void> {
    await this.#send(save);
  }

  /** Statements of a migration, which may take as long as they need. */
  async script(statements: string): Promise<void> {
    await this.#watch(() => this.#connection.command(`SET LOCAL statement_timeout = 0; ${statements}`));
  }

  async nested<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    this.#connection.send('SAVEPOINT n');
    try {
      const value = await work();
      await this.settle();
      this.#connection.send('RELEASE n');
      return value;
    } catch (thrown) {
      this.#connection.send('ROLLBACK TO n; RELEASE n');
      this.#failed = undefined;
      throw thrown;
    }
  }

  /** Waits for the answers that nobody waited for; throws what a statement threw since the last rollback. */
  async settle(): Promise<void> {
    if (this.#unsettled > 0) await this.#last;
    this.check();
  }

  /** Throws what a statement is known by now to have thrown since the last rollback. */
  check(): void {
    if (this.#failed) throw this.#failed.reason;
  }

  /** What a statement threw since the last rollback, as far as it is known. */
  get failure(): unknown {
    return this.#failed?.reason;
  }

  /** The handler is done: what it may have left running sends nothing more. */
  end(): void {
    this.#ended = true;
  }

  /** Sends a statement whose answer says nothing but that it was done, and waits only where too many are on their way. */
  #send({ sql, params }: Statement): Promise<unknown> | undefined {
    this.#unsettled++;
    const answered = this.#query(sql, params).catch(() => undefined);
    this.#last = answered.finally(() => {
      this.#unsettled--;
    });
    return this.#unsettled > UNSETTLED_MAX ? this.#last : undefined;
  }

  async #query(sql: string, params: readonly SqlValue[]): Promise<QueryResult> {
    this.statements++;
    return this.#watch(() => this.#connection.query(sql, params));
  }

  async #watch(ask: () => Promise<QueryResult>): Promise<QueryResult> {
    if (this.#ended) throw new Error('a statement was sent after the end of its transaction');
    try {
      return await ask();
    } catch (thrown) {
      const reason = this.#connection.lost === undefined ? faultOf(thrown) : outOfReach(thrown);
      this.#failed ??= { reason };
      // What fails after it says only that.
      throw this.#failed.reason;
    }
  }
}
