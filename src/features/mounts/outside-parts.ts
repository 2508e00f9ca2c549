/** What looks at stores and changes of them are made with. */
import type { Limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { Operation } from '../../core/operation.ts';
import type { Backend } from '../../ports/backend.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Sql } from '../../ports/sql.ts';
import type { MountRow } from './mounts.sql.ts';
import type { OpenStores } from './stores.ts';

/** Runs an operation of the server itself in a zone. */
export type Step = <I, O>(operation: Operation<I, O>, zone_id: string, input: I) => Promise<O>;

export interface OutsideParts {
  readonly stores: OpenStores;
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  readonly step: Step;
  /** UNAVAILABLE where the brick is off. */
  readonly checkOn: () => void;
  readonly isOff: () => boolean;
}

/** A mount whose store is at hand. */
export interface Reached {
  readonly row: MountRow;
  readonly backend: Backend;
}

/** Ways to a store, which whoever changes one needs. */
export interface StoreAccess {
  reach(zone_id: string, mount_id: string): Promise<Reached | undefined>;
  watched<T>(row: MountRow, work: () => Promise<T>): Promise<T>;
}
