/** The database without a server: for commands that look at or change the schema. */
import type { Config } from '../config.ts';
import type { Sql } from '../ports/sql.ts';
import { openThreadSql } from './engines.ts';

export async function withSql<T>(config: Config, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = await openThreadSql(config, 'writer', (reason) => {
    throw reason;
  });
  try {
    return await work(sql);
  } finally {
    await sql.close();
  }
}
