/**
 * A pull: what was changed in the store comes here (platform.md §5). Guarantees: the tree takes over what a look saw and
 * nothing else; what was changed here too is a conflict, and ours stays; each change is an event.
 */
import type { Look } from '../../core/call/outside.ts';
import { BackendError } from '../../ports/backend.ts';
import { differences, lookAt, type Sight } from '../mounts/look.ts';
import { knownOfMount, refreshMount, type Seen } from '../mounts/refresh.operations.ts';
import { compare } from './compare.ts';
import type { ConflictRow } from './conflicts.sql.ts';
import { isWanted, type PushAsked } from './push.ts';
import { fetchTheirs, onPath, type SyncParts } from './run.ts';
import { agreementOf, endOf, Moved, noteConflict, resolve, takeIn } from './settle.ts';
import { agree, type Begun } from './steps.operations.ts';

/** Files that are read at a time, and taken over in one transaction. */
const AT_ONCE = 8;

export async function pull(parts: SyncParts, begun: Begun, pulling: PushAsked): Promise<void> {
  const { asked, tally } = pulling;
  const { mount } = parts;
  const places = asked.paths ?? [mount.mount_point];
  for (const path of places)
    await pullPlace(parts, { mount_id: mount.mount_id, path, depth: 'tree', content: true }, pulling);
  const both = begun.pending.filter(
    ({ path, change }) => isWanted(path, asked.paths) && ['write', 'delete'].includes(change),
  );
  const open = new Map(begun.open.map((one) => [one.path, one]));
  for (const { path, attempt } of both) {
    parts.signal.throwIfAborted();
    const conflict = open.get(path);
    if (conflict && !asked.resolution) tally.report(conflict);
    else await onPath(parts, tally, { path, work: () => ofBoth(parts, { path, attempt, conflict, ...pulling }) });
  }
}

async function pullPlace(parts: SyncParts, look: Look, { asked, tally }: PushAsked): Promise<void> {
  const { backend, mount, limits, signal, step } = parts;
  let seen: readonly Seen[] = [];
  await onPath(parts, tally, {
    path: look.path,
    work: async () => {
      const looking = { backend, mount, limits, signal };
      const ask = { mount_id: mount.mount_id, path: look.path, depth: look.depth };
      let sight = await lookAt(looking, look);
      seen = differences(mount, sight, await step(knownOfMount, ask));
      if (!seen.some(({ kind }) => kind === 'gone')) return;
      // What is gone is so by two looks: a listing may miss what is being replaced.
      sight = merged(sight, await lookAt(looking, look));
      seen = differences(mount, sight, await step(knownOfMount, ask));
    },
  });
  for (let at = 0; at < seen.length; at += AT_ONCE) {
    signal.throwIfAborted();
    const slice = seen.slice(at, at + AT_ONCE);
    if (asked.dry_run) tally.pulled += slice.length;
    else await takeSlice(parts, slice, tally);
  }
}

const merged = (first: Sight, second: Sight): Sight => ({
  ...second,
  entries: new Map([...first.entries, ...second.entries]),
});

async function takeSlice(parts: SyncParts, slice: readonly Seen[], tally: PushAsked['tally']): Promise<void> {
  const ready: Seen[] = [];
  const ended = await Promise.allSettled(
    slice.map((one) =>
      onPath(parts, tally, {
        path: one.path,
        work: async () => {
          const read = await withContent(parts, one);
          if (read) ready.push(read);
        },
      }),
    ),
  );
  const failed = ended.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  const order = new Map(slice.map(({ path }, at) => [path, at]));
  ready.sort((a, b) => (order.get(a.path) ?? 0) - (order.get(b.path) ?? 0));
  const { changed } = await parts.step(refreshMount, { mount_id: parts.mount.mount_id, seen: ready, each: true });
  tally.pulled += changed;
  if (changed > 0) tally.bytesPulled += ready.reduce((sum, { stored }) => sum + (stored?.size ?? 0), 0);
}

/** Undefined where it is not there any more: the next look tells. */
async function withContent(parts: SyncParts, seen: Seen): Promise<Seen | undefined> {
  if (seen.kind !== 'f') return seen;
  const fetched = await fetchTheirs(parts, seen.path);
  if (!fetched) return undefined;
  const { tag, size, modified_at } = fetched.entry;
  return { ...seen, tag, size, modified_at, stored: fetched.stored };
}

interface OfBoth extends PushAsked {
  readonly path: string;
  readonly attempt: string | null | undefined;
  /** That was open before. */
  readonly conflict: ConflictRow | undefined;
}

/** A path that was changed here, and perhaps there. What only ours has changed stays as it is. */
async function ofBoth(parts: SyncParts, { path, attempt, conflict: before, asked, tally }: OfBoth): Promise<void> {
  const { mount_id } = parts.mount;
  const ends = before && endOf(before, asked.resolution);
  const compared = await compare(parts, path, attempt);
  if (!compared || compared.decision === 'push') return;
  if (compared.decision === 'pull') tally.pulled++;
  if (compared.decision === 'conflict' && asked.dry_run) tally.detected++;
  if (asked.dry_run) return;
  try {
    if (compared.decision === 'agree') await parts.step(agree, { mount_id, agreed: [agreementOf(compared, ends)] });
    else if (compared.decision === 'pull') await takeIn(parts, compared, ends);
    else {
      const conflict = await noteConflict(parts, compared);
      if (conflict.conflict_id !== before?.conflict_id) tally.detected++;
      if (!asked.resolution) return tally.report(conflict);
      await resolve(parts, compared, { conflict, resolution: asked.resolution });
      tally.resolved++;
    }
  } catch (thrown) {
    if (thrown instanceof Moved) throw new BackendError('CHANGED', `${path} kept changing`);
    throw thrown;
  }
}
