/** Documents: roles decide, and the right to read their paths. What is not seen is not found. */
import type { Case, Cases, Input } from './cases.ts';

const ofDocument = (more: Input = {}): Case => ({
  level: 'viewer',
  without: 'NOT_FOUND',
  input: ({ made }) => ({ document_id: made.document, ...more }),
});

export const CORPUS_DOCUMENT_CASES: Cases = {
  // A file that may not be read is an outcome, and no failure, of the batch.
  'corpus.ingest': [
    { level: 'viewer', shows: '"documents_unchanged":1', input: () => ({ source_paths: ['nexus:///given/read.md'] }) },
  ],
  'corpus.ingest-status': [
    { level: 'viewer', without: 'NOT_FOUND', input: ({ made }) => ({ ingest_job_id: made.batch }) },
  ],
  'document.list': [{ level: 'viewer', shows: '"ingest_status"', input: () => ({}) }],
  'document.get': [ofDocument()],
  'document.atoms': [ofDocument({ level: 'word' })],
  'graph.query': [{ level: 'viewer', shows: 'local_cache', input: ({ made }) => ({ document_id: made.document }) }],
  'graph.check': [ofDocument()],
};
