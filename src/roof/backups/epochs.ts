/**
 * Restores as the servers and workers of one database live through them (workflows.md §13). Guarantees: a process begins
 * only while none runs, and hears within a second of one that has begun; what it has open until then is ended by the fence
 * of the engine, whatever it hears. Only PostgreSQL has several.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault, isSchemaBehind } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import { type Config, sqliteFileOf } from '../../config.ts';
import type { Rings } from '../../core/rings.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import { isRestoring, newestEpoch } from '../../features/backups/restores.sql.ts';
import type { Fence } from '../../ports/fence.ts';
import type { Sql } from '../../ports/sql.ts';
import { withSql } from '../offline.ts';

const LOOK_MS = 1_000;
/** While one runs. */
const LOOK_AGAIN_MS = 200;
const SERVERS = 2 ** 31 - 1;

export const RESTORES_TOPIC = 'restores';

interface Passing {
  readonly signal?: AbortSignal | undefined;
  /** Told once where it has to wait. */
  readonly waits?: () => void;
}

/** Resolves when no restore runs. */
export async function passRestores(config: Config, { signal, waits }: Passing = {}): Promise<Fence> {
  const server = randomInt(SERVERS);
  if (sqliteFileOf(config) !== undefined) return { epoch: 0, server };
  const epoch = await withSql(config, async (sql) => {
    for (let told = false; ; told = true) {
      const known = await epochWhereNoneRuns(sql);
      if (known !== undefined) return known;
      if (!told) waits?.();
      await sleep(LOOK_AGAIN_MS, undefined, signal && { signal });
    }
  });
  return { epoch, server };
}

async function epochWhereNoneRuns(sql: Sql): Promise<number | undefined> {
  try {
    return await sql.write(RESTORES_TOPIC, async (tx) =>
      (await isRestoring(tx, systemClock.now())) ? undefined : newestEpoch(tx),
    );
  } catch (thrown) {
    // Nothing was restored before the first migration.
    if (isSchemaBehind(thrown)) return 0;
    throw thrown;
  }
}

/** The answer of a fence, or of a gate, to whoever comes while a restore runs. */
export const isRestoringFault = (thrown: unknown): boolean =>
  thrown instanceof Fault && thrown.data.reason === 'restoring';

export interface Watching {
  readonly config: Config;
  readonly sql: Sql;
  readonly rings: Rings;
  readonly log: Log;
  readonly fence: Fence;
  /** Told once that a restore has begun which another process makes. */
  readonly begun: () => void;
}

export function watchRestores({ config, sql, rings, log, fence, begun }: Watching): { stop(): Promise<void> } {
  if (sqliteFileOf(config) !== undefined) return { stop: async () => undefined };
  let over = false;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const hasBegun = await sql.read(newestEpoch).then(
      (epoch) => epoch > fence.epoch,
      (thrown: unknown) => {
        if (!isRestoringFault(thrown)) log('debug', 'restores.not-looked-at', { err: String(thrown) });
        return isRestoringFault(thrown);
      },
    );
    if (!hasBegun || over) return;
    over = true;
    begun();
  };
  const tick = (): void => {
    if (over) return;
    looking ??= look().finally(() => {
      looking = undefined;
    });
  };
  const timer = setInterval(tick, LOOK_MS);
  const unlisten = rings.listen(RESTORES_TOPIC, tick);
  return {
    stop: async () => {
      over = true;
      clearInterval(timer);
      unlisten();
      await looking;
    },
  };
}
