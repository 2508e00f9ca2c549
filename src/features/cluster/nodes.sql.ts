/**
 * Rows of nodes: the servers that share a database (workflows.md §13). Only PostgreSQL has them. Guarantees: what a row says
 * goes by the database's clock; one that died is told of for an hour, or until it is back at its place; one that left is not.
 */
import type { Tx } from '../../ports/sql.ts';
import { queueTime } from '../jobs/clock.sql.ts';

/** Who was not heard of for so long is down. */
export const DOWN_MS = 5_000;
const LISTED_MS = 3_600_000;

export interface NodeRow {
  readonly node_id: string;
  /** When it was last heard of, in milliseconds. */
  readonly beat_at: number;
  readonly version: string;
  readonly region: string | null;
  /** Where it runs: one that comes back there takes the place of one that died. Empty: not known. */
  readonly place: string;
  /** 1: it is about to leave, or somebody wants it to. */
  readonly draining: number;
  /** 0: it says of itself that it cannot serve. */
  readonly serves: number;
}

const COLUMNS = 'node_id, beat_at, version, region, place, draining, serves';

export interface Beaten {
  readonly rows: readonly NodeRow[];
  readonly now: number;
}

/** A server is there. Once it drains it goes on doing so. */
export async function beatNode(tx: Tx, node: Omit<NodeRow, 'beat_at'>, at: number): Promise<Beaten> {
  const now = await queueTime({ tx, now: at });
  await tx.run(
    `INSERT INTO nodes (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node_id) DO UPDATE
       SET beat_at = excluded.beat_at, draining = GREATEST(nodes.draining, excluded.draining), serves = excluded.serves`,
    [node.node_id, now, node.version, node.region, node.place, node.draining, node.serves],
  );
  await tx.run(
    `DELETE FROM nodes WHERE beat_at < ? OR (beat_at < ? AND (draining = 1 OR (place = ? AND place <> '')))`,
    [now - LISTED_MS, now - DOWN_MS, node.place],
  );
  return { rows: await listNodes(tx), now };
}

/** In the order in which they are told. */
export const listNodes = (tx: Tx): Promise<NodeRow[]> =>
  tx.all<NodeRow>(`SELECT ${COLUMNS} FROM nodes ORDER BY node_id`);

export async function drainNode(tx: Tx, node_id: string): Promise<void> {
  await tx.run('UPDATE nodes SET draining = 1 WHERE node_id = ?', [node_id]);
}

export async function removeNode(tx: Tx, node_id: string): Promise<void> {
  await tx.run('DELETE FROM nodes WHERE node_id = ?', [node_id]);
}
