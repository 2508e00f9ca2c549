/** Snapshots of the tree (files.md §11): a name for a revision of a branch. They pin what they need. */
import { z } from 'zod';
import { isoTime } from '../../../base/clock.ts';
import { readCursor, writeCursor } from '../../../base/cursor.ts';
import { Fault } from '../../../base/faults.ts';
import { newId } from '../../../base/ids.ts';
import { hasControl } from '../../../base/paths.ts';
import { idText, plainText } from '../../../base/texts.ts';
import type { Call, NewEvent, Operation } from '../../../core/operation.ts';
import { denied } from '../../access/grants.ts';
import { branchParam, path } from '../params.ts';
import { reachPast } from '../reach.ts';
import { MAIN } from '../view.ts';
import { branchView, getSnapshot, viewOf } from '../view-of.ts';
import { inPathSet } from '../within.ts';
import { isSnapshotName } from './moment.ts';
import { deleteSnapshot, findSnapshot, insertSnapshot, listSnapshots, type SnapshotRow } from './snapshots.sql.ts';

const NAME_CHARACTERS = 255;
const DESCRIPTION_CHARACTERS = 10_000;
const SNAPSHOTS_DEFAULT = 1_000;

const snapshotObject = z.object({
  snapshot_id: z.string(),
  name: z.string(),
  revision: z.number(),
  path: z.string(),
  branch: z.string(),
  description: z.string().nullable(),
  created_at: z.string(),
  created_by: z.string(),
});
type SnapshotObject = z.infer<typeof snapshotObject>;

const toObject = (call: Call, row: SnapshotRow, branch: string): SnapshotObject => ({
  snapshot_id: row.snapshot_id,
  name: row.name,
  revision: row.revision,
  path: call.shown(row.path),
  branch,
  description: row.description,
  created_at: isoTime(row.created_at),
  created_by: row.created_by,
});

const createInput = z.object({
  name: z
    .string()
    .max(NAME_CHARACTERS)
    .refine((name) => isSnapshotName(name) && !hasControl(name) && name.isWellFormed(), {
      message: 'may not be empty, all digits, or read as a time or day, nor begin or end with a blank',
    })
    .optional()
    .describe('unique in the zone; its id unless given'),
  path: path.default('/').describe('the part of the tree it is taken for'),
  description: plainText.max(DESCRIPTION_CHARACTERS).optional().describe('what the snapshot is for'),
  ...branchParam,
});
type CreateInput = z.infer<typeof createInput>;

export const treeSnapshotCreate: Operation<CreateInput, SnapshotObject, CreateInput & { snapshot_id: string }> = {
  name: 'tree-snapshot.create',
  summary: 'Give the tree as it is now a name, under which it stays readable. Costs the same for any size.',
  effect: 'write',
  who: { role: 'operator' },
  input: createInput,
  output: snapshotObject,
  faults: ['ACCESS_DENIED', 'BRANCH_NOT_FOUND', 'ALREADY_EXISTS'],
  rpc: { name: 'tree_snapshot_create' },
  http: { method: 'POST', path: '/api/v2/tree/snapshots', status: 201 },
  cli: { words: 'tree-snapshot create', args: ['name'] },
  examples: [{ title: 'of everything', input: { name: 'before-the-change' } }],
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  prepare: async (input) => ({ ...input, snapshot_id: newId('snap') }),
  needs: (ready) => [{ permission: 'read', path: ready.path }],
  reach: (ready) => reachPast(ready.path),
  object: (ready) => ready.snapshot_id,
  run: async (call, ready) => {
    const { tx, zone } = call;
    const view = await viewOf(call, { branch: ready.branch });
    const { snapshot_id, name = snapshot_id } = ready;
    if (await findSnapshot(tx, zone.zone_id, name)) {
      throw new Fault('ALREADY_EXISTS', `A snapshot ${name} exists; choose another name`, { name });
    }
    const row: SnapshotRow = {
      snapshot_id,
      name,
      description: ready.description ?? null,
      revision: zone.seq,
      path: ready.path,
      branch: view.layers[0].branch,
      created_at: call.now,
      created_by: call.caller.user_id,
    };
    await insertSnapshot(tx, zone.zone_id, row);
    note(call, 'tree_snapshot.created', { row, branch: view.name });
    return toObject(call, row, view.name);
  },
};

function note(call: Call, type: NewEvent['type'], { row, branch }: { row: SnapshotRow; branch: string }): void {
  const { snapshot_id: id, name, revision, path: at } = row;
  call.event({
    type,
    path: at,
    ...(branch === MAIN ? {} : { branch }),
    object: { type: 'tree_snapshot', id },
    data: { name, revision },
  });
}

const listInput = z.object({
  limit: z.int().min(1).default(SNAPSHOTS_DEFAULT).describe('snapshots of a page'),
  cursor: z.string().optional().describe('next_cursor of the page before'),
});
const listOutput = z.object({
  snapshots: z.array(snapshotObject),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
const cursorState = z.object({ created_at: z.number(), snapshot_id: plainText });
const CURSOR = 'tree-snapshots';

export const treeSnapshotList: Operation<z.infer<typeof listInput>, z.infer<typeof listOutput>> = {
  name: 'tree-snapshot.list',
  summary: 'List the snapshots of places that the caller may read, newest first.',
  effect: 'read',
  who: { role: 'viewer' },
  input: listInput,
  output: listOutput,
  faults: ['INVALID_CURSOR'],
  rpc: { name: 'tree_snapshot_list' },
  http: { method: 'GET', path: '/api/v2/tree/snapshots' },
  cli: { words: 'tree-snapshot list' },
  examples: [{ title: 'the newest', input: {} }],
  run: async (call, input) => {
    const after = input.cursor === undefined ? null : readCursor(CURSOR, input.cursor, cursorState);
    const limit = Math.min(input.limit, call.limits.LIST_ENTRIES);
    const shown = inPathSet('s.path', await call.access.readable(), call.tx.dialect);
    const rows = await listSnapshots(call.tx, call.zone.zone_id, { after, shown, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const has_more = rows.length > limit;
    return {
      snapshots: page.map((row) => toObject(call, row, row.branch_name ?? MAIN)),
      has_more,
      next_cursor:
        has_more && last ? writeCursor(CURSOR, { created_at: last.created_at, snapshot_id: last.snapshot_id }) : null,
    };
  },
};

const oneInput = z.object({ id: idText.describe('id or name of the snapshot') });
type OneInput = z.infer<typeof oneInput>;

const branchName = async (call: Call, row: SnapshotRow): Promise<string> =>
  (await branchView(call, { key: row.branch }, null)).name;

export const treeSnapshotGet: Operation<OneInput, SnapshotObject> = {
  name: 'tree-snapshot.get',
  summary: 'What is known of one snapshot.',
  effect: 'read',
  who: { role: 'viewer' },
  input: oneInput,
  output: snapshotObject,
  faults: ['SNAPSHOT_NOT_FOUND'],
  rpc: { name: 'tree_snapshot_get' },
  http: { method: 'GET', path: '/api/v2/tree/snapshots/:id' },
  cli: { words: 'tree-snapshot get', args: ['id'] },
  run: async (call, { id }) => {
    const row = await getSnapshot(call, id);
    return toObject(call, row, await branchName(call, row));
  },
};

const deleteOutput = z.object({ deleted: z.literal(true) });

export const treeSnapshotDelete: Operation<OneInput, z.infer<typeof deleteOutput>> = {
  name: 'tree-snapshot.delete',
  summary: 'Delete a snapshot: the name, not the tree. Its maker may, and who may write its path.',
  effect: 'destroy',
  who: { role: 'operator' },
  input: oneInput,
  output: deleteOutput,
  faults: ['SNAPSHOT_NOT_FOUND', 'ACCESS_DENIED'],
  rpc: { name: 'tree_snapshot_delete' },
  http: { method: 'DELETE', path: '/api/v2/tree/snapshots/:id' },
  cli: { words: 'tree-snapshot delete', args: ['id'] },
  object: (input) => input.id,
  run: async (call, { id }) => {
    const row = await getSnapshot(call, id);
    const own = row.created_by === call.caller.user_id;
    if (!own && !(await call.access.allows('write', row.path))) {
      throw denied({ permission: 'write', path: row.path }, call.context);
    }
    const branch = await branchName(call, row);
    await deleteSnapshot(call.tx, call.zone.zone_id, row.snapshot_id);
    note(call, 'tree_snapshot.deleted', { row, branch });
    return { deleted: true };
  },
};
