/** Branches of texts through every door, of documents that the steps of the corpus made. */
import type { Step } from './step.ts';

const noThing = '0192f0c4-0000-7000-8000-000000000001';
const drift = { event_type: 'natural_drift' };

export const BRANCH_STEPS: readonly Step[] = [
  {
    op: 'branch.evolve',
    input: { root_document_id: '{corpus_one}', ...drift, event_payload: { seed: 3, note: 'æ 😀', mode: null } },
    keep: { branch: 'new_branch_id' },
  },
  { op: 'branch.evolve', input: { event_type: 'zz', parent_branch_id: noThing }, fault: 'BAD_REQUEST' },
  { op: 'branch.evolve', input: { ...drift, parent_branch_id: noThing }, fault: 'NOT_FOUND' },
  { op: 'branch.evolve', input: { ...drift, parent_branch_id: noThing, mode: 'RAW' }, fault: 'ACCESS_DENIED' },
  { op: 'branch.evolve', input: { ...drift, mode: 'raw' }, fault: 'INVALID_PARAMS' },
  {
    op: 'branch.evolve-many',
    input: {
      parent_branch_id: '{branch}',
      events: [
        { event_type: 'phase_shift', event_payload: { phase: 'Compression', seed: 9 } },
        { event_type: 'remix', event_payload: { remixed_text: 'A ship, and another' } },
      ],
    },
    keep: { branch_end: 'final_branch_id' },
  },
  { op: 'branch.evolve-many', input: { parent_branch_id: '{branch}', events: [] }, fault: 'BAD_REQUEST' },
  { op: 'branch.evolve-many', input: { parent_branch_id: '{branch}', events: [{}] }, fault: 'BAD_REQUEST' },
  {
    op: 'branch.merge',
    input: { left_branch_id: '{branch}', right_branch_id: '{branch_end}', strategy: 'interleave' },
    keep: { branch_merged: 'new_branch_id' },
  },
  {
    op: 'branch.merge',
    input: { left_branch_id: '{branch}', right_branch_id: '{branch_end}', strategy: 'all' },
    fault: 'INVALID_PARAMS',
  },
  { op: 'branch.list', input: { limit: 3, offset: 1 } },
  { op: 'branch.list', input: { limit: 0 }, fault: 'INVALID_PARAMS' },
  { op: 'branch.timeline', input: { branch_id: '{branch_merged}' } },
  { op: 'branch.timeline', input: { branch_id: noThing }, fault: 'NOT_FOUND' },
  { op: 'branch.replay', input: { branch_id: '{branch_end}' } },
  { op: 'branch.replay', input: { branch_id: 'none' }, fault: 'NOT_FOUND' },
  { op: 'branch.compare', input: { branch_id: '{branch}', other_branch_id: '{branch_merged}' } },
  { op: 'branch.compare', input: { branch_id: '{branch}', other_branch_id: noThing }, fault: 'NOT_FOUND' },
  { op: 'branch.graph', input: { branch_id: '{branch_merged}' } },
  { op: 'branch.graph', input: { branch_id: noThing }, fault: 'NOT_FOUND' },
];
