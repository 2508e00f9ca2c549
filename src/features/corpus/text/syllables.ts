/**
 * The syllables of a word (corpus.md §6). Guarantees: joined they are the word; linear in its length. Pure. Positions are
 * UTF-16 units.
 */
import { type Span, sliceOf } from './rules.ts';

/** y is one; everything else, accented letters, digits and marks too, is a consonant. */
const VOWELS = Uint8Array.from({ length: 128 }, (_, code) => (/[aeiouy]/i.test(String.fromCharCode(code)) ? 1 : 0));
const isVowel = (text: string, at: number): boolean => VOWELS[text.charCodeAt(at)] === 1;

/** Words of one or two characters stay whole. */
const WHOLE_MAX = 2;

/** Of text[start, end), which is one word. */
export function* syllableSpans(text: string, { start, end }: Span): Generator<Span> {
  let from = start;
  if (!isShort(text, start, end)) {
    for (let cut = nextCut(text, from, end); cut < end; cut = nextCut(text, from, end)) {
      yield { start: from, end: cut };
      from = cut;
    }
  }
  yield { start: from, end };
}

export const syllablesOf = (word: string): string[] =>
  Array.from(syllableSpans(word, { start: 0, end: word.length }), (span) => sliceOf(word, span));

/** Up to and with the next run of vowels, and of the consonants before the vowel after it all but the last, if they are more than one. */
function nextCut(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && !isVowel(text, at)) at++;
  while (at < end && isVowel(text, at)) at++;
  const consonants = at;
  while (at < end && !isVowel(text, at)) at++;
  if (at === end) return end;
  const last = at - (isLowHalf(text, at - 1) ? 2 : 1);
  return Math.max(last, consonants);
}

const isLowHalf = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00;

function isShort(text: string, start: number, end: number): boolean {
  if (end - start > 2 * WHOLE_MAX) return false;
  let characters = 0;
  for (let at = start; at < end; at++) if (!isLowHalf(text, at)) characters++;
  return characters <= WHOLE_MAX;
}
