/** tree_diff (files.md §11): what changed between two moments of a branch, in path order. */
import { z } from 'zod';
import { contradicts, readCursor, writeCursor } from '../../../base/cursor.ts';
import { invalidParams } from '../../../base/faults.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { denied } from '../../access/grants.ts';
import { listStatesOf } from '../files.sql.ts';
import { path, viewParams } from '../params.ts';
import { frozen, type PastView } from '../view.ts';
import { apartFrom, viewOf } from '../view-of.ts';
import { inPathSet } from '../within.ts';
import { listPairs, type Side } from './diff.sql.ts';
import { type Change, changeOf, type Sight } from './diff.ts';
import { readableIn } from './past-access.ts';

const CHANGES_DEFAULT = 1_000;
/** Paths that are looked at together. */
const PATHS_MAX = 100_000;

const diffInput = z.object({
  from: viewParams.as_of.describe('revision, snapshot id or name, or time'),
  to: viewParams.as_of.describe('the same; now unless given'),
  path: path.default('/').describe('only this and what is below'),
  limit: z.int().min(1).default(CHANGES_DEFAULT).describe('changes of a page'),
  cursor: z.string().optional().describe('next_cursor of the page before'),
  branch: viewParams.branch,
});
type DiffInput = z.infer<typeof diffInput>;

const sideObject = z.object({
  type: z.enum(['file', 'directory']),
  etag: z.string().nullable(),
  size: z.number(),
  version: z.number().nullable(),
});
const diffOutput = z.object({
  changes: z.array(
    z.object({
      path: z.string(),
      change: z.enum(['added', 'removed', 'modified', 'renamed']),
      old_path: z.string().optional(),
      from: sideObject.optional(),
      to: sideObject.optional(),
    }),
  ),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
type DiffOutput = z.infer<typeof diffOutput>;

const momentState = z.object({ branch: z.string(), as_of: z.number() });
const cursorState = z.object({
  path: z.string(),
  /** As they were asked for. */
  asked: z.array(z.union([z.number(), z.string(), z.null()])).length(3),
  from: momentState,
  to: momentState,
  after: z.string(),
});
type CursorState = z.infer<typeof cursorState>;
const CURSOR = 'tree-diff';

export const treeDiff: Operation<DiffInput, DiffOutput> = {
  name: 'tree.diff',
  ownCursor: true,
  summary: 'What changed between two moments of the tree: added, removed, modified, renamed.',
  effect: 'read',
  who: { role: 'viewer' },
  heavy: true,
  input: diffInput,
  output: diffOutput,
  faults: ['ACCESS_DENIED', 'BRANCH_NOT_FOUND', 'SNAPSHOT_NOT_FOUND', 'REVISION_GONE', 'INVALID_CURSOR'],
  rpc: { name: 'tree_diff' },
  http: { method: 'GET', path: '/api/v2/tree/diff' },
  cli: { words: 'tree diff', args: ['from', 'to'] },
  examples: [{ title: 'since the beginning', input: { from: 0 } }],
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  run: async (call, input) => {
    const readable = await call.access.readable();
    if (!readable.touches(input.path)) throw denied({ permission: 'read', path: input.path }, call.context);
    const page = await pageOf(call, input);
    const { before, after } = page;
    const sight: Sight = {
      before: await readableIn(call, before),
      after: await readableIn(call, after),
      path: input.path,
    };
    const limit = Math.min(input.limit, call.limits.LIST_ENTRIES);
    const found = await gather(call, page, { sight, limit: limit + 1 });
    const shown = found.slice(0, limit);
    const last = shown.at(-1);
    const has_more = found.length > limit;
    return {
      changes: await present(call, before, shown),
      has_more,
      next_cursor: has_more && last ? writeCursor(CURSOR, { ...page.state, after: last.path }) : null,
    };
  },
};

interface Page {
  readonly before: PastView;
  readonly after: PastView;
  readonly state: CursorState;
}

/** Both views, each at a revision that later pages keep to. */
async function pageOf(call: Call, input: DiffInput): Promise<Page> {
  const { branch = null, from = null, to = null } = input;
  const asked = [branch, from, to];
  const known = input.cursor === undefined ? undefined : readCursor(CURSOR, input.cursor, cursorState);
  if (!known && input.from === undefined) throw invalidParams({ path: 'from', message: 'is required' });
  if (known && known.path !== input.path) throw contradicts('path');
  for (const [at, name] of ['branch', 'from', 'to'].entries()) {
    if (known && asked[at] !== null && asked[at] !== known.asked[at]) throw contradicts(name);
  }
  const { seq } = call.zone;
  const before = frozen(
    apartFrom(call, await viewOf(call, known?.from ?? { branch: input.branch, as_of: input.from, by: 'from' })),
    seq,
  );
  const after = frozen(
    apartFrom(call, await viewOf(call, known?.to ?? { branch: input.branch, as_of: input.to, by: 'to' })),
    seq,
  );
  if (known) return { before, after, state: known };
  const momentOf = (view: PastView) => ({ branch: view.name, as_of: view.layers[0].at });
  const state = { path: input.path, asked, from: momentOf(before), to: momentOf(after), after: '' };
  return { before, after, state };
}

interface Gathering {
  readonly sight: Sight;
  readonly limit: number;
}

/**
 * Changes from where the page begins. Where many paths have none to tell (their files moved, or came back to what they
 * were), each look takes in twice as many as the one before.
 */
async function gather(call: Call, page: Page, { sight, limit }: Gathering): Promise<Change[]> {
  const changes: Change[] = [];
  const { path } = sight;
  const readable = await call.access.readable();
  const only = readable.has(path) ? undefined : inPathSet('s.path', readable, call.tx.dialect);
  let { after } = page.state;
  for (let rows = limit; ; rows = Math.min(rows * 2, PATHS_MAX)) {
    const pairs = await listPairs(call.tx, page, { path, after, only, limit: rows });
    for (const pair of pairs) {
      const change = changeOf(pair, sight);
      if (change) changes.push(change);
      if (changes.length === limit) return changes;
    }
    const last = pairs.at(-1);
    if (!last || pairs.length < rows) return changes;
    after = last.path;
  }
}

/** In the form of the answer; of a renamed file `from` is what it was under its old path. */
async function present(call: Call, before: PastView, changes: readonly Change[]): Promise<DiffOutput['changes']> {
  const old = changes.flatMap(({ old_path }) => old_path ?? []);
  const rows = old.length > 0 ? await listStatesOf(call.tx, before, old) : [];
  const moved = new Map(rows.map((row) => [row.path, row]));
  return changes.map(({ path: at, change, old_path, before: was, after: is }) => {
    const from = old_path === undefined ? was : moved.get(old_path);
    return {
      path: call.shown(at),
      change,
      ...(old_path === undefined ? {} : { old_path: call.shown(old_path) }),
      ...(from ? { from: toSide(from) } : {}),
      ...(is ? { to: toSide(is) } : {}),
    };
  });
}

function toSide(side: Pick<Side, 'etag' | 'size' | 'version'> & { readonly kind: string | null }) {
  const directory = side.kind === 'd';
  const version = directory ? null : side.version;
  return {
    type: directory ? ('directory' as const) : ('file' as const),
    etag: side.etag,
    size: side.size ?? 0,
    version,
  };
}
