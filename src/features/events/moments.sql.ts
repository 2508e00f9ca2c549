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

/** Sequence number of the oldest event that is kept. */
export async function findOldestEvent(tx: Tx, zone_id: string): Promise<number | undefined> {
  const row = await tx.get<{ seq: number }>('SELECT seq FROM events WHERE zone_id = ? ORDER BY seq LIMIT 1', [zone_id]);
  return row?.seq;
}
