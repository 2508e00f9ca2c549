/**
 * Where a call runs: writes in the writing thread of the embedded engine, long reads in the reading thread, all else
 * here. Guarantees: on every engine at most WRITES_WAITING writes have begun and are not answered; one more is refused
 * at once and has changed nothing.
 */
import { Fault } from '../base/faults.ts';
import type { Config } from '../config.ts';
import type { Told } from '../core/call/told.ts';
import type { Tracing } from '../core/call/tracing.ts';
import { beforeDeadline } from '../core/deadline.ts';
import type { Rings } from '../core/rings.ts';
import { localRunner, type Runner } from '../core/transact.ts';
import { zoneTopic } from '../core/zone-watch.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import type { GrantCache } from '../features/access/grant-cache.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Sql } from '../ports/sql.ts';
import { auditKeysOf } from './parts.ts';
import type { CallThread, LateThread } from './threads.ts';

export interface Threads {
  /** Only the embedded engine has one: PostgreSQL commits elsewhere. */
  readonly writer: CallThread | undefined;
  /** Undefined where all of the few connections to the database are needed here. */
  readonly reader: Omit<LateThread, 'expect'> | undefined;
}

export interface RunningOn {
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly threads: Threads;
  readonly rings: Rings;
  /** Grants known in this thread. */
  readonly grants: GrantCache;
  readonly told: Told;
  readonly tracing?: Tracing | undefined;
}

export function runnerOf(config: Config, { sql, blobs, threads, rings, grants, told, tracing }: RunningOn): Runner {
  const here = localRunner({
    sql,
    blobs,
    clock: systemClock,
    limits: config.limits,
    grants,
    auditKeys: auditKeysOf(config),
    told,
    spans: tracing?.note,
  });
  const write: Runner['write'] = threads.writer?.run ?? here.write;
  const maximum = config.limits.WRITES_WAITING;
  let waiting = 0;
  return {
    read: (operation, ready, context) =>
      operation.heavy && threads.reader
        ? beforeDeadline(context.deadline, threads.reader.run(operation, ready, context))
        : here.read(operation, ready, context),
    write: async (operation, ready, context) => {
      if (waiting >= maximum) throw overloaded(maximum);
      waiting++;
      try {
        const output = await write(operation, ready, context);
        const topic = operation.rings?.(output, ready);
        // Whoever made the call goes on first: a ring is a packet to PostgreSQL, and only a hint.
        process.nextTick(() => {
          if (topic !== undefined) rings.ring(topic);
          rings.ring(zoneTopic(context.zone_id));
        });
        return output;
      } finally {
        waiting--;
      }
    },
  };
}

const overloaded = (maximum: number): Fault =>
  new Fault('UNAVAILABLE', `${maximum} writes wait for their commit; try again`, { limit: 'WRITES_WAITING', maximum });
