/** Analyses that were made: get, list, and compare with the one in the shadow. What the caller does not see is not there. */

import { z } from 'zod';
import { Fault } from '../../../base/faults.ts';
import { isUuid } from '../../../base/ids.ts';
import { pageParams } from '../../../base/page-params.ts';
import { idText } from '../../../base/texts.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { JOB_WORDS, type JobWord, jobWord } from '../../jobs/job-object.ts';
import { findJob } from '../../jobs/jobs.sql.ts';
import { seenThings, seesThing } from '../documents/sight.ts';
import { ofLayerRow, type RunObject, runObject, runSummary, toRun, toSummary } from './run-object.ts';
import { findRun, findRunOfJob, listLayers, listRuns, type RunRow } from './runs.sql.ts';
import { compareRuns, comparisonObject } from './shadow.ts';

const ROOT = '/api/v1/analysis/runs';
const VIEWER = { role: 'viewer' } as const;

const idInput = z.object({ analysis_run_id: idText.describe('id of the analysis') });
type IdInput = z.infer<typeof idInput>;

const shortOf = (id: string): string => id.slice(0, 64);

/** The same for an unknown id and for one that is not seen. */
async function getRun(call: Call, id: string): Promise<RunRow> {
  const key = { zone_id: call.zone.zone_id, run_id: id.toLowerCase() };
  const run = isUuid(id) ? await findRun(call.tx, key) : undefined;
  if (run && (await seesThing(call, 'run', run.run_id))) return run;
  throw new Fault('NOT_FOUND', `Analysis run ${shortOf(id)} not found`);
}

const shown = async ({ tx }: Call, run: RunRow): Promise<RunObject> =>
  toRun(run, (await listLayers(tx, run)).map(ofLayerRow));

export const getAnalysis: Operation<IdInput, RunObject> = {
  name: 'analysis.get',
  summary: 'Show an analysis with the output of each layer.',
  effect: 'read',
  who: VIEWER,
  input: idInput,
  output: runObject,
  faults: ['NOT_FOUND'],
  http: { method: 'GET', path: `${ROOT}/:analysis_run_id`, tolerant: true },
  cli: { words: 'analysis get', args: ['analysis_run_id'] },
  run: async (call, { analysis_run_id }) => shown(call, await getRun(call, analysis_run_id)),
};

const listInput = z.object({
  ...pageParams(),
});
const listOutput = z.object({ runs: z.array(runSummary) });

export const listAnalyses: Operation<z.infer<typeof listInput>, z.infer<typeof listOutput>> = {
  name: 'analysis.list',
  summary: 'List analyses, newest first.',
  effect: 'read',
  who: VIEWER,
  input: listInput,
  output: listOutput,
  faults: [],
  http: { method: 'GET', path: ROOT, tolerant: true },
  cli: { words: 'analysis list' },
  run: async (call, page) => {
    const where = await seenThings(call, 'run', 'corpus_runs.run_id');
    return { runs: (await listRuns(call.tx, call.zone.zone_id, { where, page })).map(toSummary) };
  },
};

const shadowOutput = z.object({
  analysis_run_id: z.string(),
  shadow_job_id: z.string(),
  shadow_status: z.enum(JOB_WORDS).nullable().describe('null: the job is kept no longer, and made nothing'),
  primary: runObject,
  shadow: runObject.nullable(),
  comparison: comparisonObject.nullable(),
});
export type ShadowOutput = z.infer<typeof shadowOutput>;

/** Of a job that is kept no longer, what it made tells. */
async function statusOf({ tx, zone }: Call, job_id: string, made: RunRow | undefined): Promise<JobWord | null> {
  const job = await findJob(tx, zone.zone_id, job_id);
  if (job) return jobWord(job.status);
  return made ? 'succeeded' : null;
}

export const getShadow: Operation<IdInput, ShadowOutput> = {
  name: 'analysis.shadow',
  tool: 'get_shadow_analysis',
  summary: 'Compare an analysis with the one that ran in its shadow.',
  effect: 'read',
  who: VIEWER,
  input: idInput,
  output: shadowOutput,
  faults: ['NOT_FOUND'],
  http: { method: 'GET', path: `${ROOT}/:analysis_run_id/shadow`, tolerant: true },
  cli: { words: 'analysis shadow', args: ['analysis_run_id'] },
  run: async (call, { analysis_run_id }) => {
    const run = await getRun(call, analysis_run_id);
    const { shadow_job_id } = run;
    if (shadow_job_id === null) throw new Fault('NOT_FOUND', `Analysis run ${shortOf(analysis_run_id)} has no shadow`);
    const made = await findRunOfJob(call.tx, run.zone_id, shadow_job_id);
    const shadow_status = await statusOf(call, shadow_job_id, made);
    const primary = await shown(call, run);
    const shadow = made && shadow_status === 'succeeded' ? await shown(call, made) : null;
    const comparison = shadow && compareRuns(primary, shadow);
    return { analysis_run_id: run.run_id, shadow_job_id, shadow_status, primary, shadow, comparison };
  },
};
