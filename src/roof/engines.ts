/** Engines chosen by the configuration: the one place that knows them by name. */
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, sqliteFileOf } from '../config.ts';
import type { Sql } from '../ports/sql.ts';
import type { ThreadRole } from './thread-protocol.ts';

/** SQL of the main thread: reading only on SQLite, whose writes run in the writing thread. */
export async function openServerSql(config: Config, onBroken: (reason: unknown) => void): Promise<Sql> {
  return openSql(config, { writer: sqliteFileOf(config) === undefined, onBroken });
}

/** SQL of a thread, by its role. */
export async function openThreadSql(
  config: Config,
  role: ThreadRole,
  onBroken: (reason: unknown) => void,
): Promise<Sql> {
  return openSql(config, { writer: role === 'writer', onBroken });
}

interface Opening {
  readonly writer: boolean;
  readonly onBroken: (reason: unknown) => void;
}

async function openSql(config: Config, opening: Opening): Promise<Sql> {
  const file = sqliteFileOf(config);
  if (file !== undefined) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const { openSqlite } = await import('../engines/sqlite/sqlite.ts');
    return openSqlite({ file, ...opening, busyMs: config.DB_BUSY_SECONDS * 1000 });
  }
  const { openPostgres } = await import('../engines/postgres/postgres.ts');
  return openPostgres({
    url: config.DATABASE_URL,
    poolSize: config.DB_POOL_SIZE,
    maxOverflow: config.DB_MAX_OVERFLOW,
    onBroken: opening.onBroken,
  });
}

/** Directory of blob files. */
export function blobsRootOf(config: Config): string {
  if (config.BLOBS_URL !== '') return fileURLToPath(config.BLOBS_URL);
  const file = sqliteFileOf(config);
  return file === undefined ? resolve(config.DATA_DIR, 'blobs') : resolve(dirname(file), 'blobs');
}
