/**
 * One open transaction on PostgreSQL. Guarantees: a statement that failed fails whatever it is a part of, the nearest
 * `nested` or the whole, even if the handler swallows its error, for the server goes on with neither; nothing is sent
 * once the transaction has ended.
 */
import type { QueryResult } from 'pg';
import { insertStatements } from '../../ports/insert-rows.ts';
import type { Dialect, KeptRow, Row, RowsInsert, RowsUpdate, SqlValue, Statement, Tx } from '../../ports/sql.ts';
import { updateAll, updateOne } from '../../ports/update-rows.ts';
import type { Connection } from './connection.ts';
import { faultOf, outOfReach } from './failures.ts';
import { insist, type Left, stillIs } from './guesses.ts';
import type { ServerClock } from './server-clock.ts';

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

export class PostgresTx implements Tx {
  readonly dialect: Dialect;
  statements = 0;
  readonly #connection: Connection;
  #failed: { readonly reason: unknown } | undefined;
  #ended = false;
  /** Statements that nobody waits for, and the answer of the last: they are answered in order. */
  #unsettled = 0;
  #last: Promise<unknown> = Promise.resolve();

  readonly #clock: ServerClock | undefined;
  readonly #guess: Left | undefined;
  /** What it goes by: true where the server has found it so. */
  readonly #supposed: Promise<boolean>[] = [];
  /** What it has kept. */
  left: Left | undefined;

  /** `guess`: what it may go by before the server has answered. */
  constructor(connection: Connection, clock?: ServerClock, guess?: Left) {
    this.#connection = connection;
    this.#clock = clock;
    this.#guess = guess;
    this.dialect = connection.trigrams ? withTrigrams : postgresDialect;
  }

  /** As far as it is known by now, of a transaction that writes. */
  get time(): number | undefined {
    return this.#clock?.time();
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

  /**
   * Only what the write before left, and before anything was asked. Within a batch nothing is kept: each write has a
   * savepoint of its own, with which its rows come and go.
   */
  kept<R extends object>(table: string, key: string): R | undefined {
    const guess = this.#guess;
    if (this.statements > 0 || guess?.table !== table || guess.key !== key) return undefined;
    const { sql, params } = stillIs(guess);
    this.suppose(sql, params);
    return guess.row as R;
  }

  know(): void {}

  async keep(table: string, key: string, { row, save, whole }: KeptRow): Promise<void> {
    if (whole) this.left = { table, key, row };
    await this.#send(save);
  }

  get supposing(): boolean {
    return this.#supposed.length > 0;
  }

  suppose(sql: string, params: readonly SqlValue[]): void {
    const asked = this.#query(insist(sql), params);
    const found = asked.then(
      () => true,
      () => false,
    );
    this.#supposed.push(found);
  }

  /** Was all so that it went by? */
  async wasRight(): Promise<boolean> {
    return (await Promise.all(this.#supposed)).every((right) => right);
  }

  /** Statements of a migration, which may take as long as they need. */
  async script(statements: string): Promise<void> {
    await this.#watch(() => this.#connection.command(`SET LOCAL statement_timeout = 0; ${statements}`));
  }

  async nested<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    this.#connection.send('SAVEPOINT n');
    const { left } = this;
    try {
      const value = await work();
      await this.settle();
      this.#connection.send('RELEASE n');
      return value;
    } catch (thrown) {
      this.#connection.send('ROLLBACK TO n; RELEASE n');
      this.left = left;
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
