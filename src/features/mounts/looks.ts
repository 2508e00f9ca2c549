/**
 * Which looks at stores a call needs before it may run. Guarantees: they are asked for after permission, and only of what the
 * caller may see; a change of a read-only mount is refused before.
 */
import { isBelow } from '../../base/paths.ts';
import { Detour, type Look, type MountPoint, type Reach } from '../../core/call/outside.ts';
import type { Call, Need } from '../../core/operation.ts';
import { mountAt, mountsBelow, textOfLook } from './mount.ts';
import { storeCannot } from './refusals.ts';

export interface Asked {
  readonly needs: readonly Need[];
  readonly reaches: readonly Reach[];
  /** The call changes what it reaches, all but what it only copies. */
  readonly changes: boolean;
}

/** Throws a Detour while a look is missing. */
export async function requireLooks(call: Call, { needs, reaches, changes }: Asked): Promise<void> {
  for (const { permission, path } of needs) {
    if (permission === 'write') call.refuseReadOnly(path);
  }
  const looked = new Set(call.context.passage?.looked);
  const granted = new Set(needs.map(({ path }) => path));
  const missing = new Map<string, Look>();
  for (const reach of reaches) {
    const named = granted.has(reach.path);
    const seen = named ? [reach] : await visible(call, reach);
    if (changes && !named && mountAt(call.mounts, reach.path)?.readonly) {
      // Of several items each is refused by itself; the store is not asked about it.
      if (reach.past) for (const { path } of seen) call.refuseReadOnly(path);
      continue;
    }
    for (const look of seen.flatMap((one) => looksOf(call, one))) {
      const text = textOfLook(look);
      if (!looked.has(text)) missing.set(text, look);
    }
  }
  if (missing.size > 0) throw new Detour({ kind: 'look', looks: [...missing.values()] });
}

function looksOf(call: Call, { past, moves, blind, ...asked }: Reach): Look[] {
  const mount = mountAt(call.mounts, asked.path);
  if (blind && !past && mount?.write_mode === 'back') return [];
  const whole = { path: asked.path, depth: 'tree', content: true } as const;
  const reach = moves && mount?.write_mode === 'back' ? whole : asked;
  if (past) {
    if (mount) throw storeCannot(mount, call.shown, 'keeps no versions and no past');
    return [];
  }
  const looks = mount ? [{ ...reach, mount_id: mount.mount_id }] : [];
  if (reach.depth !== 'tree') return looks;
  const below = mountsBelow(call.mounts, reach.path);
  return [...looks, ...below.map(({ mount_id, mount_point }) => ({ ...reach, mount_id, path: mount_point }))];
}

/** Of a reach that no need speaks for, what the caller may see. */
async function visible(call: Call, reach: Reach): Promise<Reach[]> {
  if (!concerns(call.mounts, reach)) return [];
  const readable = await call.access.readable();
  if (readable.has(reach.path)) return [reach];
  if (reach.depth === 'one') {
    const writable = await call.access.writable();
    return writable.has(reach.path) ? [reach] : [];
  }
  const roots = readable.roots.filter((root) => isBelow(root, reach.path));
  return roots.map((path) => ({ ...reach, path, depth: reach.depth === 'entries' ? 'one' : 'tree' }));
}

const concerns = (mounts: readonly MountPoint[], { path, depth }: Reach): boolean =>
  mountAt(mounts, path) !== undefined || (depth !== 'one' && mountsBelow(mounts, path).length > 0);
