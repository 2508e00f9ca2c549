/**
 * What became of a commit whose answer was lost: asked for on a new connection, by the id of the transaction. Guarantees:
 * `committed` and `aborted` are true; where that cannot be known in time, `unknown`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from 'pg';
import type { Connection } from './connection.ts';

export type Outcome = 'committed' | 'aborted' | 'unknown';

/** Longer than a restart of the server takes. */
const ASK_MS_MAX = 15_000;
const ASK_AGAIN_MS = 100;
/** SQLSTATE of "transaction ID … is in the future". */
const INVALID_PARAMETER_VALUE = '22023';

export interface Lost {
  /** From pg_current_xact_id(). */
  readonly xid: string;
  /** `crashes` of the connection that the commit was sent on. */
  readonly crashes: string;
}

export async function outcomeOf(lost: Lost, open: () => Promise<Connection>): Promise<Outcome> {
  const deadline = performance.now() + ASK_MS_MAX;
  while (performance.now() < deadline) {
    // A server that is restarting answers at a later try; one that never does leaves the outcome unknown.
    const connection = await open().catch(() => undefined);
    const status = connection && (await ask(connection, lost).finally(() => connection.end()));
    if (status) return status;
    await sleep(ASK_AGAIN_MS);
  }
  return 'unknown';
}

/** Undefined while the server is still at it. */
async function ask(connection: Connection, lost: Lost): Promise<Outcome | undefined> {
  try {
    const { rows } = await connection.query('SELECT pg_xact_status(CAST(? AS xid8)) AS status', [lost.xid]);
    const status: unknown = rows[0]?.status;
    if (status === 'aborted') return 'aborted';
    if (status === 'in progress') return undefined;
    // A crash may forget an id that was given out but not yet written, and give it out again: then this is another's.
    return status === 'committed' && connection.crashes === lost.crashes ? 'committed' : 'unknown';
  } catch (thrown) {
    const forgotten = thrown instanceof DatabaseError && thrown.code === INVALID_PARAMETER_VALUE;
    return forgotten ? 'aborted' : undefined;
  }
}
