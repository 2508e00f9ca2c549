/** Leases: work that one node at a time does. A lease keeps others from doing the same, it guards no data. */
import type { Tx } from '../../ports/sql.ts';

export interface LeaseClaim {
  readonly name: string;
  readonly holder: string;
  readonly now: number;
  readonly until: number;
}

/** Taken or renewed, unless another holds it still. */
export async function claimLease(tx: Tx, claim: LeaseClaim): Promise<boolean> {
  const { name, holder, now, until } = claim;
  const taken = await tx.run(
    `INSERT INTO leases (name, holder, until) VALUES (?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
     WHERE leases.holder = excluded.holder OR leases.until <= ?`,
    [name, holder, until, now],
  );
  return taken === 1;
}

export async function dropLease(tx: Tx, name: string): Promise<void> {
  await tx.run('DELETE FROM leases WHERE name = ?', [name]);
}

/** Leases that stand for a sweep, not for a time that has to pass. */
export async function dropZoneLeases(tx: Tx): Promise<void> {
  await tx.run("DELETE FROM leases WHERE name > 'zone:' AND name < 'zone;'");
}
