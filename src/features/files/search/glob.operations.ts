/** glob (files.md §9): the paths that a pattern matches, in path order, in pages that show one moment of the tree. */
import { z } from 'zod';
import { ancestorsOf, isBelow, rangeBelow } from '../../../base/paths.ts';
import { Slices } from '../../../base/slices.ts';
import { plainText } from '../../../base/texts.ts';
import { AnswerJson } from '../../../core/call/answer-bytes.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { readableIn } from '../history/past-access.ts';
import { reachInto } from '../reach.ts';
import { someBytes } from '../read-shapes.ts';
import type { View } from '../view.ts';
import { viewOf } from '../view-of.ts';
import type { Glob } from './glob.ts';
import { listPaths } from './listings.ts';
import { jsonPieces } from './match-json.ts';
import { behind, SCAN_ROWS, type Scope } from './scan.sql.ts';
import {
  carried,
  carriedPath,
  compileInside,
  nextCursor,
  openPage,
  placeOf,
  type SearchKind,
  scopeOf,
  searchParams,
} from './search-page.ts';

const MATCHES_DEFAULT = 10_000;

const globInput = z.object({
  pattern: plainText.describe('glob: * ? [a-z] {a,b} and ** for any number of folders'),
  include_directories: z.boolean().optional().describe('directories too, not only files'),
  limit: z.int().min(1).optional().describe(`matches of a page, ${MATCHES_DEFAULT} unless given`),
  ...searchParams,
});
type GlobInput = z.infer<typeof globInput>;

const globOutput = z.object({
  /** JSON array of paths, in pieces. */
  matches: z.array(someBytes),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
type GlobOutput = z.infer<typeof globOutput>;

const options = z.object({
  pattern: z.string(),
  path: carriedPath,
  exclude: z.array(z.string()),
  include_directories: z.boolean(),
});

/** A page begins with the first match that the one before had no room for. */
const GLOB: SearchKind<z.infer<typeof options>, string> = {
  name: 'glob',
  state: z.object({ ...carried, options, at: carriedPath }),
};

export const glob: Operation<GlobInput, GlobOutput> = {
  name: 'file.glob',
  ownCursor: true,
  tool: 'find_files',
  summary: 'Find paths by a glob.',
  effect: 'read',
  who: { role: 'viewer' },
  heavy: true,
  input: globInput,
  output: globOutput,
  faults: [
    'INVALID_PATTERN',
    'INVALID_CURSOR',
    'REVISION_GONE',
    'BRANCH_NOT_FOUND',
    'SNAPSHOT_NOT_FOUND',
    'INVALID_PARAMS',
  ],
  rpc: { name: 'glob', present: (output) => ({ ...output, matches: new AnswerJson(output.matches) }) },
  cli: { words: 'file glob', args: ['pattern', 'path'] },
  examples: [{ title: 'every file', input: { pattern: '**' } }],
  mapPaths: (input, map) => ({ ...input, path: map(placeOf(GLOB, input, input.pattern)) }),
  reach: (input) => reachInto(input.path ?? '/', input, { depth: 'tree', content: false }),
  run: async (call, input) => {
    const folder = input.path ?? '/';
    const page = openPage(GLOB, input, {
      given: {
        pattern: input.pattern,
        path: call.shown(folder),
        exclude: input.exclude,
        include_directories: input.include_directories,
      },
      defaults: { pattern: input.pattern, path: '/', exclude: [], include_directories: false },
    });
    const compiled = compileInside(call, page.options.pattern, folder);
    const excluded = page.options.exclude.map((pattern) => compileInside(call, pattern, folder));
    const view = await viewOf(call, page.view);
    const files = page.options.include_directories ? 'files and directories' : 'files';
    const scope = compiled.never ? undefined : scopeOf(await readableIn(call, view), compiled.prefix, files);
    const limit = Math.min(input.limit ?? MATCHES_DEFAULT, call.limits.GLOB_MATCHES);
    const search: Search = { compiled, excluded, from: page.state?.at ?? '', limit };
    const { matches, next } = scope ? await collect(call, view, { ...search, scope }) : NOTHING;
    const shown = call.shown('') === '' ? matches : matches.map(call.shown);
    return {
      matches: jsonPieces(shown),
      has_more: next !== undefined,
      next_cursor: nextCursor(GLOB, page, next === undefined ? undefined : { view, seq: call.zone.seq, at: next }),
    };
  },
};

interface Search {
  readonly compiled: Glob;
  readonly excluded: readonly Glob[];
  readonly from: string;
  readonly limit: number;
}

interface Found {
  readonly matches: readonly string[];
  /** The first match without room. */
  readonly next: string | undefined;
}

const NOTHING: Found = { matches: [], next: undefined };

async function collect(call: Call, view: View, search: Search & { readonly scope: Scope }): Promise<Found> {
  const { compiled, excluded, scope, limit } = search;
  const slices = new Slices();
  const matches: string[] = [];
  for (let from = search.from; ; ) {
    const paths = await listPaths(call, view, { scope, from });
    for (const path of paths) {
      if (!compiled.test(path) || excluded.some((one) => one.test(path))) continue;
      if (matches.length === limit) return { matches, next: path };
      matches.push(path);
    }
    const last = paths.at(-1);
    if (last === undefined || paths.length < SCAN_ROWS) return { matches, next: undefined };
    from = behindVain(compiled, last);
    // The snapshot of a read waits without harm.
    if (slices.over()) await slices.rest();
  }
}

/** Where the scan goes on: behind the path, and behind the topmost folder over it in which nothing can match. */
function behindVain(compiled: Glob, path: string): string {
  const vain = ancestorsOf(path).find((above) => isBelow(above, compiled.prefix) && !compiled.mayContain(above));
  return vain === undefined ? behind(path) : rangeBelow(vain).to;
}
