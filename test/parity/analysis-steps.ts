/** Analyses through every door, of the documents that the steps of the corpus made. */
import type { Step } from './step.ts';

const nobody = '0192f0c4-0000-7000-8000-000000000001';

export const ANALYSIS_STEPS: readonly Step[] = [
  { op: 'analysis.run', input: { document_id: '{corpus_one}' }, keep: { analysis: 'analysis_run_id' } },
  { op: 'analysis.run', input: { document_id: '{corpus_one}', layers: ['token'], execution_mode: 'async' } },
  { op: 'analysis.run', input: { document_id: '{corpus_two}', layers: ['semiotic'], plugin_profile: 'ml_first' } },
  { op: 'analysis.run', input: {}, fault: 'BAD_REQUEST' },
  { op: 'analysis.run', input: { document_id: nobody }, fault: 'NOT_FOUND' },
  { op: 'analysis.run', input: { branch_id: nobody }, fault: 'NOT_FOUND' },
  { op: 'analysis.run', input: { document_id: '{corpus_one}', mode: 'RAW' }, fault: 'ACCESS_DENIED' },
  { op: 'analysis.run', input: { document_id: '{corpus_one}', layers: ['zz'] }, fault: 'BAD_REQUEST' },
  { op: 'analysis.get', input: { analysis_run_id: '{analysis}' } },
  { op: 'analysis.get', input: { analysis_run_id: nobody }, fault: 'NOT_FOUND' },
  { op: 'analysis.shadow', input: { analysis_run_id: '{analysis}' }, fault: 'NOT_FOUND' },
  { op: 'analysis.list', input: { limit: 2 } },
  { op: 'analysis.rhetoric', input: { text: 'Either we hope or we fear. 😀 Everyone knows!' } },
  { op: 'analysis.rhetoric', input: { document_id: '{corpus_two}' } },
  { op: 'analysis.rhetoric', input: { document_id: nobody }, fault: 'NOT_FOUND' },
];
