/** Marks that a merge left in a text (corpus.md §4). Pure, in linear time. */

/** Seven at the start or right after an LF; the flag `m` would take other ends of lines too. */
const MARK = /(?:^|\n)(?:<{7}|={7}|>{7}|\|{7})/;

export const CONFLICT_REASON = 'Conflict markers detected';

export const hasConflictMarks = (text: string): boolean => MARK.test(text);
