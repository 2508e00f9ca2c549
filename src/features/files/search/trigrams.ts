/**
 * What an index of trigrams can say about a pattern: a condition that every matching content meets. Guarantees: the
 * condition is never stricter than the pattern, in SQLite's FTS5 (`tokenize='trigram'`, any `detail`) and in
 * PostgreSQL (`LIKE`/`ILIKE` over pg_trgm) alike, for all of Unicode; so the index only saves reading, never changes
 * the answer.
 */
import { countCharacters } from './pattern.ts';
import type { LinePattern } from './regex.ts';
import { type Literal, type LiteralGroup, strongest } from './regex-literals.ts';

/** A content meets it when it holds, of each group, at least one literal. All have three characters or more. */
export type TrigramCondition = readonly LiteralGroup[];

/** Characters of a trigram: a shorter literal is not in the index. */
const TRIGRAM = 3;
/** Groups and, of each literal, trigrams that are asked for; more make the question slower and hardly sharper. */
const MOST_GROUPS = 4;
const MOST_TRIGRAMS = 8;

/** Null when the index can say nothing, so that every content must be read. */
export function trigramCondition(pattern: LinePattern): TrigramCondition | null {
  const usable = pattern.required.filter((group) => group.every(({ text }) => countCharacters(text) >= TRIGRAM));
  const chosen: LiteralGroup[] = [];
  while (chosen.length < MOST_GROUPS) {
    const best = strongest(usable.filter((group) => !chosen.includes(group)));
    if (!best) break;
    chosen.push(best);
  }
  return chosen.length > 0 ? chosen : null;
}

/**
 * The condition as a MATCH expression of FTS5. Its tokenizer folds case character by character, in contents and in the
 * expression alike, so any literal that a content holds is found. Trigrams are joined by AND and not as a phrase, since
 * tables with `detail=none` have no phrases: the index of 40 MB of source text takes 10 MB so, and 82 MB with positions.
 */
export function toFts5(condition: TrigramCondition): string {
  return condition.map((group) => `(${group.map(toTrigramQuery).join(' OR ')})`).join(' AND ');
}

function toTrigramQuery({ text }: Literal): string {
  const characters = Array.from(text);
  const starts = characters.length - TRIGRAM + 1;
  const wanted = Math.min(starts, MOST_TRIGRAMS);
  const trigrams = new Set<string>();
  for (let i = 0; i < wanted; i++) {
    const at = wanted === 1 ? 0 : Math.round((i * (starts - 1)) / (wanted - 1));
    trigrams.add(characters.slice(at, at + TRIGRAM).join(''));
  }
  return `(${Array.from(trigrams, quoteFts5).join(' AND ')})`;
}

const quoteFts5 = (text: string): string => `"${text.replaceAll('"', '""')}"`;

export interface LikePattern {
  readonly operator: 'LIKE' | 'ILIKE';
  /** With `\` as the escape character, which is PostgreSQL's default. */
  readonly pattern: string;
}

/** The condition for PostgreSQL: all groups must hold, of each any pattern. Null when folding leaves nothing to ask. */
export function toLikes(condition: TrigramCondition): LikePattern[][] | null {
  const groups: LikePattern[][] = [];
  for (const group of condition) {
    const patterns = group.flatMap(toLike);
    if (patterns.length === group.length) groups.push(patterns);
  }
  return groups.length > 0 ? groups : null;
}

/**
 * How a character folds depends there on the collation of the database, and beyond ASCII on its neighbours: sigma at a
 * word's end, İ as two characters, i without a dot in Turkish. Such characters become `%`; nothing is returned when no
 * trigram is left.
 */
function toLike({ text, fold }: Literal): LikePattern[] {
  const pieces = text.split(fold ? FOLDED_DOUBTFUL : DOUBTFUL);
  if (!pieces.some((piece) => countCharacters(piece) >= TRIGRAM)) return [];
  const escaped = pieces.map((piece) => piece.replaceAll(/[\\%_]/g, '\\$&'));
  return [{ operator: fold ? 'ILIKE' : 'LIKE', pattern: `%${escaped.join('%')}%` }];
}

/** Cased characters beyond ASCII. */
const DOUBTFUL = /[[\p{Cased}\p{CWCM}\p{CWCF}]--\p{ASCII}]+/v;
const FOLDED_DOUBTFUL = /(?:[iI]|[[\p{Cased}\p{CWCM}\p{CWCF}]--\p{ASCII}])+/v;
