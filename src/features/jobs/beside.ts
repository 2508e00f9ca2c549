/**
 * What features to the right keep beside jobs, and hide them by (infrastructure.md §7, "Seeing"). Guarantees: what is kept
 * beside a job is committed with it; a job that stands on what a viewer may not see is neither found, listed nor counted for
 * him, unless it is his own or he is an admin of the zone.
 */
import { parseJson } from '../../base/parse-json.ts';
import type { Switches } from '../../core/call/switches.ts';
import type { Call } from '../../core/operation.ts';
import { NEXUS } from './job.ts';
import type { AnyJobType } from './job-types.ts';
import type { Condition } from './tasks.sql.ts';

/** What jobs stand on, as the features know it whose types say so. */
export interface JobBases {
  /** Of rows of `jobs`: those that stand on nothing hidden. Begins with AND; empty where nothing is. */
  seen(call: Call): Promise<Condition>;
  sees(call: Call, job_id: string): Promise<boolean>;
}

/** The type of a job, where it is one that runs inside Nexus. */
export const kindOf = (
  types: readonly AnyJobType[],
  { executor, type }: { readonly executor: string; readonly type: string },
): AnyJobType | undefined => (executor === NEXUS ? types.find((known) => known.type === type) : undefined);

export interface Beside {
  readonly kind?: AnyJobType | undefined;
  /** JSON. */
  readonly payload: string;
  /** Whose job it is, where that is not the caller. */
  readonly by?: unknown;
  readonly switches?: Switches | undefined;
}

/** Has the type of a job keep what it wants beside it. Of a payload that is none of its own there is nothing to keep. */
export async function keepBeside(call: Call, job_id: string, { kind, payload, by, switches }: Beside): Promise<void> {
  if (!kind?.queued) return;
  const parsed = kind.input.safeParse(parseJson(payload));
  if (!parsed.success) return;
  const asker = by === undefined && switches ? { caller: call.caller, switches } : undefined;
  await kind.queued(call, { job_id, payload: parsed.data, asker });
}
