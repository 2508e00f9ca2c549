/** A remix as clients see it (corpus.md §13, §14). */
import { z } from 'zod';
import { isoTime } from '../../../base/clock.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { AnswerBytes } from '../../../core/call/answer-bytes.ts';
import { MODES } from '../../../core/call/tokens.ts';
import { atomId, LEVELS, type Level } from '../documents/levels.ts';
import type { KeptText } from '../documents/texts.ts';
import type { DecisionTrace } from '../governance/evaluate.ts';
import { decisionTrace } from '../governance/governance.operations.ts';
import type { RemixRow } from './remixes.sql.ts';
import { ROLES, type SourceRole } from './sources.ts';
import { STRATEGIES } from './strategies.ts';

/** Plain JSON: an answer that is kept for a repeat of its call is read back from it. */
const byReference = z.object({ sha256: z.string(), size: z.number() });
/** A text, or under which hash the store of blobs has it. */
export const textPart = z.union([z.string(), byReference]);
export type TextPart = z.infer<typeof textPart>;

export const textPartOf = ({ sha256, size, inline }: KeptText): TextPart =>
  inline ? Buffer.from(inline).toString('utf8') : { sha256, size };

/** The answer with the text written out, or streamed from where it lies. */
export const presentText = <T extends { readonly remixed_text: TextPart }>(output: T): object => {
  const { remixed_text: text } = output;
  if (typeof text === 'string') return output;
  const { sha256, size } = text;
  return { ...output, remixed_text: new AnswerBytes({ sha256, size, inline: null }, { start: 0, end: size }, 'text') };
};

export const atomRef = z.object({
  atom_id: z.string(),
  atom_level: z.enum(LEVELS),
  ordinal: z.number(),
  role: z.enum(ROLES),
});
export type AtomRef = z.infer<typeof atomRef>;

/** Atoms that are named, of each side. */
const REFS_MAX = 1_000;

interface SideAtoms {
  readonly document_id: string | null;
  readonly level: Level | null;
  readonly atoms: number;
}

/** The first atoms of a side. */
export function refsOf(role: SourceRole, { document_id, level, atoms }: SideAtoms): AtomRef[] {
  if (document_id === null || level === null) return [];
  return Array.from({ length: Math.min(atoms, REFS_MAX) }, (_, index) => ({
    atom_id: atomId(document_id, level, index + 1),
    atom_level: level,
    ordinal: index + 1,
    role,
  }));
}

const id = z.string().nullable();

const sourceLink = z.object({
  role: z.enum(ROLES),
  document_id: id,
  branch_id: id,
  atom_level: z.enum(LEVELS).nullable(),
  atom_count: z.number(),
  atom_refs: z.array(atomRef).describe('the first thousand'),
});

const sourceIds = {
  source_document_id: id,
  source_branch_id: id,
  target_document_id: id,
  target_branch_id: id,
};

const remixItem = z.object({
  remix_artifact_id: z.string(),
  strategy: z.enum(STRATEGIES),
  seed: z.number(),
  mode: z.enum(MODES),
  text_hash: z.string(),
  create_branch: z.boolean(),
  branch_id: id,
  governance_decision_id: z.string(),
  source_document_id: id,
  target_document_id: id,
  created_at: z.string(),
});

export const remixObject = remixItem.extend({
  remixed_text: textPart,
  payload_hash: z.string(),
  rng_seed_hex: z.string(),
  ...sourceIds,
  branch_event_id: id,
  governance_trace: decisionTrace,
  lineage_graph_refs: z.object({
    nodes: z.array(z.string()),
    edges: z.array(z.object({ from: z.string(), to: z.string(), type: z.literal('PRODUCED') })),
  }),
  source_links: z.array(sourceLink),
});
export type RemixObject = z.infer<typeof remixObject>;

export const remixList = z.object({
  remixes: z.array(remixItem),
  total: z.number(),
  offset: z.number(),
  limit: z.number(),
});
export type RemixList = z.infer<typeof remixList>;

export const toRemixItem = (row: RemixRow): RemixList['remixes'][number] => ({
  remix_artifact_id: row.remix_id,
  strategy: row.strategy,
  seed: row.seed,
  mode: row.mode,
  text_hash: row.text_hash,
  create_branch: row.branch_id !== null,
  branch_id: row.branch_id,
  governance_decision_id: row.governance_decision_id,
  source_document_id: row.source_document_id,
  target_document_id: row.target_document_id,
  created_at: isoTime(row.created_at),
});

/** What it came from, and what was made of it. */
function lineageOf(row: RemixRow): RemixObject['lineage_graph_refs'] {
  const { remix_id, branch_id } = row;
  const named = [
    ['source_document_id', row.source_document_id],
    ['target_document_id', row.target_document_id],
    ['source_branch_id', row.source_branch_id],
    ['target_branch_id', row.target_branch_id],
    ['branch', branch_id],
    ['branch_event', row.branch_event_id],
  ] as const;
  const from = `remix:${remix_id}`;
  return {
    nodes: [from, ...named.flatMap(([kind, one]) => (one === null ? [] : [`${kind}:${one}`]))],
    edges: branch_id === null ? [] : [{ from, to: `branch:${branch_id}`, type: 'PRODUCED' }],
  };
}

function linkOf(row: RemixRow, role: SourceRole): z.infer<typeof sourceLink> {
  const isSource = role === 'source';
  const document_id = isSource ? row.source_document_id : row.target_document_id;
  const level = isSource ? row.source_level : row.target_level;
  const atoms = isSource ? row.source_atoms : row.target_atoms;
  return {
    role,
    document_id,
    branch_id: isSource ? row.source_branch_id : row.target_branch_id,
    atom_level: level,
    atom_count: atoms,
    atom_refs: refsOf(role, { document_id, level, atoms }),
  };
}

export function toRemix(row: RemixRow, kept: KeptText): RemixObject {
  const { source_branch_id, target_branch_id, payload_hash, rng_seed_hex, branch_event_id } = row;
  return {
    ...toRemixItem(row),
    remixed_text: textPartOf(kept),
    payload_hash,
    rng_seed_hex,
    source_branch_id,
    target_branch_id,
    branch_event_id,
    governance_trace: traceOf(row),
    lineage_graph_refs: lineageOf(row),
    source_links: ROLES.map((role) => linkOf(row, role)),
  };
}

function traceOf({ governance_trace }: RemixRow): RemixObject['governance_trace'] {
  const { hits, ...trace } = parseJson<DecisionTrace>(governance_trace);
  return { ...trace, hits: [...hits] };
}
