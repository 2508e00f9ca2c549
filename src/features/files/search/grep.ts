/**
 * The matching lines of one content (files.md §9). Guarantees: one match for each matching line, in order, as
 * `grep -n` gives them; lines end at a line feed, with or without a carriage return before it, and neither belongs to the
 * line; a content with a NUL byte or invalid UTF-8 has no matches. The time is linear in the content, and what is held
 * beside it is one window of text.
 */
import { isUtf8 } from 'node:buffer';
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

/** Bytes that are decoded at once; a longer line makes its window longer. */
const WINDOW_BYTES = 1024 * 1024;

/** A part of a content, with the context around it. */
interface Window {
  readonly text: string;
  /** Start of its first line and end of its last, in the text. */
  readonly from: number;
  readonly to: number;
  /** Number of its first line, asked for only when a line matches. */
  firstLine(): number;
}

/** The matches of a text in memory. */
export function grepContent(text: string, pattern: LinePattern, options: GrepOptions): Iterable<LineMatch> {
  return matchesOf({ text, from: 0, to: text.length, firstLine: () => 1 }, pattern, options);
}

/** The matches of a content as it is stored. Contents without the pattern's needle are neither decoded nor checked. */
export function searchBytes(bytes: Uint8Array, pattern: LinePattern, options: GrepOptions): Iterable<LineMatch> {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = nextWindow(content, pattern, 0);
  return first < 0 ? [] : searchWindows(content, pattern, { ...options, first });
}

/** A byte of the first line at or after a line's start that is worth decoding; -1 when there is none. */
function nextWindow(content: Buffer, { needle }: LinePattern, from: number): number {
  if (from >= content.length) return -1;
  return needle ? content.indexOf(needle, from) : from;
}

function* searchWindows(
  content: Buffer,
  pattern: LinePattern,
  options: GrepOptions & { readonly first: number },
): Generator<LineMatch> {
  const lineAt = countLines(content);
  let isText: boolean | undefined;
  for (let found = options.first; found >= 0; ) {
    const from = lineStart(content, found);
    const to = lineEnd(content, Math.min(from + WINDOW_BYTES, content.length));
    for (const match of matchesOf(openWindow(content, { from, to, lineAt }, options), pattern, options)) {
      isText ??= isUtf8(content) && !content.includes(0);
      if (!isText) return;
      yield match;
    }
    found = nextWindow(content, pattern, to);
  }
}

const LINE_FEED = 0x0a;

const lineStart = (content: Buffer, at: number): number => (at === 0 ? 0 : content.lastIndexOf(LINE_FEED, at - 1) + 1);

/** End of the line that holds the byte before `at`, its line feed included. */
function lineEnd(content: Buffer, at: number): number {
  const feed = content.indexOf(LINE_FEED, at - 1);
  return feed < 0 ? content.length : feed + 1;
}

/** Number of the line that starts at an offset; offsets must not fall, so that every byte is counted once. */
function countLines(content: Buffer): (offset: number) => number {
  let line = 1;
  let counted = 0;
  return (offset) => {
    for (; counted < offset; counted++) if (content[counted] === LINE_FEED) line++;
    return line;
  };
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly lineAt: (offset: number) => number;
}

function openWindow(content: Buffer, { from, to, lineAt }: Range, options: GrepOptions): Window {
  let start = from;
  for (let i = 0; i < options.before && start > 0; i++) start = lineStart(content, start - 1);
  let end = to;
  for (let i = 0; i < options.after && end < content.length; i++) end = lineEnd(content, end + 1);
  const before = start === from ? '' : content.toString('utf8', start, from);
  const own = content.toString('utf8', from, to);
  const after = end === to ? '' : content.toString('utf8', to, end);
  return {
    text: before + own + after,
    from: before.length,
    to: before.length + own.length,
    firstLine: () => lineAt(from),
  };
}

function* matchesOf(window: Window, pattern: LinePattern, options: GrepOptions): Generator<LineMatch> {
  const { text, to } = window;
  let from = window.from;
  let counted = from;
  let line = 0;
  while (from < to) {
    const found = pattern.candidate(text, from);
    if (found < 0) return;
    const start = found === from ? from : text.lastIndexOf('\n', found - 1) + 1;
    if (start >= to) return;
    const feed = text.indexOf('\n', found);
    const end = feed < 0 ? text.length : feed;
    const content = text.slice(start, withoutReturn(text, end));
    const span = pattern.match(content);
    if (span) {
      if (line === 0) line = window.firstLine();
      line += countFeeds(text, counted, start);
      counted = start;
      yield describe({ content, span, line }, contextOf(text, { start, end }, options));
    }
    from = end + 1;
  }
}

/** Only a carriage return right before a line feed ends a line with it. */
const withoutReturn = (text: string, end: number): number =>
  end < text.length && end > 0 && text.charCodeAt(end - 1) === 0x0d ? end - 1 : end;

function countFeeds(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

interface Context {
  readonly before?: readonly string[];
  readonly after?: readonly string[];
}

function contextOf(text: string, line: Span, options: GrepOptions): Context {
  const context: { before?: string[]; after?: string[] } = {};
  if (options.before > 0) {
    context.before = [];
    for (let start = line.start; start > 0 && context.before.length < options.before; ) {
      const end = start - 1;
      start = end === 0 ? 0 : text.lastIndexOf('\n', end - 1) + 1;
      context.before.unshift(text.slice(start, withoutReturn(text, end)));
    }
  }
  if (options.after > 0) {
    context.after = [];
    for (let start = line.end + 1; start < text.length && context.after.length < options.after; ) {
      const feed = text.indexOf('\n', start);
      const end = feed < 0 ? text.length : feed;
      context.after.push(text.slice(start, withoutReturn(text, end)));
      start = end + 1;
    }
  }
  return context;
}

interface FoundLine {
  readonly content: string;
  readonly span: Span;
  readonly line: number;
}

function describe({ content, span, line }: FoundLine, context: Context): LineMatch {
  const match: LineMatch = {
    line,
    line_number: line,
    column: countCharacters(content.slice(0, span.start)) + 1,
    content: cut(content),
    match: cut(content.slice(span.start, span.end)),
    ...(context.before && { before: context.before.map(cut) }),
    ...(context.after && { after: context.after.map(cut) }),
  };
  const texts = [content, ...(context.before ?? []), ...(context.after ?? [])];
  return texts.some((text) => cut(text) !== text) ? { ...match, truncated: true } : match;
}

/** The first characters of a text; most are short enough to be told by their length alone. */
function cut(text: string): string {
  if (text.length <= LINE_CHARACTERS) return text;
  let end = 0;
  for (let i = 0; i < LINE_CHARACTERS && end < text.length; i++) end += text.codePointAt(end)! > 0xffff ? 2 : 1;
  return text.slice(0, end);
}
