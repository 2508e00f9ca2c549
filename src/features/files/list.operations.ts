/** list (files.md §9): entries in path order, in pages that together show one moment of the tree. */
import { z } from 'zod';
import { contradicts, readCursor, writeCursor } from '../../base/cursor.ts';
import { ancestorsOf, isBelow } from '../../base/paths.ts';
import type { PathSet } from '../../core/call/access.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { denied } from '../access/grants.ts';
import { entryObject, fileObject, toEntry, toFileObject } from './file-object.ts';
import { listBelow, listChildren, type StateRow } from './files.sql.ts';
import { readableIn } from './history/past-access.ts';
import { path, viewParams } from './params.ts';
import { reachInto, requireHashes } from './reach.ts';
import { fileNotFound, lookUp, notADirectory } from './tree.ts';
import { MAIN, type View } from './view.ts';
import { viewOf } from './view-of.ts';

const ENTRIES_DEFAULT = 1_000;

const listInput = z.object({
  path: path.default('/'),
  recursive: z.boolean().optional().describe('everything below, not only the entries'),
  details: z.boolean().optional().describe('file objects instead of paths'),
  limit: z.int().min(1).optional().describe(`entries of a page, ${ENTRIES_DEFAULT} unless given`),
  cursor: z.string().optional().describe('next_cursor of the page before'),
  ...viewParams,
});
type ListInput = z.infer<typeof listInput>;

const listOutput = z.object({
  files: z.array(z.union([z.string(), fileObject])),
  entries: z.array(z.union([fileObject, entryObject])),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
  revision: z.number(),
});
type ListOutput = z.infer<typeof listOutput>;

const cursorState = z.object({
  path: z.string(),
  after: z.string(),
  revision: z.int().min(0),
  recursive: z.boolean(),
  details: z.boolean(),
  branch: z.string().optional(),
  /** As the first page was asked for. */
  as_of: z.string().optional(),
});
type CursorState = z.infer<typeof cursorState>;

const CURSOR = 'list';

/** Where this page begins: at the start, or where the cursor says. */
function pageOf(call: Call, input: ListInput): CursorState & { first: boolean } {
  const { recursive = false, details = false, branch } = input;
  const as_of = input.as_of === undefined ? undefined : String(input.as_of);
  if (input.cursor === undefined) {
    return { path: input.path, after: '', revision: call.zone.seq, recursive, details, branch, as_of, first: true };
  }
  const state = readCursor(CURSOR, input.cursor, cursorState);
  if (state.revision > call.zone.seq) throw contradicts('zone_id');
  if (state.path !== input.path) throw contradicts('path');
  if (input.recursive !== undefined && input.recursive !== state.recursive) throw contradicts('recursive');
  if (input.details !== undefined && input.details !== state.details) throw contradicts('details');
  if (branch !== undefined && branch !== (state.branch ?? MAIN)) throw contradicts('branch');
  if (as_of !== undefined && as_of !== state.as_of) throw contradicts('as_of');
  return { ...state, first: false };
}

export const list: Operation<ListInput, ListOutput> = {
  name: 'file.list',
  ownCursor: true,
  summary: 'List a directory: what is in it that the caller may read.',
  effect: 'read',
  who: { role: 'viewer' },
  heavy: true,
  input: listInput,
  output: listOutput,
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'NOT_A_DIRECTORY', 'INVALID_CURSOR', 'REVISION_GONE'],
  rpc: { name: 'list', aliases: ['list_dir'] },
  cli: { words: 'file list', args: ['path'] },
  examples: [{ title: 'the root', input: { path: '/' } }],
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  reach: (input) => reachInto(input.path, input, { depth: input.recursive ? 'tree' : 'entries', content: false }),
  run: async (call, input) => {
    const page = pageOf(call, input);
    const unreadable = () => denied({ permission: 'read', path: page.path }, call.context);
    if (!(await call.access.readable()).touches(page.path)) throw unreadable();
    const as_of = page.first ? input.as_of : page.revision;
    const paging = !page.first && page.as_of === undefined;
    const view = await viewOf(call, { branch: page.branch, as_of, paging });
    const readable = await readableIn(call, view);
    if (!readable.touches(page.path)) throw unreadable();
    if (page.first) await checkDirectory(call, view, page.path, readable);
    const limit = Math.min(input.limit ?? ENTRIES_DEFAULT, call.limits.LIST_ENTRIES);
    const rows = await rowsOf(call, view, { page, readable, limit: limit + 1 });
    const shown = rows.slice(0, limit);
    requireHashes(call, shown, `${page.path} ${page.after}`);
    const has_more = rows.length > limit;
    const last = shown.at(-1);
    const revision = page.first ? (view.layers[0].at ?? call.zone.seq) : page.revision;
    return {
      files: shown.map((row) => (page.details ? toFileObject(row, call.shown(row.path)) : call.shown(row.path))),
      entries: shown.map((row) => (page.details ? toFileObject : toEntry)(row, call.shown(row.path))),
      has_more,
      next_cursor: has_more && last ? writeCursor(CURSOR, nextOf(page, view, { after: last.path, revision })) : null,
      revision,
    };
  },
};

/** A page of a snapshot goes on with the branch that the snapshot is of. */
const nextOf = (page: CursorState, view: View, last: Pick<CursorState, 'after' | 'revision'>): CursorState => ({
  path: page.path,
  ...last,
  recursive: page.recursive,
  details: page.details,
  ...(view.name === MAIN ? {} : { branch: view.name }),
  as_of: page.as_of,
});

async function checkDirectory(call: Call, view: View, folder: string, readable: PathSet): Promise<void> {
  if (folder === '/') return;
  const { state } = await lookUp(call, view, folder);
  if (state?.kind === 'd') return;
  // Who may read something below a place, not the place, learns no more of it than who may read nothing there.
  if (!readable.has(folder)) throw denied({ permission: 'read', path: folder }, call.context);
  if (state) throw notADirectory(call, folder);
  throw fileNotFound(call, folder);
}

interface RowsQuery {
  readonly page: CursorState;
  readonly readable: PathSet;
  readonly limit: number;
}

/** One statement, whatever the number of grants: they are given to it as a set. */
function rowsOf(call: Call, view: View, query: RowsQuery): Promise<StateRow[]> {
  const { page, readable, limit } = query;
  const bounds = { folder: page.path, after: page.after, limit };
  const whole = readable.has(page.path);
  if (page.recursive) {
    const only = whole ? null : rootsBelow(readable, page.path);
    return listBelow(call.tx, view, { ...bounds, only, towards: only ? foldersTowards(only, page.path) : [] });
  }
  const only = whole ? null : namesTowards(readable, page.path);
  return listChildren(call.tx, view, { ...bounds, only });
}

const rootsBelow = (readable: PathSet, folder: string): string[] =>
  readable.roots.filter((root) => isBelow(root, folder));

/** The folders between a folder and what is readable below it. */
const foldersTowards = (roots: readonly string[], folder: string): string[] => [
  ...new Set(roots.flatMap(ancestorsOf).filter((above) => isBelow(above, folder))),
];

/** The entries of a folder that are readable or lead to something readable. */
function namesTowards(readable: PathSet, folder: string): string[] {
  const start = folder === '/' ? 1 : folder.length + 1;
  const names = rootsBelow(readable, folder).map((root) => {
    const end = root.indexOf('/', start);
    return end < 0 ? root : root.slice(0, end);
  });
  return [...new Set(names)];
}
