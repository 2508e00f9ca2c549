/** How long the words of a text are, and how they end. */
import { ratio } from '../../../../base/rounding.ts';
import { topOf } from '../../text/rules.ts';
import { type Layer, lengthOf, type Words } from './reading.ts';

/** Characters. */
const LONG = 8;
const SUFFIX = 3;
const TOP = 10;

export const morphology: Layer = {
  name: 'morphology',
  confidence: 0.68,
  read: ({ words, lowerWords }) => {
    let characters = 0;
    let long = 0;
    for (const [word, count] of words.counts) {
      const length = lengthOf(word);
      characters += length * count;
      if (length >= LONG) long += count;
    }
    return {
      avg_word_length: ratio(characters, words.number, 3),
      long_word_ratio: ratio(long, words.number, 3),
      suffix_signals: topOf(suffixesOf(lowerWords), TOP),
    };
  },
};

function suffixesOf({ counts }: Words): Map<string, number> {
  const suffixes = new Map<string, number>();
  for (const [word, count] of counts) {
    if (lengthOf(word) < SUFFIX) continue;
    const suffix = suffixOf(word);
    suffixes.set(suffix, (suffixes.get(suffix) ?? 0) + count);
  }
  return suffixes;
}

function suffixOf(word: string): string {
  const units = word.slice(-SUFFIX);
  return lengthOf(units) === SUFFIX && units.isWellFormed() ? units : [...word].slice(-SUFFIX).join('');
}
