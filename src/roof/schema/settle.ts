/**
 * What a start does about the schema, by its mode (infrastructure.md §14). Guarantees: a schema newer than the
 * program is refused, `migrate_only` changes no table, `off` does not even look; an embedded database was copied, and one of PostgreSQL backed up, before its schema changes.
 */
import type { Log } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import type { Sql } from '../../ports/sql.ts';
import { migrate, schemaState } from '../migrations.ts';
import { BACKUPS_SINCE, backedUp, type Telling } from './back-up.ts';
import { keepBefore, tellBackup } from './keep.ts';

export async function settleSchema(sql: Sql, config: Config, log: Log): Promise<void> {
  const { SCHEMA_MANAGEMENT_MODE: mode } = config;
  if (mode === 'off') return;
  if (mode === 'auto_create') {
    const applied = await migrateKeeping(sql, config, { log });
    if (applied > 0) log('info', 'schema.migrated', { applied });
    return;
  }
  const { pending } = await schemaState(sql);
  if (pending.length > 0) throw new Error(`Schema is ${pending.length} migrations behind; run nexus migrate`);
}

/** Applies what is pending; gives how many migrations that were. */
export async function migrateKeeping(sql: Sql, config: Config, { log, far }: Telling): Promise<number> {
  const { applied: from, pending } = await schemaState(sql);
  const to = pending.at(-1)?.version;
  if (to === undefined) return 0;
  const work = () => migrate(sql);
  if (sql.dialect.name === 'sqlite') await keepBefore(config, { from, to }, log);
  else if (from >= BACKUPS_SINCE && config.MIGRATION_COPIES > 0) return backedUp({ sql, config, log, far }, work);
  else if (from > 0) await tellBackup(sql, log);
  return work();
}
