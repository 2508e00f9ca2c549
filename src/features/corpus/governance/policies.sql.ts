/**
 * Policies and the decisions by them. Guarantees: a policy that is there is never seeded again, from however many nodes, so it
 * stays what the first start made of the configuration.
 */
import { parseJson } from '../../../base/parse-json.ts';
import { MODES, type Mode } from '../../../core/call/tokens.ts';
import type { Tx } from '../../../ports/sql.ts';
import { COLUMNS, type StoredRow } from '../../audit/audit.sql.ts';
import { type Policy, policyTerms } from './evaluate.ts';

interface PolicyRow {
  readonly mode: Mode;
  readonly version: number;
  /** JSON. */
  readonly terms: string;
}

const toPolicy = ({ terms, ...row }: PolicyRow): Policy => ({ ...row, terms: parseJson(terms) as string[] });

export async function findPolicy(tx: Tx, mode: Mode): Promise<Policy | undefined> {
  const row = await tx.get<PolicyRow>('SELECT mode, version, terms FROM corpus_policies WHERE mode = ?', [mode]);
  return row && toPolicy(row);
}

/** One policy a mode; gives the modes whose stored policy has other terms. */
export async function seedPolicies(tx: Tx, given: readonly string[], now: number): Promise<Mode[]> {
  const terms = JSON.stringify(policyTerms(given));
  await tx.run(
    `INSERT INTO corpus_policies (mode, version, terms, created_at)
     VALUES ${MODES.map(() => '(?, 1, ?, ?)').join(', ')} ON CONFLICT DO NOTHING`,
    MODES.flatMap((mode) => [mode, terms, now]),
  );
  const rows = await tx.all<PolicyRow>('SELECT mode, version, terms FROM corpus_policies ORDER BY mode');
  return rows.filter((row) => row.terms !== terms).map(({ mode }) => mode);
}

/** Rows of the audit log that decisions left, newest first. */
export const listDecisions = (tx: Tx, zone_id: string, limit: number): Promise<StoredRow[]> =>
  tx.all<StoredRow>(
    `SELECT ${COLUMNS} FROM audit WHERE zone_id = ? AND action = 'governance.evaluate' AND actor = 'system'
     ORDER BY n DESC LIMIT ?`,
    [zone_id, limit],
  );
