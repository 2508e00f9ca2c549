/** The database without a server: for commands that look at or change the schema. */
import { existsSync } from 'node:fs';
import { type Config, sqliteFileOf } from '../config.ts';
import type { Sql } from '../ports/sql.ts';
import { openThreadSql } from './engines.ts';

/** For who only looks: opening a database that is not there would make it. */
export function assertDatabase(config: Config): void {
  const file = sqliteFileOf(config);
  if (file === undefined || existsSync(file)) return;
  throw new Error(`there is no database at ${file}; --data and NEXUS_DATA_DIR say where it is`);
}

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
