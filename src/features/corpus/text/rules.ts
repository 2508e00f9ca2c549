/**
 * What a character, a blank, a word, a sentence, a paragraph and a line are (corpus.md §1). Everything in the corpus counts
 * and cuts by these and nothing else; test/vectors/corpus.json holds them. Guarantees: time and memory grow linearly with the
 * text. Pure. Positions of spans are UTF-16 units, those of answers code points ({@link countCharacters}).
 */
import { hash } from 'node:crypto';

/** Members of a class of a regular expression. Not U+FEFF and not U+200B, which `\s` and `trim` of JavaScript take in part. */
export const BLANKS = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const WORD_CHARACTERS = '\\p{L}\\p{N}_';

const BLANK = new RegExp(`[${BLANKS}]`);
const BLANK_RUN = new RegExp(`[${BLANKS}]+`);
/** 1 of each unit that is a blank. A pattern that is asked for each word of a text takes five times as long. */
const IS_BLANK = Uint8Array.from({ length: 0x3001 }, (_, unit) => (BLANK.test(String.fromCharCode(unit)) ? 1 : 0));
/**
 * Runs are matched in stretches: in a class with members beyond U+FFFF a pattern keeps a place to return to for each character
 * of a match, and a run of some millions of them overflows its stack.
 */
const runOf = (members: string): RegExp => new RegExp(`[${members}]{1,4096}`, 'gu');
const WORD = runOf(`${WORD_CHARACTERS}'-`);
const WORD_CHARACTER_RUN = runOf(WORD_CHARACTERS);
const SENTENCE_END = new RegExp(`(?<=[.!?])[${BLANKS}]+|\\n+`, 'g');
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

/** Of one character, or of the first of a text. */
export const isBlank = (character: string): boolean => BLANK.test(character[0] ?? '');
const WORD_CHARACTER = new RegExp(`^[${WORD_CHARACTERS}]`, 'u');
export const isWordCharacter = (character: string): boolean => WORD_CHARACTER.test(character);

/** Part of a text, in UTF-16 units: [start, end). */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export const sliceOf = (text: string, { start, end }: Span): string => text.slice(start, end);

/** [start, end) without the blanks at both ends; undefined where nothing is left. */
export function trimmedSpan(text: string, start: number, end: number): Span | undefined {
  let from = start;
  let to = end;
  while (from < to && isBlank(text[from] ?? '')) from++;
  while (to > from && isBlank(text[to - 1] ?? '')) to--;
  return from < to ? { start: from, end: to } : undefined;
}

export const trimBlanks = (text: string): string => {
  const span = trimmedSpan(text, 0, text.length);
  return span ? sliceOf(text, span) : '';
};

/** What lies between matches of a global pattern, trimmed, without empties. */
function* between(text: string, pattern: RegExp): Generator<Span> {
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    const span = trimmedSpan(text, from, match.index);
    if (span) yield span;
    from = match.index + match[0].length;
  }
  const last = trimmedSpan(text, from, text.length);
  if (last) yield last;
}

function* runSpans(text: string, stretch: RegExp): Generator<Span> {
  let start = 0;
  let end = 0;
  for (const match of text.matchAll(stretch)) {
    if (match.index !== end) {
      if (end > start) yield { start, end };
      start = match.index;
    }
    end = match.index + match[0].length;
  }
  if (end > start) yield { start, end };
}

export const wordSpans = (text: string): Generator<Span> => runSpans(text, WORD);
/** Runs of word characters. */
export const wordCharacterSpans = (text: string): Generator<Span> => runSpans(text, WORD_CHARACTER_RUN);
export const sentenceSpans = (text: string): Generator<Span> => between(text, SENTENCE_END);

/** Newline, any blanks, newline: found by hand, as a pattern for it takes quadratic time on long runs of blanks. */
export function* paragraphSpans(text: string): Generator<Span> {
  let from = 0;
  let at = text.indexOf('\n');
  while (at !== -1) {
    let last = at;
    let next = at + 1;
    for (; next < text.length && isBlank(text[next] ?? ''); next++) if (text[next] === '\n') last = next;
    if (last > at) {
      const span = trimmedSpan(text, from, at);
      if (span) yield span;
      from = last + 1;
    }
    at = text.indexOf('\n', next);
  }
  const rest = trimmedSpan(text, from, text.length);
  if (rest) yield rest;
}

export function* lineSpans(text: string): Generator<Span> {
  let start = 0;
  for (const match of text.matchAll(LINE_END)) {
    yield { start, end: match.index };
    start = match.index + match[0].length;
  }
  yield { start, end: text.length };
}

const textsOf = (text: string, spans: Iterable<Span>): string[] => Array.from(spans, (span) => sliceOf(text, span));
export const wordsOf = (text: string): string[] => textsOf(text, wordSpans(text));

/** UTF-16 units that are looked at in one go, and so many that a run of them overflows nothing. */
const STRETCH = 4096;
const STRETCH_MAX = 8192;
const WORD_AT_ONCE = new RegExp(`[${WORD_CHARACTERS}'-]+`, 'gu');

/** The words, one after the other: less work than their spans. */
export function* eachWord(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const to = wordEnd(text, from + STRETCH);
    const stretch = text.slice(from, to);
    if (stretch.length > STRETCH_MAX) yield* wordsOf(stretch);
    else yield* stretch.match(WORD_AT_ONCE) ?? [];
    from = to;
  }
}

/** The first place from there on where no word goes on. */
function wordEnd(text: string, from: number): number {
  const outside = new RegExp(`[^${WORD_CHARACTERS}'-]`, 'gu');
  outside.lastIndex = from;
  return outside.exec(text)?.index ?? text.length;
}
export const sentencesOf = (text: string): string[] => textsOf(text, sentenceSpans(text));
export const paragraphsOf = (text: string): string[] => textsOf(text, paragraphSpans(text));
export const linesOf = (text: string): string[] => textsOf(text, lineSpans(text));
/** Cut at runs of blanks, without empties. */
export const splitAtBlanks = (text: string): string[] => text.split(BLANK_RUN).filter(Boolean);
/** The same one by one, for texts of which no more than a part may be held twice. */
export function* eachBetweenBlanks(text: string): Generator<string> {
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (IS_BLANK[text.charCodeAt(at)] !== 1) continue;
    if (at > start) yield text.slice(start, at);
    start = at + 1;
  }
  if (start < text.length) yield text.slice(start);
}

/** Pieces that are joined at a time: each takes some tens of bytes as long as it is apart. */
const JOINED_AT_ONCE = 4096;

/** Joins pieces that come one by one. */
export function joinEach(pieces: Iterable<string>, separator: string): string {
  const joined: string[] = [];
  let apart: string[] = [];
  for (const piece of pieces) {
    if (apart.push(piece) < JOINED_AT_ONCE) continue;
    joined.push(apart.join(separator));
    apart = [];
  }
  if (apart.length > 0) joined.push(apart.join(separator));
  return joined.join(separator);
}

/** Code points. */
export function countCharacters(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length - 1; at++) if (isPair(text, at)) count--;
  return count;
}

/** The first `n` code points. */
export function firstCharacters(text: string, n: number): string {
  let at = 0;
  for (let left = n; left > 0 && at < text.length; left--) at += isPair(text, at) ? 2 : 1;
  return text.slice(0, at);
}

/** Whether a character of two units begins there. */
export const isPair = (text: string, at: number): boolean => {
  const high = text.charCodeAt(at);
  if (high < 0xd800 || high > 0xdbff) return false;
  const low = text.charCodeAt(at + 1);
  return low >= 0xdc00 && low <= 0xdfff;
};

/** Occurrences that do not overlap, left to right; none of the empty text. */
export function countOf(text: string, needle: string): number {
  if (needle === '') return 0;
  let count = 0;
  for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, at + needle.length)) count++;
  return count;
}

/** Finds a text that no word character touches on either side, in any case by simple folding. `source` is a pattern. */
export const wholeWord = (source: string): RegExp =>
  new RegExp(`(?<![${WORD_CHARACTERS}])(?:${source})(?![${WORD_CHARACTERS}])`, 'giu');

/** How often each comes, in the order of first appearance. */
export function countsOf(items: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** The first of them by count, highest first; equal counts in the order of first appearance. */
export function topOf(counts: Iterable<readonly [string, number]>, most: number): [string, number][] {
  const top: [string, number][] = [];
  for (const [item, count] of counts) {
    if (top.length === most && count <= (top.at(-1)?.[1] ?? 0)) continue;
    const behind = top.findIndex(([, other]) => other < count);
    top.splice(behind === -1 ? top.length : behind, 0, [item, count]);
    if (top.length > most) top.pop();
  }
  return top;
}

/** SHA-256 of the UTF-8 bytes, lower-case hex. */
export const hashOf = (text: string): string => hash('sha256', text);
