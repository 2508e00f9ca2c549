/**
 * What a brick is, of what was chosen about it and the time (platform.md §6). Pure. Guarantees: a brick about which nothing
 * was chosen is active; one that is being stopped needs nobody to finish it: when its time is over it is what was wanted.
 */

import { BRICKS, type BrickName, brickRows, houseworkOf, requiredBy } from '../../base/bricks.ts';
import { isoTime } from '../../base/clock.ts';

/** Times in milliseconds, of the database's clock. */
export interface BrickRow {
  readonly name: string;
  /** 1: it is to be there. */
  readonly wanted: number;
  /** Calls that run have until then. */
  readonly held_until: number;
  /** Number of the event that tells of the choice. */
  readonly revision: number;
  readonly started_at: number;
  readonly stopped_at: number | null;
}

/** A job of the server's own that ended in failure. */
export interface Failure {
  readonly type: string;
  readonly job_id: string;
  readonly ended_at: number;
}

export const STATES = ['active', 'starting', 'stopping', 'unmounted', 'failed'] as const;
export type BrickStatus = (typeof STATES)[number];

export const isHeld = ({ held_until }: Pick<BrickRow, 'held_until'>, now: number): boolean => now < held_until;

/** Are new calls refused? */
export const isRefused = (row: Pick<BrickRow, 'wanted' | 'held_until'>, now: number): boolean =>
  row.wanted === 0 || isHeld(row, now);

export function statusOf(row: BrickRow | undefined, now: number): BrickStatus {
  if (!row) return 'active';
  if (row.wanted === 1) return isHeld(row, now) ? 'starting' : 'active';
  return isHeld(row, now) ? 'stopping' : 'unmounted';
}

export interface BrickObject {
  readonly name: string;
  readonly state: BrickStatus;
  readonly status: BrickStatus;
  readonly essential: boolean;
  readonly requires: string[];
  readonly required_by: string[];
  readonly description: string;
  readonly error: string | null;
  readonly started_at: string | null;
  readonly stopped_at: string | null;
  readonly unmounted_at: string | null;
}

export interface Seen {
  /** Those that this server has. */
  readonly present: ReadonlySet<BrickName>;
  readonly now: number;
  /** When this server started. */
  readonly since: number;
  /** Jobs of the server's own that failed, of each type the last one. */
  readonly failures: readonly Failure[];
}

export const isEssential = (name: BrickName): boolean => 'essential' in BRICKS[name];

/** Those of this server that cannot be without it. */
export const dependentsOf = (name: BrickName, present: ReadonlySet<BrickName>): BrickName[] =>
  brickRows.map(([other]) => other).filter((other) => present.has(other) && requiredBy(other).includes(name));

/** A brick that is there has failed where what the server does for it failed last, since it was started; calls of it go on. */
export function brickCondition(
  name: BrickName,
  row: BrickRow | undefined,
  { now, failures }: Pick<Seen, 'now' | 'failures'>,
): Pick<BrickObject, 'state' | 'error'> {
  const state = statusOf(row, now);
  const own = houseworkOf(name);
  const failure = failures.find(({ type, ended_at }) => own.includes(type) && ended_at >= (row?.started_at ?? 0));
  if (state !== 'active' || !failure) return { state, error: null };
  // What went wrong is for those to read who may read the job.
  return { state: 'failed', error: `its job ${failure.type} failed: ${failure.job_id}` };
}

export function brickObject(name: BrickName, row: BrickRow | undefined, seen: Seen): BrickObject {
  const { state, error } = brickCondition(name, row, seen);
  const timeOf = (time: number | null | undefined): string | null => (typeof time === 'number' ? isoTime(time) : null);
  return {
    name,
    state,
    status: state,
    essential: isEssential(name),
    requires: [...requiredBy(name)],
    required_by: dependentsOf(name, seen.present),
    description: BRICKS[name].about,
    error,
    started_at: ['active', 'failed'].includes(state)
      ? isoTime(Math.max(row?.started_at ?? 0, seen.since))
      : timeOf(row?.started_at),
    stopped_at: timeOf(row?.stopped_at),
    unmounted_at: state === 'unmounted' ? timeOf(row?.held_until) : null,
  };
}

/** What `/api/v2/features` calls it (files.md §12). */
export const featureName = (name: BrickName): string => (name === 'rebac' ? 'permissions' : name);
