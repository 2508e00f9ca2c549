/**
 * grep (files.md §9): matching lines in path order, in pages that show one moment of the tree. The transaction finds the
 * files; their contents are searched after it (grep-page.ts).
 */
import { z } from 'zod';
import { plainText } from '../../../base/texts.ts';
import { AnswerJson } from '../../../core/call/answer-bytes.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { reachInto } from '../reach.ts';
import { someBytes } from '../read-shapes.ts';
import type { View } from '../view.ts';
import { viewOf } from '../view-of.ts';
import { firstFiles } from './grep-files.ts';
import { findMatches, type GrepPlace, type GrepPlan, startOf } from './grep-page.ts';
import { compileLinePattern } from './regex.ts';
import {
  carried,
  carriedPath,
  nextCursor,
  openPage,
  placeOf,
  type SearchKind,
  type SearchPage,
  searchParams,
} from './search-page.ts';

const MATCHES_DEFAULT = 1_000;
const CONTEXT_LINES_MAX = 10;

const contextLines = z.int().min(0).max(CONTEXT_LINES_MAX);

const grepInput = z.object({
  pattern: plainText.describe('regular expression, RE2 syntax'),
  ignore_case: z.boolean().optional().describe('letters of either case match'),
  fixed: z.boolean().optional().describe('the pattern is a text, not an expression'),
  file_pattern: plainText.optional().describe('only files that this glob matches'),
  before_context: contextLines.optional().describe('lines before each match'),
  after_context: contextLines.optional().describe('lines after each match'),
  limit: z.int().min(1).optional().describe(`matches of a page, ${MATCHES_DEFAULT} unless given`),
  max_results: z.int().min(1).optional().describe('the same as limit'),
  ...searchParams,
});
type GrepInput = z.infer<typeof grepInput>;
/** With whether there is an index to narrow by. */
type Ready = GrepInput & { readonly indexed: boolean };

const grepOutput = z.object({
  /** JSON array of matches, in pieces. */
  matches: z.array(someBytes),
  files_searched: z.number(),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
type GrepOutput = z.infer<typeof grepOutput>;

const options = z.object({
  pattern: z.string(),
  path: carriedPath,
  ignore_case: z.boolean(),
  fixed: z.boolean(),
  file_pattern: z.string().nullable(),
  exclude: z.array(z.string()),
  before_context: contextLines,
  after_context: contextLines,
});
type Options = z.infer<typeof options>;

const place = z.object({
  path: carriedPath,
  offset: z.int().min(0),
  line: z.int().min(1),
  from: z.int().min(0),
});

const GREP: SearchKind<Options, GrepPlace> = {
  name: 'grep',
  state: z.object({ ...carried, options, at: place }),
};

/** What the transaction found, and what its page is one of. */
interface Begun {
  readonly page: SearchPage<Options, GrepPlace>;
  readonly plan: GrepPlan;
  readonly view: View;
  readonly seq: number;
}

export const grep: Operation<GrepInput, GrepOutput, Ready, Begun> = {
  name: 'file.grep',
  ownCursor: true,
  tool: 'search_files',
  summary: 'Find lines by a regular expression or a text.',
  effect: 'read',
  who: { role: 'viewer' },
  heavy: true,
  input: grepInput,
  output: grepOutput,
  faults: [
    'INVALID_PATTERN',
    'INVALID_CURSOR',
    'REVISION_GONE',
    'BRANCH_NOT_FOUND',
    'SNAPSHOT_NOT_FOUND',
    'INVALID_PARAMS',
  ],
  rpc: { name: 'grep', present: (output) => ({ ...output, matches: new AnswerJson(output.matches) }) },
  cli: { words: 'file grep', args: ['pattern', 'path'] },
  examples: [{ title: 'a word', input: { pattern: 'word' } }],
  mapPaths: (input, map) => ({ ...input, path: map(placeOf(GREP, input)) }),
  reach: (input) => reachInto(input.path ?? '/', input, { depth: 'tree', content: true }),
  prepare: async (input, { bricks }) => ({ ...input, indexed: !bricks.isOff('search') }),
  run: async (call, input) => {
    const page = openPage(GREP, input, { given: givenOptions(call, input), defaults: DEFAULTS });
    const { options } = page;
    const pattern = compileLinePattern(
      { pattern: options.pattern, fixed: options.fixed, ignoreCase: options.ignore_case },
      call.limits,
    );
    const view = await viewOf(call, page.view);
    const start = page.state?.at ?? startOf('');
    const { file_pattern, exclude } = options;
    const path = input.path ?? '/';
    const batch = await firstFiles(call, view, { path, file_pattern, exclude, from: start.path });
    const plan: GrepPlan = {
      pattern,
      before: options.before_context,
      after: options.after_context,
      start,
      batch,
      indexed: input.indexed,
      limit: Math.min(input.limit ?? input.max_results ?? MATCHES_DEFAULT, call.limits.GREP_MATCHES),
      time: call.limits.GREP_SLICE_MS,
      shown: call.shown,
    };
    return { page, plan, view, seq: call.zone.seq };
  },
  finish: async ({ page, plan, view, seq }, finishing) => {
    const { next, ...found } = await findMatches(plan, finishing);
    return {
      ...found,
      has_more: next !== undefined,
      next_cursor: nextCursor(GREP, page, next && { view, seq, at: next }),
    };
  },
};

const DEFAULTS: Options = {
  pattern: '',
  path: '/',
  ignore_case: false,
  fixed: false,
  file_pattern: null,
  exclude: [],
  before_context: 0,
  after_context: 0,
};

const givenOptions = (call: Call, input: GrepInput): Partial<Options> => ({
  pattern: input.pattern,
  path: call.shown(input.path ?? '/'),
  ignore_case: input.ignore_case,
  fixed: input.fixed,
  file_pattern: input.file_pattern,
  exclude: input.exclude,
  before_context: input.before_context,
  after_context: input.after_context,
});
