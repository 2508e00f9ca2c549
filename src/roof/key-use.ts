/**
 * `last_used_at` of keys, off the way of requests. Guarantees: the first use of a key is written at once, later ones at
 * most once a minute; a request waits for none of it.
 */
import type { Log } from '../base/log.ts';
import type { Caller } from '../core/operation.ts';
import type { Runner } from '../core/transact.ts';
import { markKeyUsed } from '../features/access/housekeeping.operations.ts';
import { USED_EVERY_MS } from '../features/access/keys.sql.ts';
import type { Clock } from '../ports/clock.ts';
import { systemSteps } from './system.ts';

export interface KeyUse {
  note(caller: Caller): void;
  /** Waits for what is being written. */
  settled(): Promise<void>;
}

/** Keys whose last use is remembered; beyond it the rows say whether it is time to write. */
const KEPT = 100_000;

export function keyUse(parts: { readonly runner: Runner; readonly clock: Clock; readonly log: Log }): KeyUse {
  const step = systemSteps(parts.runner);
  const noted = new Map<string, number>();
  const writing = new Set<Promise<void>>();
  return {
    note: ({ key_id, zone_id }) => {
      if (key_id === null) return;
      const now = parts.clock.now();
      const last = noted.get(key_id);
      if (last !== undefined && now - last < USED_EVERY_MS) return;
      if (noted.size >= KEPT) noted.clear();
      noted.set(key_id, now);
      const written = step(markKeyUsed, zone_id, { key_id })
        .then(() => undefined)
        .catch((thrown: unknown) =>
          parts.log('debug', 'key.use-not-noted', { api_key_id: key_id, err: String(thrown) }),
        )
        .finally(() => writing.delete(written));
      writing.add(written);
    },
    settled: async () => {
      await Promise.all(writing);
    },
  };
}
