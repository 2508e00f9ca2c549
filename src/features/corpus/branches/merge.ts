/**
 * Merging two texts, and what that did to either (corpus.md §9). Guarantees: time and memory grow linearly with the texts.
 * Pure.
 */
import { countCharacters, splitAtBlanks } from '../text/rules.ts';
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

/** Items of both in turn, what is left of the longer one at the end. */
export function interleaved(left: readonly string[], right: readonly string[]): string[] {
  const items: string[] = [];
  const longest = Math.max(left.length, right.length);
  for (let at = 0; at < longest; at++) {
    const [a, b] = [left[at], right[at]];
    if (a !== undefined) items.push(a);
    if (b !== undefined) items.push(b);
  }
  return items;
}

const EFFECTS: Readonly<Record<MergeStrategy, readonly [resolution: string, effect: string]>> = {
  left_wins: ['left_preferred', 'preserve_left'],
  right_wins: ['right_preferred', 'preserve_right'],
  interleave: ['interleaved_union', 'word_interleave'],
};

export interface Merged {
  readonly text: string;
  readonly conflict_semantics: ConflictSemantics;
}

export function mergeTexts(left: string, right: string, strategy: MergeStrategy): Merged {
  const [leftWords, rightWords] = [splitAtBlanks(left), splitAtBlanks(right)];
  const joined = () => interleaved(leftWords, rightWords).join(' ');
  const text = strategy === 'left_wins' ? left : strategy === 'right_wins' ? right : joined();
  const [ours, theirs] = [new Set(leftWords), new Set(rightWords)];
  let shared = 0;
  for (const word of ours) if (theirs.has(word)) shared++;
  const inputs_identical = left === right;
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
      left_words: leftWords.length,
      right_words: rightWords.length,
      merged_words: splitAtBlanks(text).length,
      shared_word_count: shared,
      left_only_word_count: ours.size - shared,
      right_only_word_count: theirs.size - shared,
      common_prefix_chars: commonPrefix(left, right),
      common_suffix_chars: commonSuffix(left, right),
    },
  };
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
