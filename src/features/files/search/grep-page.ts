/**
 * One page of a grep, outside any transaction: reads contents, matches lines and writes the answer. Guarantees: the page
 * is that of the tree as it was when the call began; it ends when it is full or its time is over, with the place where
 * the next one begins; other calls of the thread have their turn meanwhile.
 */
import { Slices } from '../../../base/slices.ts';
import type { Finishing } from '../../../core/operation.ts';
import { areKept, KEPT_BYTES_MAX, LARGE, loadTexts, type Text } from './contents.ts';
import { type GrepOptions, type LineWindow, searchLines, wholeText } from './grep.ts';
import { type JsonPieces, MatchesJson } from './match-json.ts';
import type { LinePattern } from './regex.ts';
import type { FoundFile } from './scan.sql.ts';
import { findCandidates } from './trigram-index.sql.ts';
import { trigramCondition } from './trigrams.ts';
import { type LinePlace, windowsOf } from './windows.ts';

/** Bytes of contents that are loaded at once. */
const LOAD_BYTES = 8 * 1024 * 1024;
/** Bytes of an answer. Only long lines with much context around them come to it. */
const PAGE_BYTES = 64 * 1024 * 1024;

/** Where a page begins: a file, a place to read it from, and the first of its lines that may match; 0 when none was read. */
export interface GrepPlace extends LinePlace {
  readonly path: string;
  readonly from: number;
}

export const startOf = (path: string): GrepPlace => ({ path, offset: 0, line: 1, from: 0 });

/** Files in path order, and how to come to those behind them. */
export interface FileBatch {
  readonly files: readonly FoundFile[];
  /** Undefined at the end. */
  readonly next: ((finishing: Finishing) => Promise<FileBatch>) | undefined;
}

export interface GrepPlan extends GrepOptions {
  readonly pattern: LinePattern;
  readonly start: GrepPlace;
  readonly batch: FileBatch;
  /** The index of trigrams may be asked. */
  readonly indexed: boolean;
  readonly limit: number;
  /** Milliseconds. */
  readonly time: number;
  /** The form in which a path is answered. */
  readonly shown: (path: string) => string;
}

export interface GrepFound {
  /** JSON array of matches. */
  readonly matches: JsonPieces;
  /** Files that this page was the first to look into. */
  readonly files_searched: number;
  /** Where the next page begins. */
  readonly next: GrepPlace | undefined;
}

/** A page while it is written. */
interface Page {
  readonly plan: GrepPlan;
  readonly finishing: Finishing;
  readonly json: MatchesJson;
  readonly slices: Slices;
  readonly deadline: number;
  /** What every matching line holds, unless matching begins with looking for it. */
  readonly needle: string | undefined;
  /** Hashes of the contents that may match; undefined when all may. */
  readonly candidates: ReadonlySet<string> | undefined;
  searched: number;
}

export async function findMatches(plan: GrepPlan, finishing: Finishing): Promise<GrepFound> {
  const { needle, seeksNeedle } = plan.pattern;
  const page: Page = {
    plan,
    finishing,
    json: new MatchesJson(),
    slices: new Slices(),
    deadline: performance.now() + plan.time,
    needle: seeksNeedle ? undefined : needle?.toString(),
    candidates: await candidatesOf(plan, finishing),
    searched: 0,
  };
  let batch: FileBatch | undefined = plan.batch;
  let next: GrepPlace | undefined;
  while (batch && !next) {
    next = await searchFiles(page, batch.files);
    batch = next ? undefined : await batch.next?.(finishing);
  }
  return { matches: page.json.pieces(), files_searched: page.searched, next };
}

/**
 * What the index of trigrams says. It is not asked where all texts are in memory and hold one needle or not, since that
 * is seen as fast. To read a quarter of all contents takes hardly longer than to be told which quarter.
 */
async function candidatesOf(
  { pattern, batch, indexed }: GrepPlan,
  { sql, thread }: Finishing,
): Promise<ReadonlySet<string> | undefined> {
  const { files } = batch;
  const condition = indexed ? trigramCondition(pattern) : undefined;
  if (!condition || files.length === 0 || (pattern.needle && areKept(thread, files))) return undefined;
  return sql.read((tx) => findCandidates(tx, condition, Math.ceil(files.length / 4)));
}

/** Where the page ended, if it did. */
async function searchFiles(page: Page, files: readonly FoundFile[]): Promise<GrepPlace | undefined> {
  for (let at = 0; at < files.length; ) {
    const group = nextGroup(page, files, at);
    const texts = await loadTexts(page.finishing, group.toLoad);
    for (; at < group.end; at++) {
      const file = files[at]!;
      // At least one file a page, or it would never end.
      if (page.slices.over() && page.searched > 0) {
        if (performance.now() > page.deadline) return startOf(file.path);
        await page.slices.rest();
      }
      const next = await searchFile(page, file, texts.get(file.etag) ?? '');
      if (next) return next;
    }
  }
  return undefined;
}

interface Group {
  readonly end: number;
  readonly toLoad: readonly FoundFile[];
}

/** The files from `at` on whose contents are loaded together. */
function nextGroup({ candidates }: Page, files: readonly FoundFile[], at: number): Group {
  const toLoad: FoundFile[] = [];
  let bytes = 0;
  let end = at;
  for (; end < files.length && bytes < LOAD_BYTES; end++) {
    const file = files[end]!;
    if (file.size === 0 || candidates?.has(file.etag) === false) continue;
    toLoad.push(file);
    if (file.size <= KEPT_BYTES_MAX) bytes += file.size;
  }
  return { end, toLoad };
}

async function searchFile(page: Page, file: FoundFile, text: Text): Promise<GrepPlace | undefined> {
  const { plan } = page;
  const place = plan.start.path === file.path ? plan.start : startOf(file.path);
  if (place.from === 0) page.searched++;
  if (text === LARGE) return searchLarge(page, file, place);
  if (text === '' || (page.needle !== undefined && !text.includes(page.needle))) return undefined;
  const line = addMatches(page, { ...wholeText(text), narrow: text.length === file.size }, place);
  return line === undefined ? undefined : { ...startOf(file.path), from: line };
}

async function searchLarge(page: Page, file: FoundFile, start: GrepPlace): Promise<GrepPlace | undefined> {
  const { plan, finishing, deadline } = page;
  let late = false;
  for await (const { place, firstLine, window } of windowsOf(finishing.blobs, file, { ...plan, start })) {
    if (late) return { path: file.path, ...place, from: Math.max(firstLine, start.from) };
    const line = window && addMatches(page, window, start);
    if (line !== undefined) return { path: file.path, ...place, from: line };
    late = performance.now() > deadline;
  }
  return undefined;
}

/** The first line that the page has no room for, if there is one. */
function addMatches({ plan, json }: Page, window: LineWindow, { path, from }: GrepPlace): number | undefined {
  let full: number | undefined;
  json.startFile(plan.shown(path));
  searchLines(window, plan, (match) => {
    if (match.line < from) return true;
    if (json.count === plan.limit || json.size > PAGE_BYTES) {
      full = match.line;
      return false;
    }
    json.add(match);
    return true;
  });
  return full;
}
