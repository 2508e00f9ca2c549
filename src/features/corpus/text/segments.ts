/**
 * What is told of the build of a text beside its atoms (corpus.md §5): paragraphs, lines that look like headings, citations.
 * Guarantees: linear time; no more of the text is held than is told. Pure.
 */
import {
  BLANKS,
  countCharacters,
  firstCharacters,
  lineSpans,
  paragraphSpans,
  type Span,
  sliceOf,
  trimBlanks,
} from './rules.ts';

const PARAGRAPHS_MAX = 200;
const PREVIEW_CHARACTERS = 160;
const HEADINGS_MAX = 100;
const HEADING_CHARACTERS = 80;
const CITATIONS_MAX = 100;

export interface ParagraphBlock {
  readonly index: number;
  readonly char_count: number;
  readonly preview: string;
}

export interface TextSegments {
  readonly paragraph_blocks: readonly ParagraphBlock[];
  readonly heading_candidates: readonly string[];
  readonly citation_markers: readonly string[];
  readonly pdf_like_layout: boolean;
}

export const textSegments = (text: string, pdf_like_layout: boolean): TextSegments => ({
  paragraph_blocks: paragraphBlocks(text),
  heading_candidates: first(HEADINGS_MAX, headings(text)),
  citation_markers: first(CITATIONS_MAX, citations(text)),
  pdf_like_layout,
});

function first<T>(most: number, items: Iterable<T>): T[] {
  const all: T[] = [];
  for (const item of items) {
    if (all.length === most) break;
    all.push(item);
  }
  return all;
}

const paragraphBlocks = (text: string): ParagraphBlock[] =>
  first(PARAGRAPHS_MAX, paragraphSpans(text)).map((span, n) => {
    const paragraph = sliceOf(text, span);
    return {
      index: n + 1,
      char_count: countCharacters(paragraph),
      preview: firstCharacters(paragraph, PREVIEW_CHARACTERS),
    };
  });

function* headings(text: string): Generator<string> {
  for (const span of lineSpans(text)) {
    const line = shortLine(text, span);
    if (line !== '' && (isUpper(line) || isTitle(line))) yield line;
  }
}

/** Trimmed; empty where it is too long for a heading. */
function shortLine(text: string, span: Span): string {
  const line = trimBlanks(sliceOf(text, span));
  return line.length <= 2 * HEADING_CHARACTERS && countCharacters(line) <= HEADING_CHARACTERS ? line : '';
}

const CASED = /\p{Cased}/u;
const LOWER_OR_TITLE = /[\p{Lowercase}\p{Lt}]/u;
const isUpper = (line: string): boolean => CASED.test(line) && !LOWER_OR_TITLE.test(line);

/** Each cased letter behind a character without case, or at the start, is in title case, every other in lower case. */
function isTitle(line: string): boolean {
  let behindCased = false;
  for (const character of line) {
    const isCased = CASED.test(character);
    if (isCased && !(behindCased ? isLowerForm(character) : isTitleForm(character))) return false;
    behindCased = isCased;
  }
  return true;
}

const isLowerForm = (character: string): boolean => character.toLowerCase() === character;

const TITLE = /\p{Lt}/u;
/** Letters in upper case that have a form in title case beside it: Ǆ, Ǉ, Ǌ, Ǳ. */
const UPPER_ONLY = /[\u01c4\u01c7\u01ca\u01f1]/;
/** In title case they stay as they are, though each has an upper case. */
const GEORGIAN = /[\u10d0-\u10fa\u10fd-\u10ff]/;
const isTitleForm = (character: string): boolean =>
  TITLE.test(character) ||
  GEORGIAN.test(character) ||
  (character.toUpperCase() === character && !UPPER_ONLY.test(character));

const NUMBERED = /\[[0-9]{1,3}\]/g;
const BY_NAME = new RegExp(`\\([A-Z][A-Za-z]+,[${BLANKS}]*[0-9]{4}\\)`, 'g');

function* citations(text: string): Generator<string> {
  for (const pattern of [NUMBERED, BY_NAME]) for (const [marker] of text.matchAll(pattern)) yield marker;
}
