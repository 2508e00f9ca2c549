/** Parts that the server and its threads build alike from the configuration. */
import type { Config } from '../config.ts';
import type { AuditKeys } from '../core/call/audit-row.ts';
import type { Switches } from '../core/call/switches.ts';
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

export const switchesOf = (config: Config): Switches => ({
  raw_mode: config.RAW_MODE_ENABLED,
  ml_plugins: config.PLUGIN_ML_ENABLED,
  shadow_execution: config.SHADOW_EXECUTION_ENABLED,
});
