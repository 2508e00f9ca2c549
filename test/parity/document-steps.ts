/** Documents that were ingested, through every door. */
import type { Step } from './step.ts';

const noThing = '0192f0c4-0000-7000-8000-000000000001';

export const DOCUMENT_STEPS: readonly Step[] = [
  {
    op: 'corpus.ingest',
    input: { source_paths: ['nexus:///corpus/'], modalities: ['text'] },
    keep: { batch: 'ingest_job_id' },
  },
  { op: 'corpus.ingest', input: { source_paths: ['nexus:///none.md'], parse_options: { atom_levels: ['word'] } } },
  { op: 'corpus.ingest', input: { source_paths: ['nexus:///zone/z/a.md'] }, fault: 'BAD_REQUEST' },
  { op: 'corpus.ingest', input: { atom_tracks: ['zz'] }, fault: 'BAD_REQUEST' },
  { op: 'corpus.ingest-status', input: { ingest_job_id: '{batch}' } },
  { op: 'corpus.ingest-status', input: { ingest_job_id: noThing }, fault: 'NOT_FOUND' },
  { op: 'document.list', input: { limit: 1, offset: 1 } },
  { op: 'document.get', input: { document_id: '{corpus_two}' } },
  { op: 'document.get', input: { document_id: noThing }, fault: 'NOT_FOUND' },
  { op: 'document.atoms', input: { document_id: '{corpus_two}', level: 'glyph-seed', offset: 20 } },
  { op: 'document.atoms', input: { document_id: '{corpus_two}', level: 'sentence', limit: 1 } },
  { op: 'document.atoms', input: { document_id: '{corpus_two}', level: 'letter' }, fault: 'INVALID_PARAMS' },
  { op: 'graph.query', input: { document_id: '{corpus_one}', limit: 30 } },
  { op: 'graph.query', input: { node_id: 'atom:{corpus_one}.word.2' } },
  { op: 'graph.query', input: { node_id: 'doc:none' } },
  { op: 'graph.check', input: { document_id: '{corpus_one}' } },
  { op: 'graph.check', input: { document_id: noThing }, fault: 'NOT_FOUND' },
];
