/** The events of a branch and of what was merged into it as nodes and edges (corpus.md §9). Pure. */
import { z } from 'zod';
import { isoTime } from '../../../base/clock.ts';
import { jsonObject } from '../../../base/json-object.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { EVENT_INDEX } from './event-hash.ts';
import type { Payload } from './events/event.ts';
import type { EventRow } from './lineages.sql.ts';
import { largeText, payloadOf, presentPayload, type ShownPayload } from './payloads.ts';

const ROLES = ['primary', 'secondary_merge_parent'] as const;

const nodeBody = z.object({
  id: z.string(),
  kind: z.literal('event'),
  branch_id: z.string(),
  lineage_role: z.enum(ROLES),
  parent_branch_id: z.string().nullable(),
  root_document_id: z.string().nullable(),
  event_index: z.number(),
  event_type: z.string(),
  phase: z.string().nullable(),
  mode: z.string(),
  created_at: z.string(),
  metadata: z.object({ diff_summary: jsonObject, event_payload: jsonObject }),
});
const nodeOutput = nodeBody.extend({ large_text: largeText });
type Node = z.infer<typeof nodeOutput>;

const edgeShape = z.object({
  id: z.string(),
  source: z.string(),
  target: z.string(),
  type: z.enum(['parent_branch', 'merge_secondary_parent', 'intra_branch_sequence']),
  metadata: jsonObject,
});
type Edge = z.infer<typeof edgeShape>;

export const graphBody = z.object({
  branch_id: z.string(),
  root_document_id: z.string().nullable(),
  nodes: z.array(nodeBody),
  edges: z.array(edgeShape),
  summary: z.object({
    event_count: z.number(),
    edge_count: z.number(),
    lineage_depth: z.number(),
    secondary_lineage_branch_count: z.number(),
    merge_secondary_edge_count: z.number(),
  }),
});
export type BranchGraph = z.infer<typeof graphBody>;
export const graphOutput = graphBody.extend({ nodes: z.array(nodeOutput) });
export type GraphOutput = z.infer<typeof graphOutput>;

export const presentGraph = ({ nodes, ...rest }: GraphOutput): object => ({
  ...rest,
  nodes: nodes.map(({ large_text, metadata, ...node }) => ({
    ...node,
    metadata: { ...metadata, event_payload: presentPayload(metadata.event_payload, large_text) },
  })),
});

interface Graphed {
  readonly branch_id: string;
  readonly root_document_id: string | null;
}

const nodeOf = (row: EventRow, lineage_role: Node['lineage_role'], shown: ShownPayload): Node => ({
  id: row.event_id,
  kind: 'event',
  branch_id: row.branch_id,
  lineage_role,
  parent_branch_id: row.parent_branch_id,
  root_document_id: row.root_document_id,
  event_index: EVENT_INDEX,
  event_type: row.event_type,
  phase: row.phase,
  mode: row.mode,
  created_at: isoTime(row.created_at),
  metadata: {
    diff_summary: parseJson(row.diff_summary) as Record<string, unknown>,
    event_payload: shown.event_payload,
  },
  large_text: shown.large_text,
});

const parentEdge = (parent: string, event: string): Edge => ({
  id: `${parent}->${event}:parent`,
  source: parent,
  target: event,
  type: 'parent_branch',
  metadata: { relationship: 'primary_parent' },
});

const mergeEdge = (right: string, event: string, { strategy, lca_branch_id, right_branch_id }: Payload): Edge => ({
  id: `${right}->${event}:merge-secondary`,
  source: right,
  target: event,
  type: 'merge_secondary_parent',
  metadata: { strategy, lca_branch_id: lca_branch_id ?? null, right_branch_id },
});

/** `rows`: the branch, whatever was its parent or merged into it, and so on, by time. */
export function graphOf({ branch_id, root_document_id }: Graphed, rows: readonly EventRow[]): GraphOutput {
  const byBranch = new Map(rows.map((row) => [row.branch_id, row]));
  const lineage: EventRow[] = [];
  for (let at = byBranch.get(branch_id); at; at = byBranch.get(at.parent_branch_id ?? '')) lineage.push(at);
  lineage.reverse();
  const primary = new Set(lineage.map((row) => row.branch_id));
  const secondary = rows.filter((row) => !primary.has(row.branch_id));
  const nodes: Node[] = [];
  const edges: Edge[] = [];
  let merges = 0;
  for (const row of [...lineage, ...secondary]) {
    const shown = payloadOf(row);
    nodes.push(nodeOf(row, primary.has(row.branch_id) ? 'primary' : 'secondary_merge_parent', shown));
    const parent = byBranch.get(row.parent_branch_id ?? '');
    if (parent) edges.push(parentEdge(parent.event_id, row.event_id));
    const right = byBranch.get(row.right_branch_id ?? '');
    if (!right) continue;
    merges++;
    edges.push(mergeEdge(right.event_id, row.event_id, shown.event_payload));
  }
  const summary = {
    event_count: nodes.length,
    edge_count: edges.length,
    lineage_depth: lineage.length,
    secondary_lineage_branch_count: secondary.length,
    merge_secondary_edge_count: merges,
  };
  return { branch_id, root_document_id, nodes, edges, summary };
}
