/** Rows of bricks. They are written under the lock of zone root. */
import type { SqlValue, Tx } from '../../ports/sql.ts';
import { queueTime } from '../jobs/clock.sql.ts';
import type { BrickRow } from './bricks.ts';

const COLUMNS = [
  'name',
  'wanted',
  'held_until',
  'revision',
  'started_at',
  'stopped_at',
] as const satisfies readonly (keyof BrickRow)[];
const ALL = COLUMNS.join(', ');

export const listBricks = (tx: Tx): Promise<BrickRow[]> => tx.all<BrickRow>(`SELECT ${ALL} FROM bricks`);

export const findBrick = (tx: Tx, name: string): Promise<BrickRow | undefined> =>
  tx.get<BrickRow>(`SELECT ${ALL} FROM bricks WHERE name = ?`, [name]);

/** What was chosen, and the time that goes with it, which nobody needs where nothing was. */
export async function readChoices(tx: Tx, now: number): Promise<{ rows: readonly BrickRow[]; now: number }> {
  const rows = await listBricks(tx);
  return { rows, now: rows.length === 0 ? now : await queueTime({ tx, now }) };
}

const PUT = `INSERT INTO bricks (${ALL}) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (name) DO UPDATE SET wanted = excluded.wanted, held_until = excluded.held_until,
    revision = excluded.revision, started_at = excluded.started_at, stopped_at = excluded.stopped_at`;

export async function saveBrick(tx: Tx, row: BrickRow): Promise<void> {
  const values: SqlValue[] = COLUMNS.map((column) => row[column]);
  await tx.run(PUT, values);
}

/** Servers that may still run calls of what was switched off then; `but` is the one that asks. */
export async function countUnaware(tx: Tx, revision: number, but: string): Promise<number> {
  const row = await tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM nodes WHERE bricks_seen < ? AND node_id <> ?', [
    revision,
    but,
  ]);
  return row?.n ?? 0;
}

/** False where the server is not among those that share the database. */
export const saveSeen = async (tx: Tx, node_id: string, revision: number): Promise<boolean> =>
  (await tx.run('UPDATE nodes SET bricks_seen = ? WHERE node_id = ?', [revision, node_id])) === 1;

/** Does a job of one of these types run anywhere? */
export async function someRunning(tx: Tx, types: readonly string[]): Promise<boolean> {
  if (types.length === 0) return false;
  const row = await tx.get(
    `SELECT 1 AS one FROM jobs WHERE status = 'running' AND type IN (SELECT value FROM ${tx.dialect.textsOf}) LIMIT 1`,
    [JSON.stringify(types)],
  );
  return row !== undefined;
}
