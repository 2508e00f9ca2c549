/** What a batch is asked, and what came of its files (corpus.md §4). Pure. */
import { z } from 'zod';
import { jsonValue } from '../../../base/json-value.ts';
import { hashOf } from '../text/rules.ts';

const words = z.array(z.string());

export const parseOptions = z
  .object({
    atomize: z.boolean().default(true).describe('make atoms'),
    force: z.boolean().default(false).describe('ingest again although nothing changed'),
    atom_levels: words.nullish().describe('levels of atoms: glyph-seed, syllable, word, sentence, paragraph'),
    atom_tracks: words.nullish().describe('full, literary or glyphic_seed'),
  })
  .catchall(jsonValue);

export const batchPayload = z.object({
  source_paths: words
    .default([])
    .describe('files of the corpus folder, or of the zone as nexus:///path; none is everything in the folder'),
  modalities: words.default([]).describe('only these'),
  parse_options: parseOptions.prefault({}).describe('how: atomize, force, atom_levels, atom_tracks'),
});
export type BatchPayload = z.infer<typeof batchPayload>;

export const OUTCOMES = ['ingested', 'ingested_with_warnings', 'unchanged', 'conflict', 'skipped', 'error'] as const;
export type OutcomeStatus = (typeof OUTCOMES)[number];

/** What came of one file. */
export interface FileOutcome {
  readonly path: string;
  readonly status: OutcomeStatus;
  readonly document_id: string | null;
  /** Of a file that was read. */
  readonly checksum: string | null;
  readonly error: string | null;
  readonly warning: string | null;
  /** That were made. */
  readonly atoms: number;
}

export const outcomeOf = (path: string, status: OutcomeStatus, more: Partial<FileOutcome> = {}): FileOutcome => ({
  document_id: null,
  checksum: null,
  error: null,
  warning: null,
  atoms: 0,
  ...more,
  path,
  status,
});

export const batchResult = z.object({
  ingest_job_id: z.string(),
  documents_ingested: z.number(),
  documents_unchanged: z.number(),
  atoms_created: z.number(),
  provenance_digest: z.string(),
  ingest_scope: z.enum(['partial', 'full']),
  warnings: words,
});
export type BatchResult = z.infer<typeof batchResult>;

export type Scope = BatchResult['ingest_scope'];
export const scopeOfBatch = ({ source_paths }: Pick<BatchPayload, 'source_paths'>): Scope =>
  source_paths.length === 0 ? 'full' : 'partial';

export function resultOf(job_id: string, scope: Scope, outcomes: readonly FileOutcome[]): BatchResult {
  const checksums = outcomes.flatMap(({ checksum }) => checksum ?? []);
  const made = outcomes.filter(({ status }) => status === 'ingested' || status === 'ingested_with_warnings');
  return {
    ingest_job_id: job_id,
    documents_ingested: made.length,
    documents_unchanged: outcomes.filter(({ status }) => status === 'unchanged').length,
    atoms_created: outcomes.reduce((sum, { atoms }) => sum + atoms, 0),
    provenance_digest: checksums.length === 0 ? '' : hashOf(checksums.sort().join('\n')),
    ingest_scope: scope,
    warnings: outcomes.flatMap(({ warning }) => warning ?? []),
  };
}
