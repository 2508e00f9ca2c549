/**
 * What a start does about the schema, by its mode (infrastructure.md §14). Guarantees: `migrate_only` changes no table, `off`
 * does not even look.
 */
import type { Log } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import type { Sql } from '../../ports/sql.ts';
import { migrate, schemaState } from '../migrations.ts';

export async function settleSchema(sql: Sql, { SCHEMA_MANAGEMENT_MODE: mode }: Config, log: Log): Promise<void> {
  if (mode === 'off') return;
  if (mode === 'auto_create') {
    const applied = await migrate(sql);
    if (applied > 0) log('info', 'schema.migrated', { applied });
    return;
  }
  const { pending } = await schemaState(sql);
  if (pending.length > 0) throw new Error(`Schema is ${pending.length} migrations behind; run nexus migrate`);
}
