/**
 * `last_used_at` of keys, off the way of requests. Guarantees: the first use of a key is written before it is answered, unless the
 * database lets nobody write just now; later ones are written at most once a minute, and no request waits for that.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import type { Caller } from '../core/operation.ts';
import type { Runner } from '../core/transact.ts';
import { markKeyUsed } from '../features/access/housekeeping.operations.ts';
import { USED_EVERY_MS } from '../features/access/keys.sql.ts';
import type { Clock } from '../ports/clock.ts';
import { systemSteps } from './system.ts';

export interface KeyUse {
  /** A promise where this is the first use that this server knows of: it is written then, or a moment has passed. */
  note(caller: Caller): Promise<void> | undefined;
  /** Waits for what is being written. */
  settled(): Promise<void>;
}

/** Keys whose last use is remembered; beyond it the rows say whether it is time to write. */
const KEPT = 100_000;
/** Longest time that a first request waits for it, in milliseconds. */
const FIRST_MS = 200;

export function keyUse(parts: { readonly runner: Runner; readonly clock: Clock; readonly log: Log }): KeyUse {
  const step = systemSteps(parts.runner);
  const noted = new Map<string, number>();
  const writing = new Set<Promise<void>>();
  return {
    note: ({ key_id, zone_id }) => {
      if (key_id === null) return undefined;
      const now = parts.clock.now();
      const last = noted.get(key_id);
      if (last !== undefined && now - last < USED_EVERY_MS) return undefined;
      if (noted.size >= KEPT) noted.clear();
      noted.set(key_id, now);
      const written = step(markKeyUsed, zone_id, { key_id })
        .then(() => undefined)
        .catch((thrown: unknown) =>
          parts.log('debug', 'key.use-not-noted', { api_key_id: key_id, err: String(thrown) }),
        )
        .finally(() => writing.delete(written));
      writing.add(written);
      return last === undefined ? Promise.race([written, sleep(FIRST_MS, undefined, { ref: false })]) : undefined;
    },
    settled: async () => {
      await Promise.all(writing);
    },
  };
}
