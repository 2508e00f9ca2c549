/**
 * Calls that need something of a store outside. Guarantees: a transaction never waits for a store; a call that broke off is run
 * again once what it asked for is done, and ends after some tries; what it did at a store and could not commit is undone, as far
 * as the store lets it be.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../base/faults.ts';
import { Detour } from '../core/call/outside.ts';
import type { CallContext } from '../core/operation.ts';
import type { Runner } from '../core/transact.ts';
import type { Outside } from '../features/mounts/outside.ts';
import type { PathTurn } from '../features/mounts/path-turns.ts';

/** How often, and for how long, a call takes another way, since stores or others changed what it relied on. */
const DETOURS_MAX = 20;
const DETOURS_MS = 30_000;
/** Between those that come after so many: a store that contradicts itself is not asked all the time. */
const PAUSE_MS = 50;

export function withDetours(runner: Runner, outside: () => Outside): Runner {
  const taking =
    (run: Runner['read']): Runner['read'] =>
    (operation, ready, asked) => {
      const context = outside().isOff ? { ...asked, storesOff: true } : asked;
      return run(operation, ready, context).catch((thrown: unknown) =>
        follow(outside(), thrown, { context, run: (changed) => run(operation, ready, changed) }),
      );
    };
  return { read: taking(runner.read), write: taking(runner.write) };
}

interface Way<O> {
  readonly context: CallContext;
  readonly run: (context: CallContext) => Promise<O>;
}

async function follow<O>(outside: Outside, first: unknown, way: Way<O>): Promise<O> {
  const turn = outside.turns.begin();
  try {
    return await tryWays(outside, first, { ...way, turn });
  } finally {
    turn.release();
  }
}

interface Ways<O> extends Way<O> {
  readonly turn: PathTurn;
}

async function tryWays<O>(outside: Outside, first: unknown, { turn, ...way }: Ways<O>): Promise<O> {
  let { context } = way;
  let thrown = first;
  const until = performance.now() + DETOURS_MS;
  for (let tries = 0; tries < DETOURS_MAX || performance.now() < until; tries++) {
    if (!(thrown instanceof Detour)) throw thrown;
    if (tries >= DETOURS_MAX) await sleep(PAUSE_MS);
    context = await outside.go(thrown.demand, context, turn);
    try {
      const output = await way.run(context);
      await outside.committed(context);
      return output;
    } catch (again) {
      await outside.abandon(context);
      context = { ...context, passage: { looked: context.passage?.looked ?? [] } };
      thrown = again;
    }
  }
  throw new Fault('CONFLICT', 'What lies in the mount kept changing while the call was prepared; try again', {
    reason: 'CONTENDED',
  });
}
