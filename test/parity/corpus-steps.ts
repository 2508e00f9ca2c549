/** The corpus through every door. */
import type { Step } from './step.ts';

const noThing = { id: '0192f0c4-0000-7000-8000-000000000001' };
const sides = { source_document_id: '{corpus_one}', target_document_id: '{corpus_two}' };

/** Two documents of a zone that has none. */
const twoDocuments: readonly Step[] = [
  { op: 'file.write', input: { path: '/corpus/one.txt', content: 'The ship sails. It sinks!' } },
  { op: 'file.write', input: { path: '/corpus/two.txt', content: 'A bird flies.\n\nIt sings: Æ 😀.' } },
  { op: 'corpus.ingest', input: { source_paths: ['nexus:///corpus/one.txt', 'nexus:///corpus/two.txt'] } },
  { op: 'document.list', input: {}, keep: { corpus_one: 'documents.0.id', corpus_two: 'documents.1.id' } },
];

const governance: readonly Step[] = [
  { op: 'governance.evaluate', input: { candidate_output: 'Nothing of that sort', mode: 'PUBLIC' } },
  { op: 'governance.evaluate', input: { candidate_output: 'I hate to 😀 kill -- time' } },
  { op: 'governance.evaluate', input: { candidate_output: 'x', mode: 'public' }, fault: 'INVALID_PARAMS' },
  { op: 'governance.evaluate', input: { candidate_output: 'x', mode: 'RAW' }, fault: 'ACCESS_DENIED' },
  { op: 'governance.list', input: { limit: 2 } },
];

const remixes: readonly Step[] = [
  {
    op: 'remix.compose',
    input: { ...sides, strategy: 'glyph_collide', seed: -7, atom_levels: ['word', 'glyph-seed'] },
    keep: { remix: 'remix_artifact_id', remix_branch: 'new_branch_id' },
  },
  { op: 'remix.compose', input: { ...sides, create_branch: false, persist_artifact: false } },
  { op: 'remix.compose', input: { ...sides, atom_levels: ['letter'] }, fault: 'BAD_REQUEST' },
  { op: 'remix.compose', input: { ...sides, strategy: 'shake' }, fault: 'INVALID_PARAMS' },
  { op: 'remix.make', input: { source_branch_id: '{remix_branch}', target_document_id: '{corpus_two}' } },
  { op: 'remix.make', input: { source_document_id: noThing.id }, fault: 'NOT_FOUND' },
  { op: 'remix.get', input: { remix_artifact_id: '{remix}' } },
  { op: 'remix.get', input: { remix_artifact_id: noThing.id }, fault: 'NOT_FOUND' },
  { op: 'remix.list', input: { limit: 5 } },
  { op: 'remix.list', input: { limit: 201 }, fault: 'INVALID_PARAMS' },
];

const seeds: readonly Step[] = [
  { op: 'seed-text.list', input: {} },
  { op: 'seed-text.fetch', input: { title: 'Nothing of that name' }, fault: 'BAD_REQUEST' },
];

export const CORPUS_STEPS: readonly Step[] = [...twoDocuments, ...governance, ...remixes, ...seeds];
