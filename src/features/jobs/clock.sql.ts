/** The time that leases, run times and schedules go by: the database's, so that nodes whose clocks differ agree. */
import type { Tx } from '../../ports/sql.ts';

/** Milliseconds. `now` is the time of the call, which is the database's where both share a machine. */
export async function queueTime({ tx, now }: { readonly tx: Tx; readonly now: number }): Promise<number> {
  const { clock } = tx.dialect;
  if (clock === undefined) return now;
  if (tx.time !== undefined) return tx.time;
  return (await tx.get<{ now: number }>(clock))?.now ?? now;
}
