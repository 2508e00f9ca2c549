/** How long the words of a text are, and how they end. */
import { ratio } from '../../../../base/rounding.ts';
import { rank } from '../../text/rules.ts';
import { type Layer, lengthOf } from './reading.ts';

/** Characters. */
const LONG = 8;
const SUFFIX = 3;
const TOP = 10;

export const morphology: Layer = {
  name: 'morphology',
  confidence: 0.68,
  read: ({ words, wordCount, lowerWords }) => {
    let characters = 0;
    let long = 0;
    for (const word of words()) {
      const length = lengthOf(word);
      characters += length;
      if (length >= LONG) long++;
    }
    return {
      avg_word_length: ratio(characters, wordCount, 3),
      long_word_ratio: ratio(long, wordCount, 3),
      suffix_signals: rank(suffixesOf(lowerWords())).slice(0, TOP),
    };
  },
};

function* suffixesOf(words: Iterable<string>): Generator<string> {
  for (const word of words) if (lengthOf(word) >= SUFFIX) yield suffixOf(word);
}

function suffixOf(word: string): string {
  const units = word.slice(-SUFFIX);
  return lengthOf(units) === SUFFIX && units.isWellFormed() ? units : [...word].slice(-SUFFIX).join('');
}
