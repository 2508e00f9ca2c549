/** What a text names, and what happens in it. */
import { hash } from 'node:crypto';
import { ratio } from '../../../../base/rounding.ts';
import { eachWord, topOf } from '../../text/rules.ts';
import { type Layer, lengthOf, type Words } from './reading.ts';

const TOP = 10;
const UPPER_FIRST = /^\p{Lu}/u;
const EVENT = /(?:ed|ing)$/;

/** Short, and the same for the same word. */
const idOf = (word: string): string => hash('sha1', word).slice(0, 12);

export const semantics: Layer = {
  name: 'semantics',
  confidence: 0.64,
  read: ({ words, lower, lowerWords }) => ({
    named_entities: topOf(namesIn(words), TOP).map(([label]) => ({ entity_id: idOf(label), label })),
    event_candidates: firstOf(eachWord(lower), EVENT).map((trigger) => ({ event_id: idOf(trigger), trigger })),
    semantic_density: ratio(lowerWords.counts.size, lowerWords.number, 3),
  }),
};

function* namesIn({ counts }: Words): Generator<[string, number]> {
  for (const named of counts) if (UPPER_FIRST.test(named[0]) && lengthOf(named[0]) > 1) yield named;
}

function firstOf(words: Iterable<string>, pattern: RegExp): string[] {
  const found: string[] = [];
  for (const word of words) {
    if (pattern.test(word)) found.push(word);
    if (found.length === TOP) break;
  }
  return found;
}
