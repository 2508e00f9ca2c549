/** Parts that the server and its threads build alike from the configuration. */
import type { Config } from '../config.ts';
import type { AuditKeys } from '../core/call/audit-row.ts';
import { GrantCache } from '../features/access/grant-cache.ts';

/** Subjects whose grants one thread keeps. */
const GRANTS_KEPT = 10_000;

export const grantCache = (config: Pick<Config, 'ACCESS_CACHE'>): GrantCache =>
  new GrantCache(config.ACCESS_CACHE === 'on' ? GRANTS_KEPT : 0);

/** What the audit log is chained with; `prepareAudit` has made sure that there is one. */
export function auditKeysOf({ AUDIT_KEY }: Pick<Config, 'AUDIT_KEY'>): AuditKeys {
  const [current = '', ...former] = AUDIT_KEY.split(',');
  if (current === '') throw new Error('the audit log has no key: prepareAudit comes first');
  return [current, ...former];
}
