/**
 * Links between documents of one batch (corpus.md §7): texts and what is seen or heard beside them, by the same stem. Guarantees:
 * doing it again gives the same links; earlier ones stay where the batch has only one side.
 */
import { z } from 'zod';
import type { Operation } from '../../../core/operation.ts';
import { type DocumentRow, findDocuments, saveLinks } from '../documents/documents.sql.ts';
import type { Modality } from '../plugins/plugin.ts';
import { titleStem } from './titles.ts';

/** Characters of a text that a link is about. */
const ANCHOR_CHARACTERS = 120;

const isRead = ({ modality }: DocumentRow): boolean => modality === 'text' || modality === 'pdf';
const isShown = ({ modality }: DocumentRow): boolean => modality === 'image' || modality === 'audio';

const textAnchor = ({ text_chars }: DocumentRow) => ({ start: 0, end: Math.min(ANCHOR_CHARACTERS, text_chars) });
const REGION: Partial<Record<Modality, string>> = { image: 'full', audio: '0.0-1.0' };

const toShown = (from: DocumentRow, to: DocumentRow) => ({
  target_document_id: to.document_id,
  target_modality: to.modality,
  text_anchor: textAnchor(from),
  target_anchor: { region: REGION[to.modality] },
});

const toRead = (to: DocumentRow) => ({
  target_document_id: to.document_id,
  target_modality: to.modality,
  target_anchor: textAnchor(to),
});

/** JSON of the links of each document that has any. */
export function linksOf(rows: readonly DocumentRow[]): [DocumentRow, string][] {
  const groups = Map.groupBy(rows, ({ title }) => titleStem(title).toLowerCase());
  return [...groups.values()].flatMap((group) => {
    const read = group.filter(isRead);
    const shown = group.filter(isShown);
    if (read.length === 0 || shown.length === 0) return [];
    return [
      ...read.map((row): [DocumentRow, string] => [row, JSON.stringify(shown.map((other) => toShown(row, other)))]),
      ...shown.map((row): [DocumentRow, string] => [row, JSON.stringify(read.map(toRead))]),
    ];
  });
}

const linking = z.object({ document_ids: z.array(z.string()) });

export const linkDocuments: Operation<z.infer<typeof linking>, null> = {
  name: 'corpus.link-documents',
  summary: 'Link documents of one batch.',
  effect: 'write',
  who: 'root admin',
  internal: true,
  faults: [],
  input: linking,
  output: z.null(),
  run: async ({ tx, zone }, { document_ids }) => {
    const rows = await findDocuments(tx, zone.zone_id, document_ids);
    for (const [row, links] of linksOf(rows)) await saveLinks(tx, row, links);
    return null;
  },
};
