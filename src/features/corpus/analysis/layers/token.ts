/** How many words a text has, and which it has most. */
import { rank } from '../../text/rules.ts';
import type { Layer } from './reading.ts';

const TOP = 20;

export const token: Layer = {
  name: 'token',
  confidence: 0.72,
  read: ({ wordCount, lowerWords }) => {
    const ranked = rank(lowerWords());
    const top_tokens = ranked.slice(0, TOP).map(([word]) => word);
    return { token_count: wordCount, unique_tokens: ranked.length, top_tokens };
  },
};
