/** The database without a server: for commands that look at or change the schema. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, sqliteFileOf } from '../config.ts';
import type { Sql } from '../ports/sql.ts';
import { openThreadSql } from './engines.ts';

/** For who only looks, since opening a database that is not there would make it: that it is not; undefined where it is. */
export function absence(config: Config): string | undefined {
  const file = sqliteFileOf(config);
  if (file === undefined || existsSync(file)) return undefined;
  return `there is no database at ${file}; --data and NEXUS_DATA_DIR say where it is`;
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

/** An embedded database with nothing in it, which is gone afterwards. */
export async function withEmptySql<T>(config: Config, work: (sql: Sql) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-empty-'));
  try {
    return await withSql({ ...config, DATABASE_URL: `sqlite:///${join(directory, 'nexus.db')}` }, work);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
