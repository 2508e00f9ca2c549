/** Rows of bricks. They are written under the lock of zone root. */
import type { SqlValue, Tx } from '../../ports/sql.ts';
import { DOWN_MS } from '../cluster/nodes.sql.ts';
import { queueTime } from '../jobs/clock.sql.ts';
import type { BrickRow, Failure } from './bricks.ts';

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
export async function countUnaware(
  tx: Tx,
  { revision, but, now }: { readonly revision: number; readonly but: string; readonly now: number },
): Promise<number> {
  const row = await tx.get<{ n: number }>(
    'SELECT COUNT(*) AS n FROM nodes WHERE bricks_seen < ? AND node_id <> ? AND beat_at >= ?',
    [revision, but, now - DOWN_MS],
  );
  return row?.n ?? 0;
}

/** False where the server is not among those that share the database. */
export const saveSeen = async (tx: Tx, node_id: string, revision: number): Promise<boolean> =>
  (await tx.run('UPDATE nodes SET bricks_seen = ? WHERE node_id = ?', [revision, node_id])) === 1;

/** Of each of these types of the server's own jobs the one that was begun last and has ended, where it failed. */
export async function listFailures(tx: Tx, types: readonly string[]): Promise<Failure[]> {
  const newest = types.map((type) =>
    tx.get<Failure & { status: string }>(
      `SELECT type, job_id, status, ended_at FROM jobs WHERE door = 'house' AND type = ? AND ended_at IS NOT NULL
       ORDER BY created_at DESC, job_id DESC LIMIT 1`,
      [type],
    ),
  );
  return (await Promise.all(newest)).flatMap((job) => (job?.status === 'failed' ? [job] : []));
}

/** Does a job of one of these types run anywhere? */
export async function someRunning(tx: Tx, types: readonly string[]): Promise<boolean> {
  if (types.length === 0) return false;
  const row = await tx.get(
    `SELECT 1 AS one FROM jobs WHERE status = 'running' AND type IN (SELECT value FROM ${tx.dialect.textsOf}) LIMIT 1`,
    [JSON.stringify(types)],
  );
  return row !== undefined;
}
