/** A text as layers read it: what several of them need is made once, when the first asks. Pure. */
import { countCharacters, countOf, countsOf, eachWord, sentenceSpans } from '../../text/rules.ts';

/** What a document was found to hold when it was taken in (corpus.md §5); a branch has none. */
export interface PdfHints {
  readonly page_count: number | null;
  readonly heading_candidates: readonly string[];
  readonly citation_markers: readonly string[];
}

export const NO_HINTS: PdfHints = { page_count: null, heading_candidates: [], citation_markers: [] };

export interface Reading {
  readonly text: string;
  readonly hints: PdfHints;
  /** Of the whole text, so that a sigma at the end of a word is final. */
  readonly lower: string;
  /** Its words, and how often each comes. A text has too many to keep them in their order. */
  readonly words: Words;
  /** The same of {@link Reading.lower}. */
  readonly lowerWords: Words;
}

export interface Words {
  /** In the order of first appearance. */
  readonly counts: ReadonlyMap<string, number>;
  readonly number: number;
}

export function wordsIn(text: string): Words {
  const counts = countsOf(eachWord(text));
  let number = 0;
  for (const count of counts.values()) number += count;
  return { counts, number };
}

export function readingOf(text: string, hints: PdfHints = NO_HINTS): Reading {
  const lower = text.toLowerCase();
  let words: Words | undefined;
  let lowerWords: Words | undefined;
  return {
    text,
    hints,
    lower,
    get words() {
      words ??= wordsIn(text);
      return words;
    },
    get lowerWords() {
      lowerWords ??= text === lower ? this.words : wordsIn(lower);
      return lowerWords;
    },
  };
}

/** One layer. Its time and memory grow linearly with the text. */
export interface Layer {
  readonly name: string;
  readonly confidence: number;
  read(reading: Reading): Readonly<Record<string, unknown>>;
}

const NOT_ASCII = /[^\0-\x7f]/;

/** Code points of a word, which rarely holds others than those of one unit. */
export const lengthOf = (word: string): number => (NOT_ASCII.test(word) ? countCharacters(word) : word.length);

export function numberOf(items: Iterable<unknown>): number {
  let number = 0;
  for (const _ of items) number++;
  return number;
}

export const sentencesIn = ({ text }: Reading): number => numberOf(sentenceSpans(text));

/** Occurrences of several texts, each counted for itself. */
export const countAll = (text: string, needles: readonly string[]): number =>
  needles.reduce((sum, needle) => sum + countOf(text, needle), 0);
