/** A path that was changed here, compared with what the store has of it. Guarantee: nothing is changed. */
import type { Entry } from '../../ports/backend.ts';
import type { Fetched } from '../mounts/fetch.ts';
import { insideOf } from '../mounts/mount.ts';
import { baseAfter, type Decision, decide, remoteByTag, type Side } from './decide.ts';
import type { Pending } from './pending.sql.ts';
import { fetchTheirs, type SyncParts } from './run.ts';
import { type Ours, oursAt } from './steps.operations.ts';

export interface Compared {
  readonly path: string;
  readonly decision: Decision;
  readonly ours: Ours & { readonly pending: Pending };
  /** The store's file, if there is one. */
  readonly entry: Entry | undefined;
  /** Its content, where it had to be looked at. */
  readonly fetched: Fetched | undefined;
  readonly remote: Side | undefined;
  /** The store has a directory there, which is no file. */
  readonly isDirectory: boolean;
  /** What it has is what was on its way there, of which nobody heard the end. */
  readonly arrived: boolean;
}

/** Undefined where nothing of ours waits for the store any more. `attempt`: what was on its way there. */
export async function compare(
  parts: SyncParts,
  path: string,
  attempt: Side | undefined,
): Promise<Compared | undefined> {
  const ours = await parts.step(oursAt, { path });
  const { pending } = ours;
  if (!pending) return undefined;
  const own = { ...ours, pending };
  const local = ours.local?.etag ?? null;
  const base = pending.base_tag === null ? null : { tag: pending.base_tag, etag: pending.base_etag };
  const found = await parts.backend.stat(insideOf(parts.mount, path), parts.signal);
  const isDirectory = found?.kind === 'directory';
  const entry = isDirectory ? undefined : found;
  const told = remoteByTag(base, entry, attempt);
  const common = { path, ours: own, isDirectory };
  if (told === 'read') {
    const fetched = await fetchTheirs(parts, path);
    // It has gone while it was looked at.
    if (!fetched) return compare(parts, path, attempt);
    const remote = fetched.stored.sha256;
    const before = baseAfter(base && (base.etag ?? undefined), remote, attempt);
    const decision = decide({ local, remote, base: before });
    return { ...common, entry: fetched.entry, fetched, remote, arrived: remote === attempt, decision };
  }
  const remote = told === 'as remembered' ? (base === null ? null : (base.etag ?? undefined)) : null;
  const seen = { ...common, entry, fetched: undefined, remote, arrived: told === 'as attempted' };
  // Nobody has read what was there before: it is as it was, and ours is what has changed.
  if (remote === undefined) return { ...seen, decision: 'push' };
  const before = told === 'gone' ? base && (base.etag ?? undefined) : remote;
  return { ...seen, decision: decide({ local, remote, base: before }) };
}
