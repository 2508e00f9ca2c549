/**
 * Which looks at stores a call needs before it may run. Guarantees: they are asked for after permission, and only of what the
 * caller may see; a change of a read-only mount is refused before.
 */
import { isBelow } from '../../base/paths.ts';
import type { Need } from '../../core/call/access.ts';
import { Detour, type Look, type MountPoint, type Reach } from '../../core/call/outside.ts';
import type { Call } from '../../core/operation.ts';
import { listKnown } from './known.sql.ts';
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
  const known = call.context.storesOff ? NOTHING : await knownRemovals(call, reaches);
  for (const reach of reaches) {
    const named = granted.has(reach.path);
    if (known.has(reach.path)) continue;
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

/** Of what is removed in write-back mounts the files that are known: what their store has by now is for the push to find out. */
async function knownRemovals(call: Call, reaches: readonly Reach[]): Promise<ReadonlySet<string>> {
  const paths = reaches.flatMap(({ path, depth, removed, past }) =>
    removed && depth === 'one' && !past && mountAt(call.mounts, path)?.write_mode === 'back' ? [path] : [],
  );
  if (paths.length === 0) return NOTHING;
  const rows = await listKnown(call.tx, call.zone.zone_id, paths);
  return new Set(rows.flatMap(({ path, kind }) => (kind === 'f' ? [path] : [])));
}

const NOTHING: ReadonlySet<string> = new Set();

function looksOf(call: Call, { past, moves, blind, removed, ...asked }: Reach): Look[] {
  const mount = mountAt(call.mounts, asked.path);
  const { storesOff = false } = call.context;
  if (blind && !past && mount?.write_mode === 'back' && !storesOff) return [];
  const whole = { path: asked.path, depth: 'tree', content: true } as const;
  const reach = moves && mount?.write_mode === 'back' ? whole : asked;
  if (past && !mount) return [];
  // While stores are off, nothing else is said of what lies in them.
  if (past && mount && !storesOff) throw storeCannot(mount, call.shown, 'keeps no versions and no past');
  // What is below a directory that is removed has to be known; what its store has changed of it is for the push to find out.
  const onlyNew = removed && reach.depth === 'tree' && mount?.write_mode === 'back';
  const looks = mount ? [{ ...reach, mount_id: mount.mount_id, ...(onlyNew ? { onlyNew } : {}) }] : [];
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
