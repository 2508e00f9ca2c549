/**
 * A mount begins or ends, in the transaction of a call. Guarantees: at most one mount at a point; no two stores that overlap,
 * unless nobody writes to either; the owner's tuple comes and goes with the mount; nothing outside is ever removed, and nothing is
 * made for a mount that is refused.
 */
import { Fault } from '../../base/faults.ts';
import { newId, newUuid } from '../../base/ids.ts';
import { isBelow } from '../../base/paths.ts';
import { plural } from '../../base/plural.ts';
import { subjectText } from '../../core/call/doer.ts';
import { Detour } from '../../core/call/outside.ts';
import type { Call, NewEvent } from '../../core/operation.ts';
import { grant, revoke } from '../access/granting.ts';
import { findTuple } from '../access/tuple-rows.sql.ts';
import { beginDirectory, makeParents } from '../files/changes.ts';
import { endState } from '../files/files.sql.ts';
import { lookUp, notADirectory, pathFault } from '../files/tree.ts';
import { MAIN, mainView } from '../files/view.ts';
import type { ReadyForm, ReadyStore } from './forms.ts';
import { countPending, countPendingBelow } from './known.sql.ts';
import { mountAt, mountsBelow } from './mount.ts';
import {
  deleteMount,
  findMount,
  insertMount,
  listMounts,
  listOfStore,
  lockPlaces,
  type MountRow,
} from './mounts.sql.ts';
import { dropBelow, hasOwnBelow } from './states.sql.ts';

const conflict = (reason: string, message: string, more: Readonly<Record<string, unknown>> = {}): Fault =>
  new Fault('CONFLICT', message, { reason, ...more });

export function refuseRootMount(mount_point: string): void {
  if (mount_point === '/') {
    throw conflict('ROOT_MOUNT', 'The root mount is the tree of the zone itself: it is neither replaced nor removed');
  }
}

export interface Activation {
  readonly form: ReadyForm;
  readonly store: ReadyStore;
  readonly force: boolean;
}

/** Begins a mount; one that is there already is replaced. Gives its row. */
export async function activate(call: Call, { form, store, force }: Activation): Promise<MountRow> {
  const { tx, zone } = call;
  const { mount_point } = form;
  refuseRootMount(mount_point);
  const before = await findMount(tx, zone.zone_id, mount_point);
  if (before) await endMount(call, before, { force, stays: true });
  else await checkCount(call);
  await lockPlaces(tx);
  await refuseOverlap(call, { mount_point, readonly: form.readonly, store });
  const made = before ? before.made_directory : await makePoint(call, mount_point, force);
  const granted = await grant(call, {
    tuple_id: newUuid(call.now),
    subject: { type: call.caller.subject_type, id: call.caller.subject_id, relation: '' },
    subject_zone_id: call.caller.zone_id,
    relation: 'direct_owner',
    object: { type: 'file', id: mount_point, given: null },
    expires_at: undefined,
    conditions: undefined,
  });
  const row: MountRow = {
    ...form,
    zone_id: zone.zone_id,
    mount_id: newId('mount'),
    store: store.place.store,
    place: store.place.path,
    can_rename: store.can_rename,
    has_directories: store.has_directories,
    owner: subjectText(call.caller),
    // One that was granted by itself before stays when the mount goes.
    tuple_id: granted.created ? granted.tuple_id : '',
    made_directory: made,
    status: 'active',
    last_error: null,
    created_at: call.now,
  };
  await insertMount(tx, row);
  tell(call, 'mount.added', row, before ? { replaced: true } : {});
  call.mountsChanged(true);
  demandStore(call, row, store);
  return row;
}

/** Breaks off until the store has been made: only now is it known that nothing is in the way of the mount. */
function demandStore(call: Call, row: MountRow, { made, place }: ReadyStore): void {
  if (!made || call.context.passage?.made?.place.path === place.path) return;
  const { mount_point, backend_type, config, secrets } = row;
  throw new Detour({ kind: 'store', store: { mount_point, backend_type, config, secrets, place } });
}

function tell(call: Call, type: NewEvent['type'], row: MountRow, more: Readonly<Record<string, unknown>> = {}): void {
  const { mount_point, backend_type, readonly, write_mode } = row;
  call.event({
    type,
    path: mount_point,
    object: { type: 'mount', id: mount_point },
    data: { backend_type, readonly: readonly === 1, write_mode, ...more },
  });
}

async function checkCount(call: Call): Promise<void> {
  const maximum = call.limits.MOUNTS;
  const { length } = await listMounts(call.tx, call.zone.zone_id);
  if (length < maximum) return;
  const message = `The zone has ${length} mounts, the limit MOUNTS; remove one`;
  throw new Fault('TOO_MANY', message, { limit: 'MOUNTS', maximum, retry_after: 60 });
}

interface Placed {
  readonly mount_point: string;
  readonly readonly: number;
  readonly store: ReadyStore;
}

async function refuseOverlap(call: Call, { readonly, store: { place } }: Placed): Promise<void> {
  const same = (one: string, other: string): boolean => one === other || isBelow(one, other) || isBelow(other, one);
  for (const other of await listOfStore(call.tx, place.store)) {
    if (!same(other.place, place.path) || (readonly === 1 && other.readonly === 1)) continue;
    // Of another zone, nobody is told more than that there is one.
    const own = other.zone_id === call.zone.zone_id ? ` at ${call.shown(other.mount_point)}` : ' of another zone';
    throw conflict('ROOT_OVERLAP', `Its root and that of the mount${own} hold one another: only read-only ones may`);
  }
}

/** What another mount has below the point is hidden from now on, so it is forgotten; files of Nexus stay seen. */
async function clearPoint(call: Call, mount_point: string, force: boolean): Promise<void> {
  const { tx, zone } = call;
  const below = { zone_id: zone.zone_id, mount_point, nested: pointsBelow(call, mount_point) };
  if (!mountAt(call.mounts, mount_point)) {
    if (!(await hasOwnBelow(tx, below))) return;
    const path = call.shown(mount_point);
    throw pathFault('DIRECTORY_NOT_EMPTY', `${path} holds files of Nexus: a mount would hide them`, { path });
  }
  const pending = await countPendingBelow(tx, zone.zone_id, mount_point);
  if (pending > 0 && !force) throw unpushed(call, mount_point, pending);
  uncount(call, await dropBelow(tx, below));
}

const pointsBelow = (call: Call, mount_point: string): string[] =>
  mountsBelow(call.mounts, mount_point).map((one) => one.mount_point);

function uncount(call: Call, counted: { readonly files: number; readonly bytes: number }): void {
  call.use('storage_bytes', -counted.bytes);
  call.use('files', -counted.files);
}

const unpushed = (call: Call, mount_point: string, changes: number): Fault =>
  conflict(
    'UNPUSHED_CHANGES',
    `Below ${call.shown(mount_point)} there is what was not pushed (${plural(changes, 'change')}): push first, or set force to lose it`,
    { changes },
  );

/** The directory at the mount point, with nothing of Nexus in it; 1 where it was made for this. */
async function makePoint(call: Call, mount_point: string, force: boolean): Promise<number> {
  const view = mainView(call.zone.zone_id);
  const spot = await lookUp(call, view, mount_point);
  if (spot.state?.kind === 'f') throw notADirectory(call, mount_point);
  if (spot.state) {
    await clearPoint(call, mount_point, force);
    return 0;
  }
  // The event of the mount is the one that tells of it.
  const revision = call.nextRevision();
  await makeParents(call, view, { spot, revision });
  await beginDirectory(call, view, { path: mount_point, revision, ordinal: 0, occupied: spot.occupied });
  return 1;
}

interface Ending {
  readonly force: boolean;
  /** Another one takes its place. */
  readonly stays: boolean;
}

async function endMount(call: Call, row: MountRow, { force, stays }: Ending): Promise<void> {
  const { tx, zone } = call;
  const { mount_point } = row;
  const pending = await countPending(tx, row.mount_id);
  if (pending > 0 && !force) throw unpushed(call, mount_point, pending);
  const nested = pointsBelow(call, mount_point);
  uncount(call, await dropBelow(tx, { zone_id: zone.zone_id, mount_point, nested }));
  await deleteMount(tx, zone.zone_id, mount_point);
  const tuple = row.tuple_id === '' ? undefined : await findTuple(tx, zone.zone_id, row.tuple_id);
  if (tuple) await revoke(call, tuple);
  if (stays || row.made_directory === 0 || nested.length > 0) return;
  const revision = call.nextRevision();
  await endState(tx, { zone_id: zone.zone_id, branch: MAIN }, { path: mount_point, revision });
}

/** False where there is none. */
export async function deactivate(call: Call, mount_point: string, force: boolean): Promise<boolean> {
  refuseRootMount(mount_point);
  const { tx, zone } = call;
  const row = await findMount(tx, zone.zone_id, mount_point);
  if (!row) return false;
  await endMount(call, row, { force, stays: false });
  tell(call, 'mount.removed', row);
  call.mountsChanged((await listMounts(tx, zone.zone_id)).length > 0);
  return true;
}
