/** Analyses: roles decide, and the right to read the path of the document. What is not seen is not found. */
import type { Case, Cases, Input } from './cases.ts';

const read = (input: (made: Readonly<Record<string, string>>) => Input): Case => ({
  level: 'viewer',
  without: 'NOT_FOUND',
  input: ({ made }) => input(made),
});

const layers = ['token'];

export const CORPUS_ANALYSIS_CASES: Cases = {
  'analysis.run': [
    read(({ document }) => ({ document_id: document, layers })),
    { ...read(({ document }) => ({ document_id: document, layers, execution_mode: 'async' })), title: 'by a job' },
  ],
  'analysis.get': [read(({ analysis }) => ({ analysis_run_id: analysis }))],
  'analysis.shadow': [read(({ analysis }) => ({ analysis_run_id: analysis }))],
  'analysis.list': [{ level: 'viewer', shows: '"plugin_profile"', input: () => ({}) }],
  'analysis.rhetoric': [
    { level: 'nothing', title: 'of a text', input: () => ({ text: 'We hope' }) },
    { ...read(({ document }) => ({ document_id: document })), title: 'of a document' },
  ],
};
