/** How formal a text is. */
import { roundTo } from '../../../../base/rounding.ts';
import { countOf } from '../../text/rules.ts';
import { countAll, type Layer, sentencesIn } from './reading.ts';

const CONTRACTIONS = ["n't", "'re", "'ll", "'ve"];
const CALM_MAX = 2;

export const sociolinguistics: Layer = {
  name: 'sociolinguistics',
  confidence: 0.59,
  read: (reading) => {
    const exclamations = countOf(reading.text, '!');
    const formality = 1 - exclamations / Math.max(1, sentencesIn(reading));
    return {
      contraction_count: countAll(reading.text, CONTRACTIONS),
      formality_score: roundTo(formality, 3),
      register_hint: exclamations > CALM_MAX ? 'informal' : 'neutral',
    };
  },
};
