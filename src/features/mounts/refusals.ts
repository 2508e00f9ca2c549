/** What mounts forbid, and in which words. */
import { Fault, invalidParams } from '../../base/faults.ts';
import { isBelow } from '../../base/paths.ts';
import type { MountPoint } from '../../core/call/outside.ts';
import type { NewEvent } from '../../core/operation.ts';
import { isAtOrBelow, mountAt } from './mount.ts';

export type Shown = (path: string) => string;

function readOnly({ mount_point }: MountPoint, shown: Shown): Fault {
  const point = shown(mount_point);
  const message = `No permission to change anything at or below ${point}: the mount is read-only`;
  return new Fault('READ_ONLY', message, { mount_point: point, permission: 'write' });
}

/** READ_ONLY for a path that may not change. */
export function refuseReadOnlyAt(mounts: readonly MountPoint[], path: string, shown: Shown): void {
  const mount = mountAt(mounts, path);
  if (mount?.readonly) throw readOnly(mount, shown);
}

/** "what a store cannot do (versions, as_of, rename) is INVALID_PARAMS naming the store" (files.md §6). */
export const storeCannot = ({ backend_type, mount_point }: MountPoint, shown: Shown, what: string): Fault =>
  invalidParams({ path: '', message: `the ${backend_type} store mounted at ${shown(mount_point)} ${what}` });

const mountBelow = (path: string, { mount_point }: MountPoint, shown: Shown): Fault =>
  new Fault('CONFLICT', `${shown(path)} has a mount at ${shown(mount_point)}: remove the mount first`, {
    reason: 'MOUNT_BELOW',
    path: shown(path),
    mount_point: shown(mount_point),
  });

/** Events by which files change. */
const CHANGES: ReadonlySet<string> = new Set(['write', 'delete', 'mkdir', 'rmdir', 'rename']);

export const isChange = ({ type }: Pick<NewEvent, 'type'>): boolean => CHANGES.has(type);

export const isSubtree = ({ type, data }: Pick<NewEvent, 'type' | 'data'>): boolean =>
  type === 'rename' || data?.subtree === true;

/** Throws what mounts have against a change that is about to be made. Asks nobody. */
export function refuseChange(mounts: readonly MountPoint[], event: NewEvent, shown: Shown): void {
  if (!isChange(event)) return;
  const paths = [event.path, event.old_path].filter((path) => path !== undefined);
  for (const path of paths) {
    refuseReadOnlyAt(mounts, path, shown);
    const mount = mountAt(mounts, path);
    if (mount && event.branch !== undefined) throw storeCannot(mount, shown, 'knows no branches');
  }
  if (event.branch !== undefined) return;
  if (event.type === 'rename') refuseRename(mounts, event, shown);
  if (event.type === 'rmdir') refuseRemoval(mounts, event.path ?? '/', shown);
}

function refuseRename(mounts: readonly MountPoint[], { path = '/', old_path = '/' }: NewEvent, shown: Shown): void {
  refuseRemoval(mounts, old_path, shown);
  const [from, to] = [mountAt(mounts, old_path), mountAt(mounts, path)];
  if (from?.mount_id !== to?.mount_id) {
    const at = shown((from ?? to)?.mount_point ?? '/');
    const message = `a rename does not cross the border of the mount at ${at}: copy, then delete`;
    throw invalidParams({ path: 'new_path', message });
  }
  if (from && !from.rename) throw storeCannot(from, shown, 'cannot rename: copy, then delete');
}

function refuseRemoval(mounts: readonly MountPoint[], path: string, shown: Shown): void {
  const below = mounts.find(({ mount_point }) => isAtOrBelow(mount_point, path));
  if (below) throw mountBelow(path, below, shown);
}

/** Is something of a mount at or below a path, or the path in a mount? */
export const touchesMount = (mounts: readonly MountPoint[], path: string): boolean =>
  mounts.some(({ mount_point }) => isAtOrBelow(path, mount_point) || isBelow(mount_point, path));

/** Somebody else settled what this call had begun: the store has it, and the next look finds it there. */
export const lostIntent = (): Fault =>
  new Fault('UNAVAILABLE', 'The change took so long that it was settled without its call: read before writing again.', {
    outcome: 'unknown',
  });
