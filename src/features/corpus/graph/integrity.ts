/**
 * Whether what is stored of a document is whole (corpus.md §11). Guarantees: nothing is copied from what the document says of
 * itself; a deleted block, one changed byte of a block or blob, and a block too many are each found. It repairs nothing.
 */
import { z } from 'zod';
import type { DocumentRow } from '../documents/documents.sql.ts';
import type { Counted } from '../documents/stored.ts';

const value = z.union([z.string(), z.number(), z.null()]);
const checkShape = z.object({ name: z.string(), ok: z.boolean(), expected: value, found: value });
export type Check = z.infer<typeof checkShape>;

export const integrityShape = z.object({
  document_id: z.string(),
  document_nodes: z.number(),
  atom_nodes: z.number(),
  contains_edges: z.number(),
  expected_atom_nodes: z.number(),
  projection_status: z.enum(['complete', 'partial', 'pending']),
  neo4j_verified: z.literal(false),
  neo4j_document_nodes: z.null(),
  neo4j_atom_nodes: z.null(),
  neo4j_contains_edges: z.null(),
  consistent: z.boolean(),
  checks: z.array(checkShape),
});
export type Integrity = z.infer<typeof integrityShape>;

export const equal = (name: string, expected: Check['expected'], found: Check['found']): Check => ({
  name,
  ok: expected === found,
  expected,
  found,
});

/** In the rows of blocks. */
export const countChecks = ({ levels, stray }: Counted): Check[] => [
  ...levels.map(({ level, expected, found, ok }) => ({ name: `atom_count:${level}`, ok, expected, found })),
  equal('stray_atoms', 0, stray),
];

export const integrityOf = (row: DocumentRow, counted: Counted, checks: readonly Check[]): Integrity => ({
  document_id: row.document_id,
  document_nodes: 1,
  atom_nodes: counted.found,
  contains_edges: counted.found,
  expected_atom_nodes: counted.expected,
  projection_status: counted.status,
  // Nexus has no graph store outside.
  neo4j_verified: false,
  neo4j_document_nodes: null,
  neo4j_atom_nodes: null,
  neo4j_contains_edges: null,
  consistent: checks.every(({ ok }) => ok),
  checks: [...checks],
});
