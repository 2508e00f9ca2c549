/**
 * A gate in front of all transactions of a server. Guarantee: once `shut` has resolved none runs, and none begins but those
 * that were let through.
 */
import type { CallContext } from '../../core/operation.ts';
import type { Runner } from '../../core/transact.ts';
import { restoring } from '../../engines/sql-faults.ts';

export interface Gate {
  /** The same, behind the gate. */
  over(runner: Runner): Runner;
  /** For callers, or for the server's own work too. Resolves when none of them runs. */
  shut(who: 'callers' | 'all'): Promise<void>;
}

export function openGate(): Gate {
  let shut: 'nobody' | 'callers' | 'all' = 'nobody';
  const running = { callers: 0, own: 0 };
  let look = (): void => undefined;
  const through = async <T>({ channel }: CallContext, work: () => Promise<T>): Promise<T> => {
    const who = channel === 'internal' ? 'own' : 'callers';
    if (shut === 'all' || (shut === 'callers' && who === 'callers')) throw restoring();
    running[who]++;
    try {
      return await work();
    } finally {
      running[who]--;
      look();
    }
  };
  return {
    over: (runner) => ({
      read: (operation, ready, context) => through(context, () => runner.read(operation, ready, context)),
      write: (operation, ready, context) => through(context, () => runner.write(operation, ready, context)),
    }),
    shut: (who) => {
      shut = who;
      return new Promise((resolve) => {
        look = () => {
          if (running.callers === 0 && (who === 'callers' || running.own === 0)) resolve();
        };
        look();
      });
    },
  };
}
