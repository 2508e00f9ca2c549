/**
 * Edits of a text (files.md §8). Guarantees: edits apply in order, each to the outcome of the one before, all or
 * nothing; a text larger than EDIT_BYTES is never made; the work of a call is bounded by EDIT_STEPS. Pure: it reads no
 * file and no clock.
 */
import { invalidParams } from '../../base/faults.ts';
import { type Limits, limitExceeded } from '../../base/limits.ts';
import { type Edit, findHits, type Hits, type MatchType, type Miss, type Place } from './edit/steps.ts';
import { type EditWork, spend, startWork } from './edit/work.ts';
import { type Lines, lineAt, linesOf } from './lines.ts';

/** One edit that found its place. Lines count from 1; they and `original_text` are those of the first place. */
export interface EditMatch {
  readonly edit_index: number;
  readonly match_type: MatchType;
  readonly similarity: number;
  readonly match_count: number;
  readonly line_start: number;
  readonly line_end: number;
  readonly original_text: string;
}

export interface EditError {
  readonly edit_index: number;
  readonly code: 'NO_MATCH' | 'AMBIGUOUS' | 'TOO_LARGE_FOR_FUZZY';
  readonly message: string;
  /** AMBIGUOUS: lines on which a hit begins, from 1, ascending; the first thousand. */
  readonly lines?: readonly number[];
  /** NO_MATCH: the most similar window, and the line on which it begins, where there is one to compare. */
  readonly best_similarity?: number;
  readonly best_line?: number;
}

export interface EditOutcome {
  readonly success: boolean;
  readonly applied_count: number;
  readonly matches: readonly EditMatch[];
  /** Every edit that found no place; those after it were tried on the text as it stood. */
  readonly errors: readonly EditError[];
  /** The new text, or the old one when an edit failed. */
  readonly content: string;
}

export interface EditOptions {
  /** 0..1: the least similarity of a fuzzy match. */
  readonly fuzzyThreshold: number;
  readonly limits: Pick<Limits, 'EDITS' | 'EDIT_BYTES' | 'EDIT_STEPS' | 'FUZZY_BYTES'>;
}

const LINES_TOLD = 1_000;

/** Steps of looking one place up and putting its replacement in. */
const PLACE_STEPS = 200;

/**
 * Applies edits to a text of at most EDIT_BYTES. Throws INVALID_PARAMS and LIMIT_EXCEEDED; an edit that finds no place
 * is an error of the outcome instead.
 */
export function applyEdits(content: string, edits: readonly Edit[], options: EditOptions): EditOutcome {
  const { fuzzyThreshold, limits } = options;
  checkEdits(edits, limits.EDITS);
  const work = startWork(limits.EDIT_STEPS);
  const matches: EditMatch[] = [];
  const errors: EditError[] = [];
  let lines = readLines(content, work);
  for (const [index, edit] of edits.entries()) {
    const hits = findHits({ lines, edit, fuzzyThreshold, fuzzyBytes: limits.FUZZY_BYTES, work });
    if ('code' in hits) {
      errors.push(missed(hits, index, limits.FUZZY_BYTES));
      continue;
    }
    const places = choosePlaces(hits, edit, { lines, work });
    if (!places) {
      errors.push(ambiguous(hits, index, lines));
      continue;
    }
    matches.push(matchOf(hits, index, { lines, places }));
    lines = readLines(replace(lines.text, places, limits.EDIT_BYTES), work);
  }
  const success = errors.length === 0;
  return {
    success,
    applied_count: success ? edits.length : 0,
    matches,
    errors,
    content: success ? lines.text : content,
  };
}

/** INVALID_PARAMS for an edit that says nothing; LIMIT_EXCEEDED for too many. */
export function checkEdits(edits: readonly Edit[], most: number): void {
  if (edits.length > most) throw limitExceeded('EDITS', most, { actual: edits.length, what: 'edits' });
  for (const [index, { old_str, new_str }] of edits.entries()) {
    const refuse = (message: string) => invalidParams({ path: `edits.${index}`, message });
    if (old_str === '') throw refuse('old_str is empty; to add text, quote what stands beside it');
    if (old_str === new_str) throw refuse('old_str and new_str are equal');
    if (!(old_str.isWellFormed() && new_str.isWellFormed())) throw refuse('a lone surrogate is not a character');
  }
}

function readLines(text: string, work: EditWork): Lines {
  spend(work, text.length);
  return linesOf(text);
}

/** The places to replace, or undefined when only the caller can tell which. */
function choosePlaces(hits: Hits, edit: Edit, { lines, work }: { lines: Lines; work: EditWork }): Place[] | undefined {
  const { starts } = hits;
  if (starts.length === 1) return [hits.place(starts[0]!)];
  const all = edit.allow_multiple && hits.match_type !== 'fuzzy';
  if (all || edit.hint_line !== undefined) spend(work, PLACE_STEPS * starts.length);
  if (all) return withoutOverlaps(starts.map((start) => hits.place(start)));
  if (edit.hint_line === undefined) return undefined;
  return [hits.place(nearest(starts, edit.hint_line - 1, lines))];
}

function withoutOverlaps(places: readonly Place[]): Place[] {
  let free = 0;
  return places.filter(({ start, end }) => {
    const fits = start >= free;
    if (fits) free = end;
    return fits;
  });
}

/** Of the starts, the one on the nearest line; of several there, the first. */
function nearest(starts: readonly number[], line: number, lines: Lines): number {
  let best = starts[0]!;
  let distance = Infinity;
  for (const start of starts) {
    const apart = Math.abs(lineAt(lines, start) - line);
    if (apart >= distance) continue;
    best = start;
    distance = apart;
  }
  return best;
}

function replace(text: string, places: readonly Place[], most: number): string {
  const growth = places.reduce((sum, { start, end, replacement }) => sum + replacement.length - (end - start), 0);
  checkBytes(text.length + growth, most);
  const parts: string[] = [];
  let copied = 0;
  for (const { start, end, replacement } of places) {
    parts.push(text.slice(copied, start), replacement);
    copied = end;
  }
  parts.push(text.slice(copied));
  const replaced = parts.join('');
  checkBytes(Buffer.byteLength(replaced), most);
  return replaced;
}

function checkBytes(actual: number, most: number): void {
  if (actual > most) throw limitExceeded('EDIT_BYTES', most, { actual, what: 'bytes of the edited content' });
}

function matchOf(
  { match_type, similarity, lastLine }: Hits,
  edit_index: number,
  { lines, places }: { lines: Lines; places: readonly Place[] },
): EditMatch {
  const { start, end } = places[0]!;
  return {
    edit_index,
    match_type,
    similarity,
    match_count: places.length,
    line_start: lineAt(lines, start) + 1,
    line_end: lastLine(start) + 1,
    original_text: lines.text.slice(start, end),
  };
}

function ambiguous({ match_type, starts }: Hits, edit_index: number, lines: Lines): EditError {
  const told: number[] = [];
  for (const start of starts) {
    const line = lineAt(lines, start) + 1;
    if (line !== told.at(-1)) told.push(line);
    if (told.length === LINES_TOLD) break;
  }
  const some = told.length > 10 ? `${told.slice(0, 10).join(', ')}, …` : told.join(', ');
  const help =
    match_type === 'fuzzy' ? 'give hint_line or quote more text' : 'give hint_line, allow_multiple or more text';
  const message = `edits.${edit_index}: old_str matches ${starts.length} places (${match_type}; lines ${some}); ${help}`;
  return { edit_index, code: 'AMBIGUOUS', message, lines: told };
}

function missed(miss: Miss, edit_index: number, fuzzyBytes: number): EditError {
  const missing = `edits.${edit_index}: old_str was not found`;
  if (miss.code === 'TOO_LARGE_FOR_FUZZY') {
    const message = `${missing}; content over ${fuzzyBytes} bytes is not searched for similar text`;
    return { edit_index, code: miss.code, message };
  }
  const { best_similarity, best_line } = miss;
  if (best_similarity === undefined) {
    return { edit_index, code: miss.code, message: `${missing}, nor anything like it` };
  }
  const message = `${missing}; the most similar text begins at line ${best_line} (similarity ${best_similarity.toFixed(2)})`;
  return { edit_index, code: miss.code, message, best_similarity, best_line };
}
