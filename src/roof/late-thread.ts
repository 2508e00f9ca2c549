/**
 * A thread that starts with the first call that needs it, and goes when none has for a while: a worker process that has no long
 * reads does without its memory. Not for a server: who opens a stream is to be told of all that comes after, at once.
 * Guarantees: one runs at a time, whoever asks meanwhile waits for it, and none goes while it has a call; where it cannot
 * start, the call fails with the reason and the next one tries again; what it has counted is not forgotten with it.
 */
import type { Decisions } from '../features/access/grant-cache.ts';
import { allCommits } from '../ports/sql.ts';
import type { ThreadStats } from './thread-protocol.ts';
import type { CallThread } from './threads.ts';

const IDLE_MS = 60_000;

export function lateThread(start: () => Promise<CallThread>, idleMs: number = IDLE_MS): CallThread {
  let started: Promise<CallThread> | undefined;
  let calls = 0;
  let timer: NodeJS.Timeout | undefined;
  let leaving: Promise<unknown> = Promise.resolve();
  /** Of those that have gone. */
  let counted: ThreadStats | undefined;
  const thread = (): Promise<CallThread> => {
    started ??= leaving.then(start).catch((thrown: unknown) => {
      started = undefined;
      throw thrown;
    });
    return started;
  };
  const leave = (): Promise<unknown> => {
    clearTimeout(timer);
    const running = started;
    started = undefined;
    const end = async (one: CallThread): Promise<void> => {
      counted = together(counted, left(await one.stats()));
      await one.close();
    };
    // One that did not start, or broke, has been told to who asked for it.
    leaving = Promise.all([leaving, running?.then(end).catch(() => undefined)]);
    return leaving;
  };
  const rest = (): void => {
    calls--;
    if (calls === 0) timer = setTimeout(leave, idleMs).unref();
  };
  return {
    run: async (operation, ready, context) => {
      calls++;
      clearTimeout(timer);
      try {
        return await (await thread()).run(operation, ready, context);
      } finally {
        rest();
      }
    },
    stats: async () => together(counted, await (await started)?.stats()),
    close: async () => {
      await leave();
    },
  };
}

const left = (stats: ThreadStats | undefined): ThreadStats | undefined =>
  stats && { ...stats, sets: 0, size: 0, pool: { size: 0, checkedOut: 0, overflow: 0 } };

/** Counts of both; what there is now, of the second. */
function together(gone: ThreadStats | undefined, here: ThreadStats | undefined): ThreadStats | undefined {
  if (!gone || !here) return here ?? gone;
  const decided = (what: keyof Decisions) => ({
    cached: gone.decisions[what].cached + here.decisions[what].cached,
    read: gone.decisions[what].read + here.decisions[what].read,
  });
  return {
    ...here,
    statements: gone.statements + here.statements,
    commits: allCommits([gone.commits, here.commits]),
    hits: gone.hits + here.hits,
    misses: gone.misses + here.misses,
    decisions: { allowed: decided('allowed'), denied: decided('denied') },
  };
}
