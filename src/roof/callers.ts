/**
 * Callers by their key, kept for a second so that a busy key costs no statement a request. Guarantees: what is kept is
 * never the last word: the transaction of each call compares the access revision (core/transact.ts), an expiry is seen
 * at once, and a door asks again before it tells any failure. Only the hash of a key is kept.
 */
import type { Clock } from '../base/clock.ts';
import type { Callers } from '../channels/http/door.ts';
import type { Caller } from '../core/operation.ts';
import { callerByHash, hashKey } from '../features/access/credentials.ts';
import type { Sql } from '../ports/sql.ts';

const KEPT_MS = 1_000;
const KEPT_MOST = 10_000;

interface Kept {
  readonly caller: Caller;
  readonly until: number;
}

/** `used` is told of each caller that was asked for. */
export function callersOf(sql: Sql, clock: Clock, used: (caller: Caller) => void): Callers {
  const kept = new Map<string, Kept>();
  const askFor = async (hash: string): Promise<Caller | undefined> => {
    const now = clock.now();
    const caller = await sql.read((tx) => callerByHash(tx, hash, now));
    kept.delete(hash);
    if (!caller) return undefined;
    used(caller);
    if (kept.size >= KEPT_MOST) kept.clear();
    kept.set(hash, { caller, until: Math.min(now + KEPT_MS, caller.expires_at ?? Number.POSITIVE_INFINITY) });
    return caller;
  };
  return {
    find: (key) => {
      const hash = hashKey(key);
      const found = kept.get(hash);
      return found && clock.now() < found.until ? found.caller : askFor(hash);
    },
    ask: (key) => askFor(hashKey(key)),
  };
}
