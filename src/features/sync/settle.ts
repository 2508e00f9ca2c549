/**
 * What becomes of a path that was compared. Guarantees: the store is changed only where it still is as it was compared, ours
 * too; what is about to arrive there is written down first, so that a push that dies is completed by the next; a conflict
 * keeps both contents before anything is replaced.
 */
import { Fault } from '../../base/faults.ts';
import { BackendError, type Entry } from '../../ports/backend.ts';
import { insideOf } from '../mounts/mount.ts';
import type { Seen } from '../mounts/refresh.operations.ts';
import type { Compared } from './compare.ts';
import { type ConflictRow, NO_FILE, type SideRow } from './conflicts.sql.ts';
import { lostBy, type Resolution, settlementOf } from './decide.ts';
import { contentOf, type SyncParts } from './run.ts';
import {
  type Agreement,
  type Attempt,
  agree,
  attemptPush,
  openConflict,
  putAside,
  type Settled,
  takeTheirs,
} from './steps.operations.ts';

/** Ours or theirs has changed since they were compared: they are to be compared again. */
export class Moved extends Error {}

const thereOf = (entry: Entry | undefined | null): Agreement['there'] =>
  entry ? { tag: entry.tag, size: entry.size, modified_at: entry.modified_at } : null;

/** Both have the same. */
export const agreementOf = ({ path, ours, entry }: Compared, settles?: Settled): Agreement => ({
  path,
  revision: ours.pending.revision,
  etag: ours.local?.etag ?? null,
  there: thereOf(entry),
  ...(settles ? { settles } : {}),
});

/** A conflict that is none any more ends with what its path comes to. */
export const endOf = ({ conflict_id }: ConflictRow, resolution: Resolution | undefined): Settled => ({
  conflict_id,
  resolution: resolution ?? null,
  lost: null,
});

/** What arrived before is what the store has from here on: the attempt that told so is about to be another one. */
export const attemptsOf = (all: readonly Compared[]): Attempt[] =>
  all.map(({ path, ours, entry, remote = null, arrived }) => {
    const there = thereOf(entry);
    const etag = ours.local?.etag ?? null;
    return { path, etag, ...(arrived ? { base: there && { ...there, etag: remote } } : {}) };
  });

/** Ours goes to the store; what is agreed on then is to be written down. */
export async function sendOurs(parts: SyncParts, compared: Compared, settles?: Settled): Promise<Agreement> {
  const { backend, mount, signal } = parts;
  const { path, ours, entry } = compared;
  const inside = insideOf(mount, path);
  const changing = { expect: entry?.tag ?? null, signal };
  try {
    if (!ours.local) {
      if (entry) await backend.remove(inside, changing);
      return agreementOf({ ...compared, entry: undefined }, settles);
    }
    if (compared.isDirectory) await backend.removeDirectory(inside, { recursive: false, signal });
    const written = await backend.write(inside, contentOf(parts, ours.local), changing);
    return agreementOf({ ...compared, entry: written }, settles);
  } catch (thrown) {
    if (thrown instanceof BackendError && thrown.code === 'CHANGED') throw new Moved(path);
    throw thrown;
  }
}

/** Theirs comes here. */
export async function takeIn(parts: SyncParts, compared: Compared, settles?: Settled): Promise<void> {
  const { path, ours } = compared;
  const { mount_id } = parts.mount;
  const seen = seenOf(compared);
  const taken = await parts.step(takeTheirs, { mount_id, path, revision: ours.pending.revision, seen, settles });
  if (!taken) throw new Moved(path);
}

function seenOf({ path, ours, entry, fetched }: Compared): Seen {
  const base = ours.began;
  if (!entry) return { path, kind: 'gone', base, tag: '', size: 0, modified_at: 0, stored: null };
  const { tag, size, modified_at } = entry;
  return { path, kind: 'f', base, tag, size, modified_at, stored: fetched?.stored ?? null };
}

const sideOf = (size: number | null | undefined, modified_at: number | null | undefined, etag: string): SideRow => ({
  etag,
  size: size ?? null,
  modified_at: modified_at ?? null,
});

/** Written down with both contents. */
export function noteConflict({ mount, step }: SyncParts, compared: Compared): Promise<ConflictRow> {
  const { path, ours, entry, fetched } = compared;
  const { local, pending } = ours;
  const { base_etag, base_size, base_modified_at } = pending;
  return step(openConflict, {
    mount_id: mount.mount_id,
    mount_point: mount.mount_point,
    path,
    local: local ? sideOf(local.size, local.modified_at, local.etag) : NO_FILE,
    remote: fetched && entry ? sideOf(entry.size, entry.modified_at, fetched.stored.sha256) : NO_FILE,
    base: base_etag === null ? NO_FILE : sideOf(base_size, base_modified_at, base_etag),
    stored: fetched?.stored ?? null,
  });
}

/** Gives the path of what was put aside, which the store has still to get. */
export async function resolve(
  parts: SyncParts,
  compared: Compared,
  by: { readonly conflict: ConflictRow; readonly resolution: Resolution },
): Promise<string | undefined> {
  const { conflict, resolution } = by;
  const local = compared.ours.local?.etag ?? null;
  const settlement = settlementOf(resolution, { local, remote: compared.remote ?? null });
  const settles: Settled = { conflict_id: conflict.conflict_id, resolution, lost: lostBy(settlement) };
  if (settlement === 'push') {
    await parts.step(attemptPush, { mount_id: parts.mount.mount_id, attempts: attemptsOf([compared]) });
    const agreed = await sendOurs(parts, compared, settles);
    await parts.step(agree, { mount_id: parts.mount.mount_id, agreed: [agreed] });
    return undefined;
  }
  if (settlement === 'pull') {
    await takeIn(parts, compared, settles);
    return undefined;
  }
  if (local === null) throw new Fault('INTERNAL', 'nothing is here to be put aside');
  const name = await parts.step(putAside, { path: compared.path, etag: local, at: conflict.detected_at });
  if (name === null) throw new Moved(compared.path);
  await takeIn(parts, compared, settles);
  return name;
}
