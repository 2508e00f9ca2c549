/**
 * Atoms of documents (corpus.md §6, §14): contents, names and glyphs are computed of the stored blocks and the text. Guarantees:
 * a page reads the blocks that it lies in and the bytes of the text that they cover, and nothing else.
 */

import { z } from 'zod';
import { pageParams } from '../../../base/page-params.ts';
import { type Operation, ofBrick } from '../../../core/operation.ts';
import { type AtomView, atomView } from '../text/atoms.ts';
import { loadNames } from '../text/glyphs.ts';
import { contentOf, placedAtoms } from '../text/split.ts';
import { stemToken } from '../text/tokens.ts';
import { type BlockRow, listBlocks } from './blocks.sql.ts';
import { onlyDocument, VIEWER } from './documents.operations.ts';
import type { DocumentRow } from './documents.sql.ts';
import { LEVELS, type Level, levelsOf, placeOfLevel } from './levels.ts';
import { getDocument } from './sight.ts';
import { findKept, type KeptText, readKept } from './texts.ts';

const atomsInput = onlyDocument.extend({
  level: z.enum(LEVELS).describe('which atoms'),
  ...pageParams(),
});
type AtomsInput = z.infer<typeof atomsInput>;

const words = z.array(z.string()).readonly();
const atomShape = z.object({
  id: z.string(),
  ordinal: z.number(),
  content: z.string(),
  content_truncated: z.literal(true).optional(),
  metadata: z.object({
    length: z.number(),
    normalized_token: z.string(),
    duplicate_index: z.number(),
    filename: z.string(),
    filename_schema_version: z.string(),
  }),
  glyph: z
    .object({
      character: z.string(),
      unicode_name: z.string(),
      position: z.number(),
      phoneme_hint: z.string().nullable(),
      historic_forms: words,
      visual_mutations: words,
      thematic_tags: words,
      future_seeds: words,
    })
    .optional(),
});
const atomsOutput = z.object({
  document_id: z.string(),
  level: z.enum(LEVELS),
  total: z.number(),
  atoms: z.array(atomShape),
});
export type AtomPage = z.infer<typeof atomsOutput>;

/** Ordinals [from, to) of one level, as they are stored. */
export interface StoredAtoms {
  readonly row: DocumentRow;
  readonly level: Level;
  readonly from: number;
  readonly to: number;
  readonly blocks: readonly BlockRow[];
  readonly kept: KeptText | undefined;
}

const atoms: Operation<AtomsInput, AtomPage, AtomsInput, StoredAtoms> = {
  name: 'document.atoms',
  tool: 'list_document_atoms',
  summary: 'List the atoms of a document on one level, in order of the text.',
  effect: 'read',
  // The names of characters take their time to load.
  heavy: true,
  who: VIEWER,
  input: atomsInput,
  output: atomsOutput,
  faults: ['NOT_FOUND'],
  http: { method: 'GET', path: '/api/v1/documents/:document_id/atoms', tolerant: true },
  cli: { words: 'document atoms', args: ['document_id', 'level'] },
  run: async (call, { document_id, level, limit, offset }) => {
    const row = await getDocument(call, document_id);
    const page = { level: placeOfLevel(level), from: offset + 1, to: offset + 1 + limit };
    return {
      row,
      level,
      from: page.from,
      to: page.to,
      blocks: await listBlocks(call.tx, row, page),
      kept: row.text_hash === null ? undefined : await findKept(call.tx, row.text_hash),
    };
  },
  finish: async (found, { blobs }) => ({
    document_id: found.row.document_id,
    level: found.level,
    total: levelsOf(found.row).find(({ level }) => level === found.level)?.atoms ?? 0,
    atoms: await viewAtoms(found, (kept, range) => readKept(blobs, kept, range)),
  }),
};

type ReadRange = (kept: KeptText, range: { readonly start: number; readonly end: number }) => Promise<Uint8Array>;

/** What is told of them. */
export async function viewAtoms(
  { row, level, from, to, blocks, kept }: StoredAtoms,
  read: ReadRange,
): Promise<AtomView[]> {
  const placed = placedAtoms(blocks, { from, to });
  const start = placed[0]?.start ?? 0;
  const bytes = kept ? await read(kept, { start, end: placed.at(-1)?.end ?? start }) : new Uint8Array();
  const of = {
    document_id: row.document_id,
    level,
    stem: stemToken(row.title),
    nameOf: level === 'glyph-seed' ? await loadNames() : () => '',
  };
  return placed.map((atom) => atomView(of, { ...atom, content: contentOf(atom, bytes, start) }));
}

export const atomOperations = ofBrick('corpus', [atoms]);
