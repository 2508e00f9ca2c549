/** Rows of feature flags. A row that is there is never seeded again, so what an admin set stays. */
import type { FlagName } from '../../../core/call/switches.ts';
import type { Role } from '../../../core/operation.ts';
import type { Tx } from '../../../ports/sql.ts';

export interface FlagRow {
  readonly name: string;
  readonly description: string;
  readonly min_role: string;
  readonly enabled: number;
}

const SEEDS: Readonly<Record<FlagName, { readonly min_role: Role; readonly description: string }>> = {
  shadow_execution: { min_role: 'researcher', description: 'Analyses run a second time in the shadow, to compare.' },
  ml_plugins: { min_role: 'admin', description: 'Analyses may use plugins of kind ML.' },
  raw_mode: { min_role: 'researcher', description: 'Corpus text is shown and analysed as it is, in mode RAW.' },
};

export async function seedFlags(tx: Tx): Promise<void> {
  const rows = Object.entries(SEEDS);
  await tx.run(
    `INSERT INTO feature_flags (name, description, min_role, enabled)
     VALUES ${rows.map(() => '(?, ?, ?, 1)').join(', ')} ON CONFLICT DO NOTHING`,
    rows.flatMap(([name, { description, min_role }]) => [name, description, min_role]),
  );
}

const COLUMNS = 'name, description, min_role, enabled';

export const listFlags = (tx: Tx): Promise<FlagRow[]> =>
  tx.all<FlagRow>(`SELECT ${COLUMNS} FROM feature_flags ORDER BY name`);

/** The row, held until the end of the transaction. */
export const lockFlag = (tx: Tx, name: string): Promise<FlagRow | undefined> =>
  tx.get<FlagRow>(`SELECT ${COLUMNS} FROM feature_flags WHERE name = ?${tx.dialect.forUpdate}`, [name]);

export const findFlag = (tx: Tx, name: string): Promise<FlagRow | undefined> =>
  tx.get<FlagRow>(`SELECT ${COLUMNS} FROM feature_flags WHERE name = ?`, [name]);

export async function saveFlag(tx: Tx, { name, min_role, enabled }: FlagRow): Promise<void> {
  await tx.run('UPDATE feature_flags SET min_role = ?, enabled = ? WHERE name = ?', [min_role, enabled, name]);
}
