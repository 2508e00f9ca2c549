/** What a text asks, exclaims, doubts and demands. */
import { countOf } from '../../text/rules.ts';
import { countAll, type Layer } from './reading.ts';

const HEDGES = ['maybe', 'perhaps', 'likely', 'possibly'];

export const pragmatics: Layer = {
  name: 'pragmatics',
  confidence: 0.62,
  read: ({ text, lower, lowerWords }) => ({
    question_count: countOf(text, '?'),
    exclamation_count: countOf(text, '!'),
    hedge_count: countAll(lower, HEDGES),
    speech_act_hint: lowerWords.counts.has('should') ? 'directive' : 'assertive',
  }),
};
