/**
 * Branches of the tree (files.md §11). Guarantees: making one costs the same for any tree; one that others grew from, or
 * that a snapshot names, is not deleted: CONFLICT with reason HAS_BRANCHES or HAS_SNAPSHOTS.
 */
import { z } from 'zod';
import { isoTime } from '../../../base/clock.ts';
import { readCursor, writeCursor } from '../../../base/cursor.ts';
import { Fault, invalidParams } from '../../../base/faults.ts';
import { limitExceeded } from '../../../base/limits.ts';
import { idText, plainText } from '../../../base/texts.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { viewParams } from '../params.ts';
import { ownTotals } from '../usage.sql.ts';
import { MAIN, type View } from '../view.ts';
import { viewOf } from '../view-of.ts';
import { type BranchRow, childrenOf, insertBranch, listBranches, listChain, removeBranch } from './branches.sql.ts';
import { snapshotsOf } from './snapshots.sql.ts';

const BRANCHES_DEFAULT = 1_000;

const branchObject = z.object({
  name: z.string(),
  parent: z.string(),
  base_revision: z.number(),
  created_at: z.string(),
  created_by: z.string(),
});
type BranchObject = z.infer<typeof branchObject>;

const toObject = (row: Omit<BranchRow, 'branch' | 'parent'>, parent: string): BranchObject => ({
  name: row.name,
  parent,
  base_revision: row.base_revision,
  created_at: isoTime(row.created_at),
  created_by: row.created_by,
});

const createInput = z.object({
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, '1 to 63 characters a-z, 0-9 and -, first and last no dash')
    .describe('name of the branch, by which it is named wherever a branch is'),
  from: viewParams.as_of.describe('revision, snapshot id or name, or time to grow from; now unless given'),
  branch: viewParams.branch.describe('branch to grow from; main unless given'),
});

export const treeBranchCreate: Operation<z.infer<typeof createInput>, BranchObject> = {
  name: 'tree-branch.create',
  summary: 'Begin a line of changes of its own, on the tree as it is or was. Costs the same for any size.',
  effect: 'write',
  who: { role: 'operator' },
  input: createInput,
  output: branchObject,
  faults: [
    'ACCESS_DENIED',
    'BRANCH_NOT_FOUND',
    'SNAPSHOT_NOT_FOUND',
    'REVISION_GONE',
    'ALREADY_EXISTS',
    'LIMIT_EXCEEDED',
  ],
  rpc: { name: 'tree_branch_create' },
  http: { method: 'POST', path: '/api/v2/tree/branches', status: 201 },
  cli: { words: 'tree-branch create', args: ['name'] },
  examples: [{ title: 'of main as it is', input: { name: 'try-it' } }],
  needs: () => [{ permission: 'write', path: '/' }],
  object: (input) => input.name,
  run: async (call, input) => {
    const { tx, zone, now } = call;
    const parent = await viewOf(call, { branch: input.branch, as_of: input.from, by: 'from' });
    checkDepth(call, parent);
    await refuseTaken(call, input.name);
    const base_revision = parent.layers[0].at ?? zone.seq;
    const { name } = input;
    const data = { parent: parent.name, base_revision };
    const revision = call.event({ type: 'tree_branch.created', branch: name, data });
    const row: BranchRow = {
      branch: `b${revision}`,
      name,
      parent: parent.layers[0].branch,
      base_revision,
      created_at: now,
      created_by: call.caller.user_id,
    };
    await insertBranch(tx, zone.zone_id, row);
    return toObject(row, parent.name);
  },
};

/** Each read of a branch looks through all it grew from. */
function checkDepth(call: Call, parent: View): void {
  const maximum = call.limits.BRANCH_DEPTH;
  const actual = parent.layers.length;
  if (actual > maximum) throw limitExceeded('BRANCH_DEPTH', maximum, { actual, what: `branches below ${parent.name}` });
}

async function refuseTaken(call: Call, name: string): Promise<void> {
  const taken = name === MAIN || (await listChain(call.tx, call.zone.zone_id, { name })).length > 0;
  if (taken) throw new Fault('ALREADY_EXISTS', `A branch ${name} exists; choose another name`, { name });
}

const listInput = z.object({
  limit: z.int().min(1).default(BRANCHES_DEFAULT).describe('branches of a page'),
  cursor: z.string().optional().describe('next_cursor of the page before'),
});
const listOutput = z.object({
  branches: z.array(branchObject),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
const cursorState = z.object({ after: plainText });
const CURSOR = 'tree-branches';

export const treeBranchList: Operation<z.infer<typeof listInput>, z.infer<typeof listOutput>> = {
  name: 'tree-branch.list',
  summary: 'List the branches beside main, by name.',
  effect: 'read',
  who: { role: 'viewer' },
  input: listInput,
  output: listOutput,
  faults: ['INVALID_CURSOR'],
  rpc: { name: 'tree_branch_list' },
  http: { method: 'GET', path: '/api/v2/tree/branches' },
  cli: { words: 'tree-branch list' },
  examples: [{ title: 'all', input: {} }],
  run: async (call, input) => {
    const after = input.cursor === undefined ? '' : readCursor(CURSOR, input.cursor, cursorState).after;
    const limit = Math.min(input.limit, call.limits.LIST_ENTRIES);
    const rows = await listBranches(call.tx, call.zone.zone_id, { after, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const has_more = rows.length > limit;
    return {
      branches: page.map((row) => toObject(row, row.parent_name ?? MAIN)),
      has_more,
      next_cursor: has_more && last ? writeCursor(CURSOR, { after: last.name }) : null,
    };
  },
};

const deleteInput = z.object({ name: idText.describe('name of the branch') });
const deleteOutput = z.object({ deleted: z.literal(true) });

export const treeBranchDelete: Operation<z.infer<typeof deleteInput>, z.infer<typeof deleteOutput>> = {
  name: 'tree-branch.delete',
  summary: 'Delete a branch with all that was changed on it and not merged.',
  effect: 'destroy',
  who: { role: 'operator' },
  input: deleteInput,
  output: deleteOutput,
  faults: ['ACCESS_DENIED', 'BRANCH_NOT_FOUND', 'CONFLICT'],
  rpc: { name: 'tree_branch_delete' },
  http: { method: 'DELETE', path: '/api/v2/tree/branches/:name' },
  cli: { words: 'tree-branch delete', args: ['name'] },
  needs: () => [{ permission: 'write', path: '/' }],
  object: (input) => input.name,
  run: async (call, { name }) => {
    if (name === MAIN) throw invalidParams({ path: 'name', message: 'main cannot be deleted' });
    const view = await viewOf(call, { branch: name });
    const { branch } = view.layers[0];
    await refuseNeeded(call, view);
    const own = await ownTotals(call.tx, view, '/');
    call.use('storage_bytes', -own.bytes);
    call.use('files', -own.files);
    const revision = call.event({ type: 'tree_branch.deleted', branch: name });
    await removeBranch(call.tx, call.zone.zone_id, { branch, revision });
    return { deleted: true };
  },
};

/** What a branch that is kept still needs of this one. */
async function refuseNeeded(call: Call, view: View): Promise<void> {
  const { zone_id } = call.zone;
  const { branch } = view.layers[0];
  const branches = await childrenOf(call.tx, zone_id, branch);
  if (branches.length > 0) {
    const message = `Branch ${view.name} has branches of its own (${branches.join(', ')}); delete those first`;
    throw new Fault('CONFLICT', message, { reason: 'HAS_BRANCHES', branches });
  }
  const snapshots = await snapshotsOf(call.tx, zone_id, branch);
  if (snapshots.length === 0) return;
  const message = `Branch ${view.name} has snapshots (${snapshots.join(', ')}); delete those first`;
  throw new Fault('CONFLICT', message, { reason: 'HAS_SNAPSHOTS', snapshots });
}
