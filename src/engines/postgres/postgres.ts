/**
 * The SQL engine for many nodes, on `pg`. Reads are REPEATABLE READ READ ONLY transactions; BEGIN and COMMIT cost them no
 * round trip. Writes go through the group commit. Guarantees beside those of the port: a transaction whose connection
 * broke, or that met a conflict, runs again before anybody hears of it; what was answered has been committed.
 */
import { Fault } from '../../base/faults.ts';
import { codeOf } from '../../base/system-error.ts';
import type { Fence } from '../../ports/fence.ts';
import { allCommits, type Sql, type SqlStats, type Tx } from '../../ports/sql.ts';
import { type Connection, connect } from './connection.ts';
import { faultOf, isConflict, outOfReach } from './failures.ts';
import { GroupCommit } from './group-commit.ts';
import { Pool, type PoolLimits } from './pool.ts';
import { PostgresTx, postgresDialect } from './transaction.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host/database`. */
  readonly url: string;
  readonly pool: PoolLimits;
  /** Milliseconds that one statement may take; ten minutes unless given. */
  readonly statementMs?: number;
  /** What its connections may not be older than. */
  readonly fence?: Fence | undefined;
  /** Called when writes cannot go on because of a defect; the process has to stop. */
  readonly onBroken: (reason: unknown) => void;
}

/** Migrations run in a lane of their own, so each is applied by one node. */
const MIGRATION_LANE = 'schema migrations';
const READ_TRIES_MAX = 3;

/** Opens the engine with a first connection; UNAVAILABLE, with the server's own words, when there is none to have. */
export async function openPostgres(options: PostgresOptions): Promise<Sql> {
  const engine = new PostgresEngine(options);
  try {
    await engine.ping();
  } catch (thrown) {
    const { cause } = thrown as Error;
    if (!(thrown instanceof Fault && cause instanceof Error)) throw thrown;
    const { host, pathname } = new URL(options.url);
    // A name with several addresses fails with one error for each, and then only the code says why.
    const why = cause.message || (codeOf(cause) ?? cause.name);
    throw new Fault(thrown.code, `No connection to PostgreSQL at ${host}${pathname}: ${why}`, thrown.data);
  }
  return engine;
}

class PostgresEngine implements Sql {
  readonly dialect = postgresDialect;
  readonly #pool: Pool;
  readonly #commits: GroupCommit;
  #statements = 0;

  constructor(options: PostgresOptions) {
    const { statementMs, url, fence } = options;
    const given = statementMs === undefined ? {} : { statementMs };
    const pool = new Pool({ ...options.pool, open: () => connect(url, { ...given, fence }) });
    this.#pool = pool;
    // What became of a commit may be asked whatever has begun since.
    this.#commits = new GroupCommit({ pool, open: () => connect(url, given), onBroken: options.onBroken });
  }

  async read<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const connection = await this.#pool.take();
      const outcome = await this.#readOn(connection, work);
      if ('value' in outcome) return outcome.value;
      const { lost } = connection;
      const again = lost !== undefined || isConflict(outcome.reason);
      if (again && tries < READ_TRIES_MAX) continue;
      throw lost === undefined ? faultOf(outcome.reason) : outOfReach(lost);
    }
  }

  write<T>(lane: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#commits.write(lane, (tx) => this.#counted(tx, work));
  }

  migrate(statements: string, first: (tx: Tx) => Promise<boolean>): Promise<boolean> {
    return this.#commits.write(MIGRATION_LANE, async (tx) => {
      const wanted = await first(tx);
      if (wanted) await tx.script(statements);
      return wanted;
    });
  }

  async ping(): Promise<void> {
    await this.read((tx) => tx.get('SELECT 1 AS one'));
  }

  stats(): SqlStats {
    return { statements: this.#statements, commits: allCommits([this.#commits.commits]), pool: this.#pool.stats() };
  }

  async close(): Promise<void> {
    await this.#commits.idle();
    await this.#pool.close();
  }

  async #readOn<T>(connection: Connection, work: (tx: Tx) => Promise<T>): Promise<{ value: T } | { reason: unknown }> {
    connection.beginRead();
    const tx = new PostgresTx(connection);
    try {
      const value = await this.#counted(tx, work);
      if (connection.trouble !== undefined) return { reason: connection.trouble };
      await tx.settle();
      return { value };
    } catch (thrown) {
      return { reason: connection.trouble ?? thrown };
    } finally {
      tx.end();
      // Whoever takes the connection next sends behind this.
      connection.send('COMMIT');
      this.#pool.giveBack(connection);
    }
  }

  async #counted<T>(tx: PostgresTx, work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await work(tx);
    } finally {
      this.#statements += tx.statements;
    }
  }
}
