/** What a text names, and what happens in it. */
import { hash } from 'node:crypto';
import { ratio } from '../../../../base/rounding.ts';
import { rank } from '../../text/rules.ts';
import { type Layer, lengthOf } from './reading.ts';

const TOP = 10;
const UPPER_FIRST = /^\p{Lu}/u;
const EVENT = /(?:ed|ing)$/;

/** Short, and the same for the same word. */
const idOf = (word: string): string => hash('sha1', word).slice(0, 12);

export const semantics: Layer = {
  name: 'semantics',
  confidence: 0.64,
  read: ({ words, lowerWords }) => ({
    named_entities: rank(namesIn(words()))
      .slice(0, TOP)
      .map(([label]) => ({ entity_id: idOf(label), label })),
    event_candidates: firstOf(lowerWords(), EVENT).map((trigger) => ({ event_id: idOf(trigger), trigger })),
    semantic_density: densityOf(lowerWords()),
  }),
};

function* namesIn(words: Iterable<string>): Generator<string> {
  for (const word of words) if (UPPER_FIRST.test(word) && lengthOf(word) > 1) yield word;
}

function densityOf(words: Iterable<string>): number {
  const unique = new Set<string>();
  let all = 0;
  for (const word of words) {
    unique.add(word);
    all++;
  }
  return ratio(unique.size, all, 3);
}

function firstOf(words: Iterable<string>, pattern: RegExp): string[] {
  const found: string[] = [];
  for (const word of words) {
    if (pattern.test(word)) found.push(word);
    if (found.length === TOP) break;
  }
  return found;
}
