/**
 * What a server needs in its database before it opens: schema → first zone, keys, flags, secrets and policies
 * (infrastructure.md §2, §14). Guarantees: repeating it changes nothing. In the mode `off` a table that is missing is no reason not to start.
 */
import { randomBytes } from 'node:crypto';
import { isSchemaBehind } from '../base/faults.ts';
import type { Log } from '../base/log.ts';
import { bootstrapTexts } from '../config/first-keys.ts';
import type { Config } from '../config.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import { type BootstrapKeys, bootstrap } from '../features/access/bootstrap.ts';
import { seedPolicies } from '../features/corpus/governance/policies.sql.ts';
import type { Fence } from '../ports/fence.ts';
import type { Sql } from '../ports/sql.ts';
import { prepareAudit } from './audit/key.ts';
import { openFencedSql } from './engines.ts';
import { keptSecretsKey } from './outside.ts';
import { settleSchema } from './schema/settle.ts';
import { settleStore } from './store-mark.ts';
import { keptTokenSecret } from './tokens.ts';

export interface Prepared {
  /** Text of a new admin key. */
  readonly adminKey: string | undefined;
  /** What tokens are signed with. */
  readonly secret: string;
  /** What the audit log is chained with. */
  readonly auditKey: string;
  /** What stored secrets are sealed with. */
  readonly secretsKey: string;
  /** Content that the store of the blobs has if it is the one of this database. */
  readonly storeMark: string | undefined;
}

export interface Preparing {
  readonly fence: Fence;
  readonly log: Log;
  readonly onBroken: (reason: unknown) => void;
}

export async function prepareDatabase(config: Config, { log, ...fenced }: Preparing): Promise<Prepared> {
  const sql = await openFencedSql(config, 'writer', fenced);
  try {
    await settleSchema(sql, config, log);
    const unlessMissing = <T>(instead: () => T) => unlessOff(config, { log, instead });
    const storeMark = await settleStore(config, sql).catch(unlessMissing(() => undefined));
    const prepared = await seed(sql, config).catch(unlessMissing(() => withoutSeeds(config)));
    await seedGovernance(sql, config, log).catch(unlessMissing(() => undefined));
    return { ...prepared, storeMark };
  } finally {
    await sql.close();
  }
}

/** What there is instead where a table is missing and the schema is not to be looked at. */
const unlessOff =
  <T>(config: Config, { log, instead }: { readonly log: Log; readonly instead: () => T }) =>
  (thrown: unknown): T => {
    if (config.SCHEMA_MANAGEMENT_MODE !== 'off' || !isSchemaBehind(thrown)) throw thrown;
    log('warn', 'schema.incomplete', { err: thrown });
    return instead();
  };

type Seeded = Omit<Prepared, 'storeMark'>;

async function seed(sql: Sql, config: Config): Promise<Seeded> {
  const secret = config.JWT_SECRET || (await sql.write('root', keptTokenSecret));
  const auditKey = await prepareAudit(sql, config.AUDIT_KEY, systemClock);
  const keys = bootstrapKeysOf(config);
  const { adminKey } = await sql.write('root', (tx) => bootstrap(tx, keys, systemClock.now()));
  const secretsKey = config.SECRETS_KEY || (await sql.write('root', keptSecretsKey));
  return { adminKey, secret, auditKey, secretsKey };
}

async function seedGovernance(sql: Sql, { PUBLIC_BLOCKED_TERMS }: Config, log: Log): Promise<void> {
  const modes = await sql.write('root', (tx) => seedPolicies(tx, PUBLIC_BLOCKED_TERMS, systemClock.now()));
  if (modes.length === 0) return;
  log('warn', 'policy.differs', { hint: `${modes.join(' and ')} keep the terms of the first start` });
}

function bootstrapKeysOf(config: Config): BootstrapKeys {
  const none: BootstrapKeys = { viewer: '', operator: '', researcher: '', admin: '' };
  return { ...none, ...Object.fromEntries(bootstrapTexts({ ...config }).map(({ role, text }) => [role, text])) };
}

/** Nothing can be signed or chained with these: what needs a table answers that it is not there. */
const withoutSeeds = (config: Config): Seeded => ({
  adminKey: undefined,
  secret: config.JWT_SECRET || randomBytes(64).toString('base64url'),
  auditKey: randomBytes(32).toString('base64url'),
  secretsKey: config.SECRETS_KEY || randomBytes(32).toString('base64url'),
});
