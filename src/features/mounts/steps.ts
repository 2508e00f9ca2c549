/** What a change of the tree means for the stores that it reaches, read from its events and the rows it has made. */
import { parentOf } from '../../base/paths.ts';
import type { MountPoint, PlannedStep, Step } from '../../core/call/outside.ts';
import type { Call } from '../../core/operation.ts';
import type { AppendedEvent } from '../events/events.sql.ts';
import { hasChildren } from '../files/files.sql.ts';
import { mainView } from '../files/view.ts';
import { type FileRow, listFiles } from './known.sql.ts';
import { isAtOrBelow, mountAt, pathsOf } from './mount.ts';
import { isChange, isSubtree } from './refusals.ts';
import { listBegun } from './states.sql.ts';

/** A change of one store, with the revision at which it was made. */
export interface StoreChange {
  readonly mount: MountPoint;
  readonly step: Step;
  readonly revision: number;
}

/** Changes of stores by the events of a call, in their order. */
export async function changesOf(call: Call, events: readonly AppendedEvent[]): Promise<StoreChange[]> {
  const reached = events.flatMap(({ seq, event }) => {
    const mount = event.path === undefined ? undefined : mountAt(call.mounts, event.path);
    return mount && event.branch === undefined && isChange(event) ? [{ seq, event, mount }] : [];
  });
  if (reached.length === 0) return [];
  const known = await listFiles(
    call.tx,
    call.zone.zone_id,
    reached.flatMap(({ event }) => event.path ?? []),
  );
  const tags = new Map(known.map((row) => [row.path, row]));
  const changes: StoreChange[] = [];
  for (const { seq, event, mount } of reached) {
    const steps = await stepsOf(call, { seq, event }, tags);
    for (const step of steps) {
      changes.push({ mount, step: expecting(step, changes), revision: seq });
    }
  }
  return [...changes, ...(await markersOf(call, changes))];
}

/** What the same call has changed already is not as it was known. */
function expecting(step: Step, before: readonly StoreChange[]): Step {
  if (!('expect' in step)) return step;
  const touched = before.some((one) => pathsOf(one.step).some((path) => isAtOrBelow(step.path, path)));
  if (!touched) return step;
  return { ...step, expect: undefined };
}

async function stepsOf(
  call: Call,
  { seq, event }: AppendedEvent,
  known: ReadonlyMap<string, FileRow>,
): Promise<readonly Step[]> {
  const path = event.path ?? '/';
  const expect = known.get(path)?.tag ?? null;
  const data = event.data ?? {};
  if (event.type === 'rename') {
    return [{ op: 'rename', path, from: event.old_path ?? '/', overwrite: data.overwritten === true }];
  }
  if (event.type === 'delete') return [{ op: 'remove', path, expect }];
  if (event.type === 'mkdir') return [{ op: 'mkdir', path }];
  if (event.type === 'rmdir') return [{ op: 'rmdir', path, recursive: isSubtree(event) }];
  if (data.via === 'metadata') return [];
  if (!isSubtree(event)) {
    return [{ op: 'write', path, sha256: String(data.etag), size: Number(data.size), expect }];
  }
  const begun = await listBegun(call.tx, { zone_id: call.zone.zone_id, path, revision: seq });
  return begun.map((row) =>
    row.kind === 'd'
      ? { op: 'mkdir', path: row.path }
      : { op: 'write', path: row.path, sha256: row.etag, size: row.size, expect: null },
  );
}

/** "Directories are real: they stay when emptied": where a store has none by themselves, the empty one becomes a marker. */
async function markersOf(call: Call, changes: readonly StoreChange[]): Promise<StoreChange[]> {
  const view = mainView(call.zone.zone_id);
  const markers = new Map<string, StoreChange>();
  for (const { mount, step, revision } of changes) {
    const parent = parentOf(step.path);
    if (mount.directories || !['remove', 'rmdir'].includes(step.op) || !isAtOrBelow(parent, mount.mount_point))
      continue;
    if (parent === mount.mount_point || markers.has(parent) || (await hasChildren(call.tx, view, parent))) continue;
    markers.set(parent, { mount, step: { op: 'mkdir', path: parent }, revision });
  }
  return [...markers.values()];
}

export const plannedOf = (changes: readonly StoreChange[]): PlannedStep[] =>
  changes.map(({ mount, step }) => ({ mount_id: mount.mount_id, step }));
