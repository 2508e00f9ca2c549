/**
 * Where an edit can apply: the steps of files.md §8, the first that has a hit. Guarantees: the exact and the normalized
 * step take linear time for every input; a place of whole lines leaves the final newline outside and its replacement
 * has the line ending of the place.
 */

import { type Lines, lineAt, lineBreak, lineEnd, linesOf, lineText } from '../lines.ts';
import { occurrences, unitsOf } from './occurrences.ts';
import { mostSimilar } from './similar-windows.ts';
import { type EditWork, spend } from './work.ts';

export interface Edit {
  readonly old_str: string;
  readonly new_str: string;
  /** From 1, in the text that the edit before this one left. */
  readonly hint_line?: number;
  readonly allow_multiple?: boolean;
}

export type MatchType = 'exact' | 'normalized' | 'fuzzy';

/** A stretch of the text, by offsets in UTF-16 units, and what is to stand there. */
export interface Place {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

/** What one step found. */
export interface Hits {
  readonly match_type: MatchType;
  readonly similarity: number;
  /** Offsets at which the hits begin, ascending; they may overlap. At least one. */
  readonly starts: readonly number[];
  place(start: number): Place;
  /** The line, from 0, on which the hit at a start ends. */
  lastLine(start: number): number;
}

/** No step has a hit. `best_line` counts from 1. */
export type Miss =
  | { readonly code: 'NO_MATCH'; readonly best_similarity?: number; readonly best_line?: number }
  | { readonly code: 'TOO_LARGE_FOR_FUZZY' };

export interface Search {
  readonly lines: Lines;
  readonly edit: Edit;
  readonly fuzzyThreshold: number;
  /** Largest content that is searched for a similar window, in UTF-8 bytes. */
  readonly fuzzyBytes: number;
  readonly work: EditWork;
}

/** Steps of cutting a line out, trimming it and looking it up. */
const LINE_STEPS = 20;

export function findHits(search: Search): Hits | Miss {
  return exactHits(search) ?? normalizedHits(search) ?? fuzzyHits(search);
}

function exactHits({ lines, edit: { old_str, new_str }, work }: Search): Hits | undefined {
  const { text } = lines;
  spend(work, text.length + old_str.length);
  const starts = occurrences(unitsOf(text), unitsOf(old_str));
  if (starts.length === 0) return undefined;
  const place = (start: number): Place => ({ start, end: start + old_str.length, replacement: new_str });
  const lastLine = (start: number): number => lineAt(lines, start + old_str.length - 1);
  return { match_type: 'exact', similarity: 1, starts, place, lastLine };
}

function normalizedHits(search: Search): Hits | undefined {
  const { lines, work } = search;
  const { old_str } = search.edit;
  const sought = linesOf(old_str);
  if (sought.count > lines.count) return undefined;
  spend(work, 2 * (lines.text.length + old_str.length) + LINE_STEPS * (lines.count + sought.count));
  const names = new Map<string, number>();
  const wanted = Int32Array.from({ length: sought.count }, (_, line) => {
    const trimmed = lineText(sought, line).trim();
    if (!names.has(trimmed)) names.set(trimmed, names.size + 1);
    return names.get(trimmed)!;
  });
  const present = Int32Array.from({ length: lines.count }, (_, line) => names.get(lineText(lines, line).trim()) ?? 0);
  const windows = occurrences(present, wanted);
  if (windows.length === 0) return undefined;
  return { match_type: 'normalized', similarity: 1, ...placesOfLines(search, windows, sought.count) };
}

function fuzzyHits(search: Search): Hits | Miss {
  const { lines, fuzzyThreshold, fuzzyBytes, work } = search;
  const { old_str } = search.edit;
  if (Buffer.byteLength(lines.text) > fuzzyBytes) return { code: 'TOO_LARGE_FOR_FUZZY' };
  const nearest = mostSimilar(lines, { text: old_str, threshold: fuzzyThreshold }, work);
  if (!nearest) return { code: 'NO_MATCH' };
  const { similarity, windows } = nearest;
  if (similarity < fuzzyThreshold) {
    return { code: 'NO_MATCH', best_similarity: similarity, best_line: windows[0]! + 1 };
  }
  return { match_type: 'fuzzy', similarity, ...placesOfLines(search, windows, linesOf(old_str).count) };
}

/** Whole lines as places. All replacements of one line ending are one string, however many places there are. */
function placesOfLines(
  { lines, edit }: Search,
  windows: readonly number[],
  height: number,
): Pick<Hits, 'starts' | 'place' | 'lastLine'> {
  const replacement = linesOf(edit.new_str);
  const texts = Array.from({ length: replacement.count }, (_, line) => lineText(replacement, line));
  const joined = new Map<string, string>();
  const lastLine = (start: number): number => lineAt(lines, start) + height - 1;
  const place = (start: number): Place => {
    const ending = lineBreak(lines, lineAt(lines, start)) || lineBreak(lines, 0) || '\n';
    if (!joined.has(ending)) joined.set(ending, texts.join(ending));
    return { start, end: lineEnd(lines, lastLine(start)), replacement: joined.get(ending)! };
  };
  return { starts: windows.map((window) => lines.starts[window]!), place, lastLine };
}
