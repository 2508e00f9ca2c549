/**
 * A look at a place of a store, compared with what the tree has there. Guarantees: what is gone is so by two looks, since a
 * listing may miss what is being replaced; places of nested mounts, and what Nexus itself has on its way, are left alone; what is
 * no legal path of the tree is left out and counted.
 */
import { Fault } from '../../base/faults.ts';
import type { Limits } from '../../base/limits.ts';
import { ancestorsOf, cleanPath, isBelow, parentOf } from '../../base/paths.ts';
import type { Look, MountPoint } from '../../core/call/outside.ts';
import { type Backend, BackendError, type Entry } from '../../ports/backend.ts';
import type { KnownRow } from './known.sql.ts';
import { insideOf, isAtOrBelow, outsideOf } from './mount.ts';
import type { Known, Seen } from './refresh.operations.ts';

export interface Looking {
  readonly backend: Backend;
  readonly mount: Pick<MountPoint, 'mount_point'>;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

/** What was seen: entries by their paths in the zone; null for what is not there. */
export interface Sight {
  readonly entries: ReadonlyMap<string, Entry | null>;
  /** The directory whose listing this is: what is not in it is not there. */
  readonly whole: { readonly path: string; readonly depth: Look['depth'] } | undefined;
  readonly left_out: number;
}

export async function lookAt(looking: Looking, { path, depth }: Pick<Look, 'path' | 'depth'>): Promise<Sight> {
  if (depth === 'one') return lookAtOne(looking, path);
  try {
    const sight = await lookInto(looking, { path, depth });
    // What holds nothing shows in no list of its own.
    if (sight.entries.size > 0 || path === looking.mount.mount_point) return sight;
    const own = await looking.backend.stat(insideOf(looking.mount, path), looking.signal);
    return own ? { ...sight, entries: new Map([[path, own]]) } : sight;
  } catch (thrown) {
    if (!(thrown instanceof BackendError) || !['MISSING', 'NOT_A_DIRECTORY'].includes(thrown.code)) throw thrown;
    return lookAtOne(looking, path);
  }
}

/** The thing itself, or the nearest one above it that is there. */
async function lookAtOne({ backend, mount, signal }: Looking, path: string): Promise<Sight> {
  const entries = new Map<string, Entry | null>();
  for (let one = path; ; one = parentOf(one)) {
    const entry = await backend.stat(insideOf(mount, one), signal);
    entries.set(one, entry ?? null);
    if (entry || one === mount.mount_point) return { entries, whole: undefined, left_out: 0 };
  }
}

async function lookInto(
  { backend, mount, limits, signal }: Looking,
  whole: Pick<Look, 'path' | 'depth'>,
): Promise<Sight> {
  const entries = new Map<string, Entry | null>();
  let left_out = 0;
  const listing = backend.list(insideOf(mount, whole.path), { recursive: whole.depth === 'tree', signal });
  for await (const page of listing) {
    left_out += page.left_out;
    for (const entry of page.entries) {
      const path = outsideOf(mount, entry.path);
      if (!isLegal(path, whole, limits)) left_out++;
      else entries.set(path, entry);
      if (entries.size > limits.MOUNT_ENTRIES) throw tooMany(limits.MOUNT_ENTRIES);
    }
  }
  return { entries, whole, left_out };
}

const tooMany = (maximum: number): Fault =>
  new Fault('LIMIT_EXCEEDED', `The mount has more than ${maximum} entries there: name a place further down`, {
    limit: 'MOUNT_ENTRIES',
    maximum,
    actual: maximum + 1,
  });

/** A path of the tree, and one of those that were asked for: a store may answer anything. */
function isLegal(path: string, { path: folder, depth }: Pick<Look, 'path' | 'depth'>, limits: Limits): boolean {
  if (depth === 'tree' ? !isBelow(path, folder) : parentOf(path) !== folder) return false;
  try {
    return cleanPath(path, limits) === path;
  } catch {
    return false;
  }
}

/** What differs between a sight and what is known, contents not read yet. */
export function differences(mount: Pick<MountPoint, 'mount_point'>, sight: Sight, known: Known): Seen[] {
  const rows = new Map(known.rows.map((row) => [row.path, row]));
  const others = known.points.filter((point) => isBelow(point, mount.mount_point));
  const left = (path: string): boolean =>
    known.busy.some((one) => isAtOrBelow(path, one)) || others.some((point) => isAtOrBelow(path, point));
  // A directory above another mount, or above what is on its way, is there whatever the store says.
  const held = (path: string): boolean => [...known.busy, ...others].some((one) => isBelow(one, path));
  const seen: Seen[] = [];
  for (const [path, entry] of sight.entries) {
    if (path === mount.mount_point || left(path)) continue;
    if (entry === null) {
      if (rows.has(path) && !held(path)) seen.push(goneOf(path, rows.get(path)));
    } else if (differs(entry, rows.get(path)) && !(entry.kind === 'file' && held(path))) {
      seen.push(seenOf(path, entry, rows.get(path)));
    }
  }
  const { whole } = sight;
  if (whole) {
    for (const row of rows.values()) {
      const covered = whole.depth === 'tree' ? isBelow(row.path, whole.path) : parentOf(row.path) === whole.path;
      if (!covered || sight.entries.has(row.path) || left(row.path) || held(row.path)) continue;
      seen.push(goneOf(row.path, row));
    }
  }
  return topmost(seen);
}

/** What lies at no path that is known, nor below a file that is. */
export function newOf(seen: readonly Seen[], { rows }: Pick<Known, 'rows'>): Seen[] {
  const known = new Set(rows.map(({ path }) => path));
  const files = new Set(rows.flatMap(({ path, kind }) => (kind === 'f' ? [path] : [])));
  return seen.filter(({ path }) => !known.has(path) && !ancestorsOf(path).some((above) => files.has(above)));
}

/** Of what is gone, the topmost: the rest goes with it. */
function topmost(seen: readonly Seen[]): Seen[] {
  const gone = new Set(seen.filter(({ kind }) => kind === 'gone').map(({ path }) => path));
  if (gone.size === 0) return [...seen];
  return seen.filter(({ path, kind }) => kind !== 'gone' || !ancestorsOf(path).some((above) => gone.has(above)));
}

function differs(entry: Entry, row: KnownRow | undefined): boolean {
  if (entry.kind === 'directory') return row?.kind !== 'd';
  return row?.kind !== 'f' || row.tag !== entry.tag;
}

export const seenOf = (path: string, entry: Entry, row: KnownRow | undefined): Seen => ({
  path,
  kind: entry.kind === 'file' ? 'f' : 'd',
  base: row?.began ?? null,
  tag: entry.tag,
  size: entry.size,
  modified_at: entry.modified_at,
  stored: null,
});

const goneOf = (path: string, row: KnownRow | undefined): Seen => ({
  path,
  kind: 'gone',
  base: row?.began ?? null,
  tag: '',
  size: 0,
  modified_at: 0,
  stored: null,
});
