/** Rhetoric of a text (corpus.md §8): appeals to character, feeling and reason, and fallacies. Pure, in linear time. */
import { roundTo } from '../../../base/rounding.ts';
import { wholeWord } from '../text/rules.ts';
import { type Words, wordsIn } from './layers/reading.ts';

/** In the order in which equal numbers are told. */
const APPEALS = ['ethos', 'pathos', 'logos'] as const;
type Appeal = (typeof APPEALS)[number];
const MARKERS: Readonly<Record<Appeal, readonly string[]>> = {
  ethos: ['according', 'study', 'evidence', 'expert', 'source', 'citation'],
  pathos: ['fear', 'love', 'grief', 'rage', 'hope', 'joy', 'pain', 'sacred', 'mythic'],
  logos: ['therefore', 'because', 'hence', 'thus', 'if', 'then', 'proof', 'logic'],
};

export interface Rhetoric {
  readonly ethos_score: number;
  readonly pathos_score: number;
  readonly logos_score: number;
  readonly strategies: string[];
  readonly fallacies: string[];
  /** Without words there are no counts. */
  readonly explainability: { readonly token_count: number; readonly marker_counts: Record<string, number> };
}

/** The words are those of the lower-case text, given where they are known. */
export function rhetoricOf(text: string, { counts, number }: Words = wordsIn(text.toLowerCase())): Rhetoric {
  const hits = (appeal: Appeal): number => MARKERS[appeal].reduce((sum, word) => sum + (counts.get(word) ?? 0), 0);
  const marker_counts = { ethos: hits('ethos'), pathos: hits('pathos'), logos: hits('logos') };
  const score = (appeal: Appeal): number => roundTo(Math.min(1, (10 * marker_counts[appeal]) / Math.max(1, number)), 4);
  return {
    ethos_score: score('ethos'),
    pathos_score: score('pathos'),
    logos_score: score('logos'),
    strategies: APPEALS.filter((appeal) => marker_counts[appeal] > 0).sort(
      (a, b) => marker_counts[b] - marker_counts[a],
    ),
    fallacies: FALLACIES.filter(([, isIn]) => isIn(text)).map(([name]) => name),
    explainability: { token_count: number, marker_counts: number > 0 ? marker_counts : {} },
  };
}

const BANDWAGON = wholeWord('everyone knows');
const INSULT = wholeWord('you are (?:stupid|ignorant|worthless)');
const EITHER_OR = wholeWord('either|or');

const FALLACIES: readonly (readonly [string, (text: string) => boolean])[] = [
  ['bandwagon', (text) => text.search(BANDWAGON) !== -1],
  ['false dilemma', isDilemma],
  ['ad hominem', (text) => text.search(INSULT) !== -1],
];

/** `either` and, behind it on the same line, `or`: one look at each of both, as a pattern for it takes quadratic time. */
function isDilemma(text: string): boolean {
  let lineEnd = -1;
  for (const { 0: word, index } of text.matchAll(EITHER_OR)) {
    if (word.length > 'or'.length) {
      const next = index < lineEnd ? lineEnd : text.indexOf('\n', index);
      lineEnd = next === -1 ? text.length : next;
    } else if (index < lineEnd) return true;
  }
  return false;
}
