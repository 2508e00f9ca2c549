/** branch_replay as a job (corpus.md §9): asks as its submitter when it runs. */
import type { JobType } from '../../jobs/job-types.ts';
import { standOnThing } from '../documents/job-bases.ts';
import { carryOut, type OnlyBranch, onlyBranch, planReplay, type Replay } from './replays.ts';

export const branchReplay: JobType<OnlyBranch, Replay> = {
  type: 'branch_replay',
  description: 'Computes the text of a branch from its events, and compares it with what is kept.',
  input: onlyBranch,
  role: 'operator',
  brick: 'corpus',
  queued: (call, { job_id, payload: { branch_id: thing_id } }) =>
    standOnThing(call, { job_id }, { kind: 'branch', thing_id }),
  run: async (payload, run) => {
    const { blobs, computing } = run.tools;
    return carryOut(await run.tools.act(planReplay, run, payload), { blobs, computing, signal: run.signal });
  },
  artifact: ({ branch_id, text_hash }) => ({
    type: 'branch_replay_result',
    ref: `/api/v1/branches/${branch_id}/timeline`,
    payload: JSON.stringify({ branch_id, text_hash }),
  }),
};
