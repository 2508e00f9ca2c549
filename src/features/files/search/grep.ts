/**
 * The matching lines of a text (files.md §9). Guarantees: one match for each matching line, in order, as `grep -n` gives
 * them; lines end at a line feed, with or without a carriage return before it, and neither belongs to the line. The time
 * is linear in the text.
 */
import { countCharacters } from './pattern.ts';
import type { LinePattern, Span } from './regex.ts';

export interface GrepOptions {
  /** Lines of context before and after. */
  readonly before: number;
  readonly after: number;
}

export interface LineMatch {
  /** 1-based; both names are promised. */
  readonly line: number;
  readonly line_number: number;
  /** Where the match begins, 1-based, in characters (code points). */
  readonly column: number;
  /** The line without its end, and what matched in it, both cut at {@link LINE_CHARACTERS}. */
  readonly content: string;
  readonly match: string;
  /** Lines around it, cut alike; only when they were asked for. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
  /** True when any of these texts was cut, else absent. */
  readonly truncated?: true;
}

/** Characters (code points) of a line that are shown. */
export const LINE_CHARACTERS = 2_000;

/** Whole lines of a text, with the context around them. */
export interface LineWindow {
  readonly text: string;
  /** Start of its first line and end of its last; the rest of the text is context. */
  readonly from: number;
  readonly to: number;
  /** Number of its first line. */
  readonly firstLine: number;
  /** Each character is known to be one unit of UTF-16. */
  readonly narrow: boolean;
}

export const wholeText = (text: string): LineWindow => ({
  text,
  from: 0,
  to: text.length,
  firstLine: 1,
  narrow: false,
});

/** What is searched for, and how it is told. */
export interface LineSearch extends GrepOptions {
  readonly pattern: LinePattern;
}

/** Gives the matching lines of a window one after the other, until `take` says that it was enough. */
export function searchLines(window: LineWindow, search: LineSearch, take: (match: LineMatch) => boolean): void {
  const { text, to } = window;
  const { pattern } = search;
  let start = window.from;
  let line = window.firstLine;
  while (start < to) {
    const found = pattern.candidate(text, start);
    if (found < 0) return;
    // Whole lines up to the one that holds it, counted on the way.
    let end = endOfLine(text, start);
    for (; end < found && end < to; end = endOfLine(text, start)) {
      start = end + 1;
      line++;
    }
    if (start >= to) return;
    const content = text.slice(start, withoutReturn(text, end));
    const span = pattern.match(content);
    if (span) {
      const before = window.narrow ? span.start : countCharacters(text, start, start + span.start);
      const match = describe(content, span, { line, column: before + 1 });
      if (!take(search.before + search.after > 0 ? withContext(match, text, { start, end, search }) : match)) return;
    }
    start = end + 1;
    line++;
  }
}

/** Where its line feed is, or the end of the text. */
function endOfLine(text: string, from: number): number {
  const feed = text.indexOf('\n', from);
  return feed < 0 ? text.length : feed;
}

/** Only a carriage return right before a line feed ends a line with it. */
const withoutReturn = (text: string, end: number): number =>
  end < text.length && end > 0 && text.charCodeAt(end - 1) === 0x0d ? end - 1 : end;

function describe(content: string, span: Span, at: { line: number; column: number }): LineMatch {
  const { line, column } = at;
  const match = {
    line,
    line_number: line,
    column,
    content: cut(content),
    match: cut(content.slice(span.start, span.end)),
  };
  return match.content.length < content.length ? { ...match, truncated: true } : match;
}

interface Around {
  readonly start: number;
  readonly end: number;
  readonly search: GrepOptions;
}

function withContext(match: LineMatch, text: string, line: Around): LineMatch {
  const { search } = line;
  const before = linesBefore(text, line.start, search.before);
  const after = linesAfter(text, line.end + 1, search.after);
  const truncated = match.truncated ?? [...before, ...after].some((other) => cut(other) !== other);
  return {
    ...match,
    ...(search.before > 0 && { before: before.map(cut) }),
    ...(search.after > 0 && { after: after.map(cut) }),
    ...(truncated && { truncated }),
  };
}

function linesBefore(text: string, at: number, most: number): string[] {
  const lines: string[] = [];
  for (let start = at; start > 0 && lines.length < most; ) {
    const end = start - 1;
    start = end === 0 ? 0 : text.lastIndexOf('\n', end - 1) + 1;
    lines.unshift(text.slice(start, withoutReturn(text, end)));
  }
  return lines;
}

function linesAfter(text: string, at: number, most: number): string[] {
  const lines: string[] = [];
  for (let start = at; start < text.length && lines.length < most; ) {
    const feed = text.indexOf('\n', start);
    const end = feed < 0 ? text.length : feed;
    lines.push(text.slice(start, withoutReturn(text, end)));
    start = end + 1;
  }
  return lines;
}

/** The first characters of a text; most are short enough to be told by their length alone. */
function cut(text: string): string {
  if (text.length <= LINE_CHARACTERS) return text;
  let end = 0;
  for (let i = 0; i < LINE_CHARACTERS && end < text.length; i++) end += text.codePointAt(end)! > 0xffff ? 2 : 1;
  return text.slice(0, end);
}
