/** Figures of a thread that ends and is started again, as if it had been one: what is counted only grows. */
import type { Decisions } from '../features/access/grant-cache.ts';
import { allCommits } from '../ports/sql.ts';
import type { ThreadStats } from './thread-protocol.ts';

const NO_POOL = { size: 0, checkedOut: 0, overflow: 0 };

/** What a thread that has ended leaves: what it counted, and nothing of what it held. */
export const leftBy = (last: ThreadStats): ThreadStats => ({ ...last, pool: NO_POOL, size: 0 });

const both = (one: Decisions, other: Decisions, outcome: keyof Decisions): Decisions[keyof Decisions] => ({
  cached: one[outcome].cached + other[outcome].cached,
  read: one[outcome].read + other[outcome].read,
});

/** `now` and those that ended before it. */
export const since = (before: ThreadStats | undefined, now: ThreadStats): ThreadStats =>
  before
    ? {
        statements: before.statements + now.statements,
        commits: allCommits([before.commits, now.commits]),
        pool: now.pool,
        hits: before.hits + now.hits,
        misses: before.misses + now.misses,
        sets: before.sets + now.sets,
        size: now.size,
        decisions: {
          allowed: both(before.decisions, now.decisions, 'allowed'),
          denied: both(before.decisions, now.decisions, 'denied'),
        },
      }
    : now;
