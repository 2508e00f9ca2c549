/** A text as layers read it: what several of them need is made once, when the first asks. Pure. */
import { countCharacters, countOf, eachWord, sentenceSpans } from '../../text/rules.ts';

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
  readonly wordCount: number;
  /** One after the other, whenever asked: a text has too many of them to be kept. */
  words(): Iterable<string>;
  /** The words of {@link Reading.lower}. */
  lowerWords(): Iterable<string>;
}

export function readingOf(text: string, hints: PdfHints = NO_HINTS): Reading {
  const lower = text.toLowerCase();
  let wordCount: number | undefined;
  return {
    text,
    hints,
    lower,
    get wordCount() {
      wordCount ??= numberOf(eachWord(text));
      return wordCount;
    },
    words: () => eachWord(text),
    lowerWords: () => eachWord(lower),
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
