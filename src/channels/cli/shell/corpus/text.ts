/** The text of a document, as it was extracted. */
import type { Command } from '../../command.ts';
import { writeContent } from '../content.ts';

export const documentText: Command = {
  words: 'document text',
  summary: 'Write the text that was extracted from a document to standard output.',
  args: ['document_id'],
  options: [],
  hints: { NOT_FOUND: 'nexus document list shows those that you may see' },
  run: (scene, { args: [id = ''] }) => writeContent(scene, `/api/v1/documents/${encodeURIComponent(id)}/text`),
};
