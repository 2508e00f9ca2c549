/** Rhetoric of a text that is given, or of a document (corpus.md §8). Nothing of it is kept. */
import { z } from 'zod';
import { jsonValue } from '../../../base/json-value.ts';
import { idText } from '../../../base/texts.ts';
import type { Operation } from '../../../core/operation.ts';
import { getDocument } from '../documents/sight.ts';
import { findKept, type KeptText, readKept } from '../documents/texts.ts';
import { rhetoricIn } from './analyse.ts';
import type { Rhetoric } from './rhetoric.ts';

const OPERATOR = { role: 'operator' } as const;

const rhetoricInput = z.object({
  text: z.string().optional().describe('the text to read; wins over the document'),
  document_id: idText.optional().describe('the document to read'),
  audience_profile: jsonValue.optional().describe('is not looked at'),
});
type RhetoricInput = z.infer<typeof rhetoricInput>;

const count = z.number();
const rhetoricOutput = z.object({
  ethos_score: count,
  pathos_score: count,
  logos_score: count,
  strategies: z.array(z.string()).describe('those that are there, strongest first'),
  fallacies: z.array(z.string()),
  explainability: z.object({
    token_count: count,
    marker_counts: z.record(z.string(), count),
  }),
});

const textInput = z.object({ document_id: z.string() });

/** The text of a document, for whoever may see it. */
export const lookForRhetoric: Operation<z.infer<typeof textInput>, KeptText | null> = {
  name: 'analysis.look-for-rhetoric',
  summary: 'Find the text of a document that is to be read.',
  effect: 'read',
  who: OPERATOR,
  internal: true,
  input: textInput,
  output: z.custom<KeptText | null>(() => true),
  faults: [],
  run: async (call, { document_id }) => {
    const { text_hash } = await getDocument(call, document_id);
    return text_hash === null ? null : ((await findKept(call.tx, text_hash)) ?? null);
  },
};

export const readRhetoric: Operation<RhetoricInput, Rhetoric, Rhetoric> = {
  name: 'analysis.rhetoric',
  tool: 'analyze_rhetoric',
  summary: 'Read the rhetoric of a text.',
  effect: 'read',
  who: OPERATOR,
  input: rhetoricInput,
  output: rhetoricOutput,
  faults: ['NOT_FOUND', 'UNAVAILABLE'],
  http: { method: 'POST', path: '/api/v1/rhetorical_analysis', tolerant: true },
  cli: { words: 'analysis rhetoric', args: ['text'] },
  prepare: async ({ text = '', document_id }, { run, blobs, computing }) => {
    if (text !== '' || !document_id) return rhetoricIn(Buffer.from(text), computing);
    const kept = await run(lookForRhetoric, { document_id });
    return rhetoricIn(kept ? await readKept(blobs, kept) : Buffer.from(''), computing);
  },
  run: async (_call, answer) => answer,
};
