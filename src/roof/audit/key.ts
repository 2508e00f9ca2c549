/**
 * What the audit log is chained with. Guarantees: there is one, alike for all nodes of the database; rows from before there
 * was a chain are in it before anything is written.
 */
import { randomBytes } from 'node:crypto';
import { keepSetting } from '../../features/access/settings.sql.ts';
import { adoptRows, unchainedZones } from '../../features/audit/adopt.ts';
import type { Sql } from '../../ports/sql.ts';

const KEY_BYTES = 32;

/** The keys as NEXUS_AUDIT_KEY has them, newest first; the one that is kept in the database comes last. */
export async function prepareAudit(sql: Sql, configured: string): Promise<string> {
  const kept = await sql.write('root', (tx) =>
    keepSetting(tx, 'audit_key', randomBytes(KEY_BYTES).toString('base64url')),
  );
  const keys = configured === '' ? kept : `${configured},${kept}`;
  const [current = ''] = keys.split(',');
  for (const zone_id of await sql.read(unchainedZones)) {
    await sql.write(zone_id, (tx) => adoptRows(tx, zone_id, current));
  }
  return keys;
}
