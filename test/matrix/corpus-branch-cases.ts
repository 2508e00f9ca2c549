/** Branches: roles decide, and the right to read the path of the document. What is not seen is not found. */
import type { Case, Cases, Input } from './cases.ts';

const read = (input: (made: Readonly<Record<string, string>>) => Input, title?: string): Case => ({
  ...(title === undefined ? {} : { title }),
  level: 'viewer',
  without: 'NOT_FOUND',
  input: ({ made }) => input(made),
});

const drift = { event_type: 'natural_drift' };
const ofBranch = [read(({ branch }) => ({ branch_id: branch }))];

export const CORPUS_BRANCH_CASES: Cases = {
  'branch.evolve': [
    read(({ document }) => ({ root_document_id: document, ...drift }), 'of a document'),
    read(({ branch }) => ({ parent_branch_id: branch, ...drift }), 'of a branch'),
  ],
  'branch.evolve-many': [read(({ branch }) => ({ parent_branch_id: branch, events: [drift, drift] }))],
  'branch.merge': [read(({ branch }) => ({ left_branch_id: branch, right_branch_id: branch }))],
  'branch.list': [{ level: 'viewer', shows: '"branch_version"', input: () => ({}) }],
  'branch.timeline': ofBranch,
  'branch.replay': ofBranch,
  'branch.compare': [read(({ branch }) => ({ branch_id: branch, other_branch_id: branch }))],
  'branch.graph': ofBranch,
};
