/**
 * A fence between servers that have seen a restore of the state and those that have not. Guarantees: a connection is open
 * only if no restore that its server does not know had begun when it was opened; whoever begins one finds all that were
 * opened before, and can end them. A call pays nothing for it: it stands where connections are opened.
 *
 * A connection first takes a lock, shared, that names the epoch it goes by, and then looks which one it is. So whoever has
 * committed a new epoch sees each connection that looked before, by its lock, until it has ended.
 */
import { DatabaseError } from 'pg';
import type { Fence } from '../../ports/fence.ts';
import type { Tx } from '../../ports/sql.ts';
import { restoring } from '../sql-faults.ts';
import { UNDEFINED_TABLE } from './failures.ts';

/** First halves of the names of advisory locks: of an epoch, and of a server. */
const EPOCH = 1_315_469_362;
const SERVER = 1_315_469_363;

/** A connection, as far as the fence needs it. */
interface Asking {
  query(sql: string, values: readonly number[]): Promise<{ readonly rows: readonly { readonly epoch?: number }[] }>;
}

const LOCKS = `SELECT pg_advisory_lock_shared(${EPOCH}, CAST(? AS INTEGER)), pg_advisory_lock_shared(${SERVER}, CAST(? AS INTEGER))`;

/** UNAVAILABLE where a restore has begun that the server does not know. */
export async function passFence(connection: Asking, { epoch, server }: Fence): Promise<void> {
  await connection.query(LOCKS, [epoch, server]);
  if ((await newestEpoch(connection)) !== epoch) throw restoring();
}

async function newestEpoch(connection: Asking): Promise<number> {
  try {
    const { rows } = await connection.query('SELECT COALESCE(MAX(epoch), 0) AS epoch FROM restores', []);
    return Number(rows[0]?.epoch);
  } catch (thrown) {
    // Before the first migration nothing was restored.
    if (thrown instanceof DatabaseError && thrown.code === UNDEFINED_TABLE) return 0;
    throw thrown;
  }
}

const heldBy = (lock: number): string =>
  `SELECT pid, objid FROM pg_locks WHERE locktype = 'advisory' AND classid = ${lock} AND objsubid = 2
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const OTHERS = `SELECT e.pid FROM (${heldBy(EPOCH)}) e
  WHERE e.objid < ? AND NOT EXISTS (SELECT 1 FROM (${heldBy(SERVER)}) s WHERE s.pid = e.pid AND s.objid = ?)`;

/** How many connections there are of other servers that have not seen the newest epoch. */
export async function countOthers(tx: Tx, { epoch, server }: Fence): Promise<number> {
  return (await tx.all(OTHERS, [epoch, server])).length;
}

/** Ends them, whatever they do: an open transaction is rolled back. */
export async function endOthers(tx: Tx, { epoch, server }: Fence): Promise<void> {
  await tx.all(`SELECT pg_terminate_backend(o.pid) AS ended FROM (${OTHERS}) o`, [epoch, server]);
}
