/** Events that go: those of a zone that ends, and the oldest of one that keeps no more. */
import type { Tx } from '../../ports/sql.ts';

/** Removes at most so many events of a zone that is ending, and what is known of those that went before. */
export async function removeEvents(tx: Tx, zone_id: string, rows: number): Promise<number> {
  await tx.run('DELETE FROM event_marks WHERE zone_id = ?', [zone_id]);
  return tx.run(
    'DELETE FROM events WHERE zone_id = ? AND seq IN (SELECT seq FROM events WHERE zone_id = ? ORDER BY seq LIMIT ?)',
    [zone_id, zone_id, rows],
  );
}

export const removeEventsBefore = (tx: Tx, zone_id: string, seq: number): Promise<number> =>
  tx.run('DELETE FROM events WHERE zone_id = ? AND seq < ?', [zone_id, seq]);

const DAY_MS = 86_400_000;

/** Keeps of each day the last of the events that are about to go: those before a number. */
export async function markDays(tx: Tx, zone_id: string, before: number): Promise<void> {
  await tx.run(
    `INSERT INTO event_marks (zone_id, day, at, seq)
     SELECT zone_id, at / ${DAY_MS}, MAX(at), MAX(seq) FROM events WHERE zone_id = ? AND seq < ? GROUP BY zone_id, at / ${DAY_MS}
     ON CONFLICT (zone_id, day) DO UPDATE SET at = excluded.at, seq = excluded.seq`,
    [zone_id, before],
  );
}
