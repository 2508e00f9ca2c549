/** What is analysed (corpus.md §8): a document, or the text of a branch. */
import { z } from 'zod';
import { Fault } from '../../../base/faults.ts';
import { parseJson } from '../../../base/parse-json.ts';
import type { Call } from '../../../core/operation.ts';
import { baseOfBranch } from '../branches/bases.ts';
import { hypergraphOf } from '../documents/document-object.ts';
import { getDocument } from '../documents/sight.ts';
import { findKept, type KeptText } from '../documents/texts.ts';
import type { Modality } from '../plugins/plugin.ts';
import { NO_HINTS, type PdfHints } from './layers/reading.ts';

export type HypergraphIds = Readonly<Record<string, z.core.util.JSONType>>;

/** Plain data: it crosses threads. */
export interface Target {
  readonly document_id: string | null;
  readonly branch_id: string | null;
  readonly modality: Modality;
  /** Null: there is none, which is as an empty one. */
  readonly text: KeptText | null;
  readonly hints: PdfHints;
  readonly hypergraph_ids: HypergraphIds;
  /** Documents that it stands on. */
  readonly documents: readonly string[];
}

export interface TargetNames {
  readonly document_id?: string | null | undefined;
  readonly branch_id?: string | null | undefined;
}

type Looking = Pick<Call, 'access' | 'tx' | 'zone'>;

const held = z.object({
  page_count: z.number().nullable().catch(null),
  heading_candidates: z.array(z.string()).catch([]),
  citation_markers: z.array(z.string()).catch([]),
});

async function documentTarget(call: Looking, document_id: string): Promise<Target> {
  const row = await getDocument(call, document_id);
  if (row.status === 'conflict') {
    throw new Fault('CONFLICT', 'Document is conflicted or non-ingestable; analysis is blocked');
  }
  return {
    document_id: row.document_id,
    branch_id: null,
    modality: row.modality,
    text: row.text_hash === null ? null : ((await findKept(call.tx, row.text_hash)) ?? null),
    hints: held.parse(parseJson(row.segments)),
    hypergraph_ids: { ...hypergraphOf(row) },
    documents: [row.document_id],
  };
}

async function branchTarget(call: Looking, asked: string): Promise<Target> {
  const { parent, text, documents } = await baseOfBranch(call, asked);
  const branch_id = parent?.branch_id ?? asked;
  const of = { document_id: null, branch_id, modality: 'text', hints: NO_HINTS } as const;
  return { ...of, text, hypergraph_ids: { branch_id }, documents };
}

/** BAD_REQUEST where nothing is named, NOT_FOUND, or CONFLICT. A document wins. */
export function getTarget(call: Looking, { document_id, branch_id }: TargetNames): Promise<Target> {
  if (document_id) return documentTarget(call, document_id);
  if (branch_id) return branchTarget(call, branch_id);
  throw new Fault('BAD_REQUEST', 'Either document_id or branch_id must be provided');
}
