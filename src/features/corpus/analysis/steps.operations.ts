/**
 * The parts of an analysis that are transactions, for its route and for its job; no door reaches them. Guarantees: mode and
 * sight are asked when it begins and again when it is kept; a run and its layers are one commit; a job has one run, however
 * often it was tried, and an attempt that is over keeps none.
 */

import { z } from 'zod';
import { newUuid } from '../../../base/ids.ts';
import { own } from '../../../base/own-data.ts';
import type { Switches } from '../../../core/call/switches.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { isOpen } from '../../access/flags/flags.ts';
import { requireMode } from '../../access/modes.ts';
import { findJob } from '../../jobs/jobs.sql.ts';
import { checkHolds } from '../../jobs/queue.ts';
import { keepBases } from '../documents/bases.sql.ts';
import type { Analysed } from './analyse.ts';
import { layersNamed } from './layers/layers.ts';
import { toLayerRow } from './run-object.ts';
import { deleteRun, findRunOfJob, insertRun, mayUseMl, mayUseRaw, type RunRow } from './runs.sql.ts';
import { getTarget, type Target, type TargetNames } from './targets.ts';

const STEP = { who: { role: 'operator' }, internal: true, faults: [] } as const;

/** The attempt at a job that it is. */
interface Attempt {
  readonly job_id: string;
  readonly attempt: number;
}

export interface AnalysisAsked extends TargetNames {
  readonly layers: readonly string[];
  readonly mode: string;
  readonly plugin_profile: string | null;
}

interface Looking {
  readonly asked: AnalysisAsked;
  readonly switches: Switches;
  readonly job?: Attempt;
}

export interface Looked {
  readonly target: Target;
  readonly layers: readonly string[];
  /** Plugins of kind ML may be used. */
  readonly ml: boolean;
}

/** ACCESS_DENIED, then NOT_FOUND, then CONFLICT or BAD_REQUEST. */
async function look(call: Call, { asked, switches, job }: Looking): Promise<Omit<Looked, 'ml'>> {
  const { tx, caller, zone } = call;
  const isKept = job !== undefined && asked.mode === 'RAW';
  const rawOpen = isKept && (await mayUseRaw(tx, zone.zone_id, job.job_id));
  await requireMode(tx, asked.mode, { caller, switches, rawOpen });
  const target = await getTarget(call, asked);
  return { target, layers: layersNamed(asked.layers) };
}

export const lookForAnalysis: Operation<Looking, Looked> = {
  ...STEP,
  name: 'analysis.look',
  summary: 'Find what is to be analysed, for a caller who may.',
  effect: 'read',
  input: own<Looking>(),
  output: own<Looked>(),
  run: async (call, looking) => {
    const { switches, job } = looking;
    const looked = await look(call, looking);
    const ml = job
      ? switches.ml_plugins && (await mayUseMl(call.tx, call.zone.zone_id, job.job_id))
      : await isOpen(call.tx, 'ml_plugins', { caller: call.caller, switches });
    return { ...looked, ml };
  },
};

export interface Made {
  readonly asked: AnalysisAsked;
  readonly target: Target;
  readonly analysed: Analysed;
  readonly execution_mode: string;
  readonly job_id?: string;
  readonly shadow_job_id?: string | undefined;
}

/** Keeps a run; the same job's one before is replaced. */
export async function keepRun(call: Call, made: Made): Promise<RunRow> {
  const { tx, zone, now } = call;
  const { target, asked, analysed, job_id = null } = made;
  const { zone_id } = zone;
  const before = job_id === null ? undefined : await findRunOfJob(tx, zone_id, job_id);
  if (before) await deleteRun(tx, before);
  const run: RunRow = {
    zone_id,
    run_id: before?.run_id ?? newUuid(now),
    document_id: target.document_id,
    branch_id: target.branch_id,
    mode: asked.mode,
    execution_mode: made.execution_mode,
    plugin_profile: asked.plugin_profile,
    job_id,
    shadow_job_id: made.shadow_job_id ?? null,
    modality: target.modality,
    plugin_health: JSON.stringify(analysed.health),
    created_at: now,
  };
  await insertRun(tx, run, analysed.layers.map(toLayerRow));
  const { documents } = target;
  await keepBases(tx, zone_id, { kind: 'run', thing_id: run.run_id, documents });
  if (job_id !== null) await keepBases(tx, zone_id, { kind: 'job', thing_id: job_id, documents });
  return run;
}

/** Asked again where it is kept: what was looked at is some time ago. */
export const checkStill = async (call: Call, looking: Looking): Promise<void> => {
  await look(call, looking);
};

interface Keeping extends Made {
  readonly switches: Switches;
  readonly job: Attempt;
}

export const keepRunOfJob: Operation<Keeping, { run_id: string }> = {
  ...STEP,
  name: 'analysis.keep',
  summary: 'Keep what a job has come to.',
  effect: 'write',
  input: own<Keeping>(),
  output: z.object({ run_id: z.string() }),
  object: ({ job }) => job.job_id,
  run: async (call, { switches, job, ...made }) => {
    await checkStill(call, { asked: made.asked, switches, job });
    const row = await findJob(call.tx, call.zone.zone_id, job.job_id);
    if (row) checkHolds(row, job.attempt);
    const { run_id } = await keepRun(call, { ...made, job_id: job.job_id });
    return { run_id };
  },
};
