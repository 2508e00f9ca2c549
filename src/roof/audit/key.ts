/**
 * What the audit log is chained with. Guarantees: there is a key, alike for all nodes of the database; once a server has
 * started with a new key, every log goes on under it, so that whoever knows only a former key can make no end of one.
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

/** Stands in NEXUS_AUDIT_KEY for the key that is kept in the database. */
const IN_DATABASE = 'database';

const keptKey = (sql: Sql): Promise<string> => {
  const fresh = randomBytes(KEY_BYTES).toString('base64url');
  return sql.write('root', (tx) => keepSetting(tx, KEPT, fresh));
};

/**
 * The keys of NEXUS_AUDIT_KEY, newest first. The one that is kept in the database counts only where it is named, or
 * nothing is: else whoever writes to the database could put a key there and make a log with it.
 */
export async function prepareAudit(sql: Sql, configured: string, clock: Clock): Promise<string> {
  const named = (configured || IN_DATABASE).split(',');
  const kept = named.includes(IN_DATABASE) ? await keptKey(sql) : '';
  const keys = named.map((key) => (key === IN_DATABASE ? kept : key));
  await goOnWith(sql, keys[0] ?? '', clock);
  return keys.join(',');
}

/**
 * Chains what was written before there was a chain: part of the migration that begins it, and never done again, so that
 * nobody has changed rows chained by making them look older than the chain.
 */
export async function chainOldRows(sql: Sql): Promise<void> {
  const zones = await sql.read(unchainedZones);
  if (zones.length === 0) return;
  const key = await keptKey(sql);
  await sql.write('root', (tx) => keepSetting(tx, IN_USE, idOf(key)));
  for (const zone_id of zones) await sql.write(zone_id, (tx) => adoptRows(tx, zone_id, key));
}

const idOf = (key: string): string => hashPrefix(hashKey(key));

async function goOnWith(sql: Sql, key: string, clock: Clock): Promise<void> {
  const id = idOf(key);
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
