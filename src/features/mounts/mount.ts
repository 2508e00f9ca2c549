/** Where paths lie among mounts: rules without rows. The longest mount point wins. */
import { isBelow } from '../../base/paths.ts';
import type { Look, MountPoint, PlannedStep, Step } from '../../core/call/outside.ts';

export const isAtOrBelow = (path: string, folder: string): boolean => path === folder || isBelow(path, folder);

/** The mount that a path lies in, itself at its point included. */
export function mountAt<M extends { readonly mount_point: string }>(mounts: readonly M[], path: string): M | undefined {
  let found: M | undefined;
  for (const mount of mounts) {
    if (!isAtOrBelow(path, mount.mount_point)) continue;
    if (!found || mount.mount_point.length > found.mount_point.length) found = mount;
  }
  return found;
}

/** Mounts strictly below a path. */
export const mountsBelow = <M extends { readonly mount_point: string }>(mounts: readonly M[], path: string): M[] =>
  mounts.filter(({ mount_point }) => isBelow(mount_point, path));

/** The path inside the store; '' for its root. */
export const insideOf = ({ mount_point }: Pick<MountPoint, 'mount_point'>, path: string): string =>
  path.slice(mount_point.length + 1);

/** The path in the zone. */
export const outsideOf = ({ mount_point }: Pick<MountPoint, 'mount_point'>, inside: string): string =>
  inside === '' ? mount_point : `${mount_point}/${inside}`;

export const textOfLook = ({ mount_id, path, depth, content, onlyNew = false }: Look): string =>
  JSON.stringify([mount_id, path, depth, content, onlyNew]);

/** Equal texts: the same change of the same stores. */
export const textOfSteps = (steps: readonly PlannedStep[]): string => JSON.stringify(steps);

/** Paths that a change of a store is about. */
export const pathsOf = (step: Step): string[] => (step.op === 'rename' ? [step.from, step.path] : [step.path]);
