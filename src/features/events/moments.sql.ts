/** Which revision a zone was at: found by the times of its events, which never fall along the sequence. */
import type { Tx } from '../../ports/sql.ts';

/** Sequence number of the last event at or before a time in milliseconds. */
export async function findLastEventAt(tx: Tx, zone_id: string, at: number): Promise<number | undefined> {
  const row = await tx.get<{ seq: number }>(
    'SELECT seq FROM events WHERE zone_id = ? AND at <= ? ORDER BY at DESC, seq DESC LIMIT 1',
    [zone_id, at],
  );
  return row?.seq;
}

/** The same where the events of that time are no longer kept: of the last one of its day, or of a day before. */
export async function findLastMark(tx: Tx, zone_id: string, at: number): Promise<number | undefined> {
  const row = await tx.get<{ seq: number }>(
    'SELECT seq FROM event_marks WHERE zone_id = ? AND at <= ? ORDER BY day DESC LIMIT 1',
    [zone_id, at],
  );
  return row?.seq;
}

/** Where the log of a zone begins, and when its numbers were last replaced by a restore; 0: never. */
export async function findEdge(
  tx: Tx,
  zone_id: string,
): Promise<{ readonly oldest: number | null; readonly restored_at: number }> {
  const row = await tx.get<{ oldest: number | null; restored_at: number }>(
    `SELECT (SELECT seq FROM events WHERE zone_id = ? ORDER BY seq LIMIT 1) AS oldest,
       COALESCE((SELECT MAX(restored_at) FROM log_gaps WHERE zone_id = ?), 0) AS restored_at`,
    [zone_id, zone_id],
  );
  return row ?? { oldest: null, restored_at: 0 };
}

/** Sequence number of the oldest event that is kept. */
export async function findOldestEvent(tx: Tx, zone_id: string): Promise<number | undefined> {
  const row = await tx.get<{ seq: number }>('SELECT seq FROM events WHERE zone_id = ? ORDER BY seq LIMIT 1', [zone_id]);
  return row?.seq;
}
