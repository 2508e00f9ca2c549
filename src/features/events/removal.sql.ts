/** The end of a zone's events. */
import type { Tx } from '../../ports/sql.ts';

/** Removes at most so many events of a zone that is ending. */
export const removeEvents = (tx: Tx, zone_id: string, rows: number): Promise<number> =>
  tx.run(
    'DELETE FROM events WHERE zone_id = ? AND seq IN (SELECT seq FROM events WHERE zone_id = ? ORDER BY seq LIMIT ?)',
    [zone_id, zone_id, rows],
  );
