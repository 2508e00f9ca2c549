/** Rhetoric as a layer: with where its markers stand. */

import { countCharacters } from '../../text/rules.ts';
import { rhetoricOf } from '../rhetoric.ts';
import type { Layer } from './reading.ts';

const MARKERS = ['therefore', 'because', 'everyone knows', 'according'];

export const rhetoric: Layer = {
  name: 'rhetoric',
  confidence: 0.74,
  read: ({ text, lower, lowerWords }) => {
    const { explainability, ...answer } = rhetoricOf(text, lowerWords);
    const linked_spans = MARKERS.flatMap((marker) => {
      const at = lower.indexOf(marker);
      return at === -1 ? [] : [{ marker, index: countCharacters(lower.slice(0, at)) }];
    });
    return { ...answer, explainability: { ...explainability, linked_spans } };
  },
};
