/**
 * Merging two texts, and what that did to either (corpus.md §9). Guarantees: time and memory grow linearly with the texts.
 * Pure.
 */
import { countCharacters, eachBetweenBlanks, joinEach } from '../text/rules.ts';
import type { MergeStrategy } from './events/joining.ts';

export interface ConflictSemantics {
  readonly resolution: string;
  readonly strategy_effect: string;
  readonly inputs_identical: boolean;
  readonly drops_non_selected_input: boolean;
  readonly left_chars: number;
  readonly right_chars: number;
  readonly merged_chars: number;
  readonly left_words: number;
  readonly right_words: number;
  readonly merged_words: number;
  readonly shared_word_count: number;
  readonly left_only_word_count: number;
  readonly right_only_word_count: number;
  readonly common_prefix_chars: number;
  readonly common_suffix_chars: number;
}

/** Words of both in turn, what is left of the longer text at the end, joined by one blank. */
export function interleaveWords(left: string, right: string): string {
  return joinEach(inTurn(eachBetweenBlanks(left), eachBetweenBlanks(right)), ' ');
}

function* inTurn(left: Iterator<string>, right: Iterator<string>): Generator<string> {
  for (;;) {
    const [ours, theirs] = [left.next(), right.next()];
    if (!ours.done) yield ours.value;
    if (!theirs.done) yield theirs.value;
    if (ours.done && theirs.done) return;
  }
}

const EFFECTS: Readonly<Record<MergeStrategy, readonly [resolution: string, effect: string]>> = {
  left_wins: ['left_preferred', 'preserve_left'],
  right_wins: ['right_preferred', 'preserve_right'],
  interleave: ['interleaved_union', 'word_interleave'],
};

const MERGED_WORDS: Readonly<Record<MergeStrategy, (counts: WordCounts) => number>> = {
  left_wins: ({ left_words }) => left_words,
  right_wins: ({ right_words }) => right_words,
  interleave: ({ left_words, right_words }) => left_words + right_words,
};

export interface Merged {
  readonly text: string;
  readonly conflict_semantics: ConflictSemantics;
}

export function mergeTexts(left: string, right: string, strategy: MergeStrategy): Merged {
  const text = strategy === 'left_wins' ? left : strategy === 'right_wins' ? right : interleaveWords(left, right);
  const inputs_identical = left === right;
  const counts = countWords(left, right);
  const [resolution, strategy_effect] = EFFECTS[strategy];
  return {
    text,
    conflict_semantics: {
      resolution: inputs_identical ? 'identical_inputs' : resolution,
      strategy_effect,
      inputs_identical,
      drops_non_selected_input: strategy !== 'interleave' && !inputs_identical,
      left_chars: countCharacters(left),
      right_chars: countCharacters(right),
      merged_chars: countCharacters(text),
      ...counts,
      merged_words: MERGED_WORDS[strategy](counts),
      common_prefix_chars: commonPrefix(left, right),
      common_suffix_chars: commonSuffix(left, right),
    },
  };
}

type WordCounts = Pick<
  ConflictSemantics,
  'left_words' | 'right_words' | 'shared_word_count' | 'left_only_word_count' | 'right_only_word_count'
>;

/** Distinct words that are held at a time. More are counted in parts, one after the other. */
const HELD_WORDS_MAX = 2 ** 21;
const PARTS_MAX = 2 ** 10;

/** Memory is bounded however many words differ. */
export function countWords(left: string, right: string, heldMax = HELD_WORDS_MAX): WordCounts {
  for (let parts = 1; ; parts *= 8) {
    const counted = countInParts([left, right], parts, heldMax);
    if (counted) return counted;
  }
}

/** Where a word was met. */
const LEFT = 1;
const RIGHT = 2;
const BOTH = LEFT | RIGHT;

/** Undefined where a part is too large. */
function countInParts(
  [left, right]: readonly [string, string],
  parts: number,
  heldMax: number,
): WordCounts | undefined {
  const words = [0, 0, 0, 0];
  const distinct = [0, 0, 0, 0];
  const sides = new Map<string, number>();
  const add = (text: string, side: number, part: number): boolean => {
    for (const word of eachBetweenBlanks(text)) {
      if (parts > 1 && partOf(word, parts) !== part) continue;
      words[side]!++;
      sides.set(word, (sides.get(word) ?? 0) | side);
      if (sides.size > heldMax && parts < PARTS_MAX) return false;
    }
    return true;
  };
  for (let part = 0; part < parts; part++) {
    if (!add(left, LEFT, part) || !add(right, RIGHT, part)) return undefined;
    for (const met of sides.values()) distinct[met]!++;
    sides.clear();
  }
  return {
    left_words: words[LEFT]!,
    right_words: words[RIGHT]!,
    shared_word_count: distinct[BOTH]!,
    left_only_word_count: distinct[LEFT]!,
    right_only_word_count: distinct[RIGHT]!,
  };
}

/** FNV-1a. */
function partOf(word: string, parts: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193);
  return (hash >>> 8) % parts;
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/** Characters at the beginning that are the same. Half of a character is none. */
function commonPrefix(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  let end = 0;
  while (end < shorter && left.charCodeAt(end) === right.charCodeAt(end)) end++;
  if (end > 0 && isHigh(left.charCodeAt(end - 1))) end--;
  return countCharacters(left.slice(0, end));
}

/** Characters at the end that are the same. */
function commonSuffix(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  let length = 0;
  while (
    length < shorter &&
    left.charCodeAt(left.length - 1 - length) === right.charCodeAt(right.length - 1 - length)
  ) {
    length++;
  }
  if (length > 0 && isLow(left.charCodeAt(left.length - length))) length--;
  return countCharacters(left.slice(left.length - length));
}
