/**
 * Unified diffs. Guarantees: applying the diff to `from` gives `to`, byte for byte, whatever their line endings; the
 * work is bounded for every input. Texts too different to compare within the bound get one hunk that replaces
 * everything between their common first and last lines: longer than need be, and still correct.
 */
import { FILE_HEADERS_ONLY, formatPatch, type StructuredPatchHunk } from 'diff';
import { AT_ONCE_BYTES } from '../../core/call/computing.ts';
import { type Change, changedLines, type Range, spanOf, type Texts, wholeLine } from './line-changes.ts';
import { type Lines, linesOf } from './lines.ts';

export interface DiffInput {
  readonly from: string;
  readonly to: string;
  readonly fromName: string;
  readonly toName: string;
  /** Unchanged lines shown around a change. */
  readonly contextLines: number;
}

export interface TextDiff {
  /** Empty when nothing changed. */
  readonly diff: string;
  /** Lines. */
  readonly additions: number;
  readonly deletions: number;
}

/** Lines between the common ones, of both texts together, that are compared in some twenty milliseconds. */
const QUICK_LINES = 500;

/** Is it a matter of some twenty milliseconds, whatever the texts are? */
export function isQuickDiff({ from, to }: Pick<DiffInput, 'from' | 'to'>): boolean {
  if (from.length + to.length > 2 * AT_ONCE_BYTES) return false;
  const span = spanOf({ from: linesOf(from), to: linesOf(to) });
  return span.from.end - span.from.start + span.to.end - span.to.start <= QUICK_LINES;
}

export function unifiedDiff({ from, to, fromName, toName, contextLines }: DiffInput): TextDiff {
  if (from === to) return { diff: '', additions: 0, deletions: 0 };
  const texts = { from: linesOf(from), to: linesOf(to) };
  const changes = changedLines(texts);
  const hunks = together(changes, contextLines).map((near) => hunkOf(near, texts, contextLines));
  const headers = { oldFileName: fromName, newFileName: toName, oldHeader: undefined, newHeader: undefined };
  return {
    diff: formatPatch({ ...headers, hunks }, FILE_HEADERS_ONLY),
    additions: changes.reduce((sum, { to }) => sum + to.end - to.start, 0),
    deletions: changes.reduce((sum, { from }) => sum + from.end - from.start, 0),
  };
}

/** Changes whose context would touch or overlap. */
function together(changes: readonly Change[], contextLines: number): Change[][] {
  const groups: Change[][] = [];
  for (const change of changes) {
    const last = groups.at(-1)?.at(-1);
    if (last && change.from.start - last.from.end <= 2 * contextLines) groups.at(-1)!.push(change);
    else groups.push([change]);
  }
  return groups;
}

function hunkOf(changes: readonly Change[], { from, to }: Texts, contextLines: number): StructuredPatchHunk {
  const [first, last] = [changes[0]!, changes.at(-1)!];
  const before = Math.min(contextLines, first.from.start);
  const after = Math.min(contextLines, from.count - last.from.end);
  const lines: string[] = [];
  const show = (mark: string, text: Lines, { start, end }: Range): void => {
    for (let line = start; line < end; line++) {
      const whole = wholeLine(text, line);
      if (whole.endsWith('\n')) lines.push(mark + whole.slice(0, -1));
      else lines.push(mark + whole, '\\ No newline at end of file');
    }
  };
  let shown = first.from.start - before;
  for (const change of changes) {
    show(' ', from, { start: shown, end: change.from.start });
    show('-', from, change.from);
    show('+', to, change.to);
    shown = change.from.end;
  }
  show(' ', from, { start: shown, end: last.from.end + after });
  return {
    oldStart: first.from.start - before + 1,
    oldLines: last.from.end + after - (first.from.start - before),
    newStart: first.to.start - before + 1,
    newLines: last.to.end + after - (first.to.start - before),
    lines,
  };
}
