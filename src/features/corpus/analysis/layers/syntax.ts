/** Sentences, and the marks that divide them. */
import { ratio } from '../../../../base/rounding.ts';
import { countOf } from '../../text/rules.ts';
import { type Layer, sentencesIn } from './reading.ts';

export const syntax: Layer = {
  name: 'syntax',
  confidence: 0.66,
  read: (reading) => {
    const { text, words } = reading;
    const sentence_count = sentencesIn(reading);
    return {
      sentence_count,
      avg_sentence_length: ratio(words.number, sentence_count, 3),
      clause_markers: { commas: countOf(text, ','), semicolons: countOf(text, ';'), colons: countOf(text, ':') },
    };
  },
};
