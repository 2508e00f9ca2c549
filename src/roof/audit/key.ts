/**
 * What the audit log is chained with. Guarantees: there is a key, alike for all nodes of the database; rows from before
 * there was a chain are in it before anything is written; once a server has started with a new key, every log goes on
 * under it, so that whoever knows only a former key can make no end of one.
 */
import { randomBytes } from 'node:crypto';
import { auditRow } from '../../core/call/audit-row.ts';
import { hashKey, hashPrefix, SYSTEM } from '../../features/access/credentials.ts';
import { keepSetting, setSetting } from '../../features/access/settings.sql.ts';
import { adoptRows, unchainedZones } from '../../features/audit/adopt.ts';
import { insertRekeyRows } from '../../features/audit/rekey.ts';
import { findChainEnds } from '../../features/audit/zone-ends.sql.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Sql } from '../../ports/sql.ts';

const KEY_BYTES = 32;
/** Names of settings: the key that is kept, and by which key the logs go on. */
const KEPT = 'audit_key';
const IN_USE = 'audit_key_in_use';

/** The keys as NEXUS_AUDIT_KEY has them, newest first; the one that is kept in the database comes last. */
export async function prepareAudit(sql: Sql, configured: string, clock: Clock): Promise<string> {
  const fresh = randomBytes(KEY_BYTES).toString('base64url');
  const kept = await sql.write('root', (tx) => keepSetting(tx, KEPT, fresh));
  const keys = configured === '' ? kept : `${configured},${kept}`;
  const [current = ''] = keys.split(',');
  for (const zone_id of await sql.read(unchainedZones)) {
    await sql.write(zone_id, (tx) => adoptRows(tx, zone_id, current));
  }
  await goOnWith(sql, current, clock);
  return keys;
}

async function goOnWith(sql: Sql, key: string, clock: Clock): Promise<void> {
  const id = hashPrefix(hashKey(key));
  const before = await sql.write('root', (tx) => keepSetting(tx, IN_USE, id));
  if (before === id) return;
  const facts = { action: 'audit.rekey', effect: 'write', object: '', outcome: 'allowed', code: null } as const;
  const row = auditRow({ ...facts, at: clock.now(), duration_ms: 0, details: {} }, SYSTEM, {
    channel: 'internal',
    request_id: '',
    address: null,
  });
  for (const { zone_id, audit_seq } of await sql.read((tx) => findChainEnds(tx, null))) {
    if (audit_seq > 0) await sql.write(zone_id, (tx) => insertRekeyRows(tx, { zone_id, row, key }));
  }
  await sql.write('root', (tx) => setSetting(tx, IN_USE, id));
}
