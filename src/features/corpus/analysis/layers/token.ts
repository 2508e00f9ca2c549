/** How many words a text has, and which it has most. */
import { topOf } from '../../text/rules.ts';
import type { Layer } from './reading.ts';

const TOP = 20;

export const token: Layer = {
  name: 'token',
  confidence: 0.72,
  read: ({ words, lowerWords: { counts } }) => ({
    token_count: words.number,
    unique_tokens: counts.size,
    top_tokens: topOf(counts, TOP).map(([word]) => word),
  }),
};
