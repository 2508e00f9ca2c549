/**
 * The graph of documents and atoms (corpus.md §7). Guarantees: it is a view of stored rows, so it is the same on every node and
 * after every restart, whoever ingested; what may not be seen is as what is not there.
 */
import { z } from 'zod';
import { plainText } from '../../../base/texts.ts';
import { type Call, type Operation, ofBrick } from '../../../core/operation.ts';
import { type StoredAtoms, viewAtoms } from '../documents/atoms.operations.ts';
import { listBlocks } from '../documents/blocks.sql.ts';
import { shownPath } from '../documents/document-object.ts';
import { documentId, VIEWER } from '../documents/documents.operations.ts';
import type { DocumentRow } from '../documents/documents.sql.ts';
import { atomNode, documentNode, LEVELS, type Level, levelsOf, placeOfLevel } from '../documents/levels.ts';
import { findSeen } from '../documents/sight.ts';
import { findKept, readKept } from '../documents/texts.ts';
import type { AtomView } from '../text/atoms.ts';

const CONTAINS = 'CONTAINS';
const LIMIT_MAX = 1000;

const queryInput = z.object({
  node_id: plainText.optional().describe('doc:<id> or atom:<id>'),
  document_id: documentId.optional().describe('the same as node_id doc:<id>'),
  relationship_type: plainText.optional().describe('only edges of this type'),
  limit: z.int().min(1).max(LIMIT_MAX).default(100).describe('edges at most'),
});
type QueryInput = z.infer<typeof queryInput>;

const documentNodeShape = z.object({
  id: z.string(),
  label: z.literal('Document'),
  path: z.string(),
  modality: z.string(),
  checksum: z.string(),
});
const atomNodeShape = z.object({
  id: z.string(),
  label: z.literal('Atom'),
  atom_id: z.string(),
  document_id: z.string(),
  atom_level: z.enum(LEVELS),
  ordinal: z.number(),
  content: z.string(),
  filename: z.string(),
});
type AtomNode = z.infer<typeof atomNodeShape>;
const edgeShape = z.object({
  type: z.literal(CONTAINS),
  from: z.string(),
  to: z.string(),
  metadata: z.object({ atom_level: z.enum(LEVELS) }),
});
type Edge = z.infer<typeof edgeShape>;

const queryOutput = z.object({
  source: z.enum(['local_cache', 'empty']),
  nodes: z.array(z.union([documentNodeShape, atomNodeShape])),
  edges: z.array(edgeShape),
  count: z.object({ nodes: z.number(), edges: z.number() }),
});
export type GraphAnswer = z.infer<typeof queryOutput>;

/** What was found: a document with some of its atoms, or one atom. */
interface Found {
  readonly row: DocumentRow;
  readonly of: 'document' | 'atom';
  readonly wantsEdges: boolean;
  readonly stored: readonly StoredAtoms[];
}

const query: Operation<QueryInput, GraphAnswer, QueryInput, Found | undefined> = {
  name: 'graph.query',
  summary: 'Show a node of the graph with its edges and their other ends.',
  effect: 'read',
  // As the list of atoms.
  heavy: true,
  who: VIEWER,
  input: queryInput,
  output: queryOutput,
  faults: [],
  http: { method: 'GET', path: '/api/v1/hypergraph/query', tolerant: true },
  cli: { words: 'graph query', args: ['node_id'] },
  examples: [{ title: 'no node', input: {} }],
  run: (call, input) => find(call, input),
  finish: async (found, { blobs }) => {
    if (!found) return answerOf([], []);
    const views: [Level, AtomView][] = [];
    for (const stored of found.stored) {
      for (const view of await viewAtoms(stored, (kept, range) => readKept(blobs, kept, range))) {
        views.push([stored.level, view]);
      }
    }
    const own = documentOf(found.row);
    const atoms = views.map(([level, view]) => atomOf(found.row, level, view));
    const edges = atoms.map(({ id, atom_level }): Edge => edgeOf(own.id, id, atom_level));
    if (found.of === 'document') return answerOf([own, ...atoms], edges);
    return found.wantsEdges ? answerOf([...atoms, own], edges) : answerOf(atoms, []);
  },
};

const answerOf = (nodes: GraphAnswer['nodes'], edges: Edge[]): GraphAnswer => ({
  source: nodes.length === 0 ? 'empty' : 'local_cache',
  nodes,
  edges,
  count: { nodes: nodes.length, edges: edges.length },
});

const documentOf = (row: DocumentRow) => ({
  id: documentNode(row.document_id),
  label: 'Document' as const,
  path: shownPath(row),
  modality: row.modality,
  checksum: row.checksum,
});

const atomOf = (row: DocumentRow, atom_level: Level, { id, ordinal, content, metadata }: AtomView): AtomNode => ({
  id: atomNode(id),
  label: 'Atom',
  atom_id: id,
  document_id: row.document_id,
  atom_level,
  ordinal,
  content,
  filename: metadata.filename,
});

const edgeOf = (from: string, to: string, atom_level: Level): Edge => ({
  type: CONTAINS,
  from,
  to,
  metadata: { atom_level },
});

async function find(
  call: Call,
  { node_id, document_id, relationship_type, limit }: QueryInput,
): Promise<Found | undefined> {
  const node = node_id || (document_id ? documentNode(document_id) : '');
  const wantsEdges = !relationship_type || relationship_type.toUpperCase() === CONTAINS;
  if (node.startsWith('doc:')) {
    const row = await findSeen(call, node.slice('doc:'.length));
    return row && { row, of: 'document', wantsEdges, stored: wantsEdges ? await firstAtoms(call, row, limit) : [] };
  }
  return node.startsWith('atom:') ? findAtom(call, node.slice('atom:'.length), wantsEdges) : undefined;
}

/** By level and ordinal. */
async function firstAtoms(call: Call, row: DocumentRow, limit: number): Promise<StoredAtoms[]> {
  const all: StoredAtoms[] = [];
  let left = limit;
  for (const { level, atoms } of levelsOf(row)) {
    if (left === 0) break;
    const some = Math.min(left, atoms);
    if (some > 0) all.push(await stored(call, row, { level, from: 1, to: 1 + some }));
    left -= some;
  }
  return all;
}

/** An atom is shown with the document that contains it; without edges by itself. */
async function findAtom(call: Call, atom_id: string, wantsEdges: boolean): Promise<Found | undefined> {
  const [document_id = '', name = '', ordinal = ''] = atom_id.split('.');
  const level = LEVELS.find((known) => known === name);
  const row = level && /^[1-9]\d{0,15}$/.test(ordinal) ? await findSeen(call, document_id) : undefined;
  if (!row || !level) return undefined;
  const from = Number(ordinal);
  const one = await stored(call, row, { level, from, to: from + 1 });
  return one.blocks.length > 0 ? { row, of: 'atom', wantsEdges, stored: [one] } : undefined;
}

async function stored(
  call: Call,
  row: DocumentRow,
  at: Pick<StoredAtoms, 'level' | 'from' | 'to'>,
): Promise<StoredAtoms> {
  const blocks = await listBlocks(call.tx, row, { ...at, level: placeOfLevel(at.level) });
  return { row, ...at, blocks, kept: row.text_hash === null ? undefined : await findKept(call.tx, row.text_hash) };
}

export const graphOperations = ofBrick('corpus', [query]);
