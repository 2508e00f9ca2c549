/**
 * The end of a call that changed what lies in a store, in its transaction. Guarantees: nothing of a write-through mount commits
 * before its store has it, whatever operation changed it; of a write-back mount, what its store still has to get commits with the
 * change; usage counts what was written here and nothing else.
 */
import { Detour, type MountPoint, type Step } from '../../core/call/outside.ts';
import type { Call } from '../../core/operation.ts';
import type { Entry } from '../../ports/backend.ts';
import type { AppendedEvent } from '../events/events.sql.ts';
import {
  dropFiles,
  endIntents,
  type FileRow,
  keepFiles,
  keepPending,
  listFiles,
  listFilesBelow,
  type PendingRow,
} from './known.sql.ts';
import { textOfSteps } from './mount.ts';
import { lostIntent } from './refusals.ts';
import { dropPast, listBegun, listEnded, listInline } from './states.sql.ts';
import { changesOf, plannedOf, type StoreChange } from './steps.ts';

/** Throws a Detour where a store has to change first. */
export async function settleStores(call: Call, events: readonly AppendedEvent[]): Promise<void> {
  const changes = await changesOf(call, events);
  const through = changes.filter(({ mount }) => mount.write_mode === 'through');
  const { change } = call.context.passage ?? {};
  const steps = plannedOf(through);
  if (textOfSteps(steps) !== textOfSteps(change?.steps ?? [])) {
    throw new Detour({ kind: 'change', steps, inline: await listInline(call.tx, hashesOf(steps)) });
  }
  if (change && (await endIntents(call.tx, change.intent_id)) === 0) throw lostIntent();
  const entries = new Map(change?.entries);
  for (const one of changes) await book(call, one, entries);
}

const hashesOf = (steps: readonly { readonly step: Step }[]): string[] =>
  steps.flatMap(({ step }) => (step.op === 'write' ? [step.sha256] : []));

async function book(call: Call, change: StoreChange, entries: ReadonlyMap<string, Entry>): Promise<void> {
  const { step } = change;
  if (step.op === 'write') await bookWrite(call, change, { path: step.path, entry: entries.get(step.path) });
  else if (step.op === 'remove')
    await bookRemoval(call, change, await listFiles(call.tx, call.zone.zone_id, [step.path]));
  else if (step.op === 'rmdir') {
    await bookRemoval(call, change, await listFilesBelow(call.tx, call.zone.zone_id, step.path));
    await pend(call, change, [{ path: step.path, change: 'rmdir' }]);
  } else if (step.op === 'rename') await bookRename(call, change, step);
  else await pend(call, change, [{ path: step.path, change: 'mkdir' }]);
}

/** What others put there was never counted: what the handler took off for it, or added less, is put right. */
function countAnew(call: Call, before: readonly FileRow[]): void {
  const others = before.filter(({ counted }) => counted === 0);
  call.use(
    'storage_bytes',
    others.reduce((sum, { size }) => sum + size, 0),
  );
  call.use('files', others.length);
}

async function bookWrite(
  call: Call,
  change: StoreChange,
  { path, entry }: { readonly path: string; readonly entry: Entry | undefined },
): Promise<void> {
  const { tx, zone } = call;
  const before = await listFiles(tx, zone.zone_id, [path]);
  countAnew(call, before);
  const [known] = before;
  const seen = entry ?? { tag: known?.tag ?? '', size: known?.size ?? 0, modified_at: known?.modified_at ?? 0 };
  const { tag, size, modified_at } = seen;
  await pend(call, change, [{ path, change: 'write' }], before);
  await keepFiles(tx, zone.zone_id, [{ path, mount_id: change.mount.mount_id, tag, size, modified_at, counted: 1 }]);
  await dropPast(tx, { zone_id: zone.zone_id, paths: [path], revision: change.revision });
}

async function bookRemoval(call: Call, change: StoreChange, before: readonly FileRow[]): Promise<void> {
  const { tx, zone } = call;
  const paths = before.map(({ path }) => path);
  countAnew(call, before);
  await pend(
    call,
    change,
    paths.map((path) => ({ path, change: 'delete' })),
    before,
  );
  await dropFiles(tx, zone.zone_id, paths);
  await dropPast(tx, { zone_id: zone.zone_id, paths, revision: change.revision });
}

async function bookRename(call: Call, change: StoreChange, { from, path }: Step & { op: 'rename' }): Promise<void> {
  const { tx, zone } = call;
  const { zone_id } = zone;
  const replaced = await listFiles(tx, zone_id, [path]);
  countAnew(call, replaced);
  const moved = await listFilesBelow(tx, zone_id, from);
  const target = (one: string): string => path + one.slice(from.length);
  const back = change.mount.write_mode === 'back';
  await dropFiles(tx, zone_id, [path, ...moved.map((row) => row.path)]);
  await pend(
    call,
    change,
    moved.map((row) => ({ path: row.path, change: 'delete' })),
    moved,
  );
  await keepFiles(
    tx,
    zone_id,
    moved.map((row) => ({ ...row, path: target(row.path), ...(back ? { tag: '' } : {}) })),
  );
  if (!back) return;
  const begun = await listBegun(tx, { zone_id, path, revision: change.revision });
  const made = begun.map((row) => ({ path: row.path, change: row.kind === 'd' ? 'mkdir' : 'write' }) as const);
  await pend(call, change, made, replaced);
  const gone = begun.filter(({ kind }) => kind === 'd').map((row) => from + row.path.slice(path.length));
  await pend(
    call,
    change,
    gone.map((one) => ({ path: one, change: 'rmdir' })),
  );
}

/** Of a write-back mount: what its store still has to get. `before`: the files as they were known. */
async function pend(
  call: Call,
  { mount, revision }: { readonly mount: MountPoint; readonly revision: number },
  changes: readonly { readonly path: string; readonly change: PendingRow['change'] }[],
  before: readonly FileRow[] = [],
): Promise<void> {
  if (mount.write_mode !== 'back' || changes.length === 0) return;
  const { zone_id } = call.zone;
  const known = new Map(before.filter(({ tag }) => tag !== '').map((row) => [row.path, row]));
  const ended = await listEnded(call.tx, { zone_id, paths: [...known.keys()], revision });
  const etags = new Map(ended.map(({ path, etag }) => [path, etag]));
  await keepPending(
    call.tx,
    zone_id,
    changes.map(({ path, change }) => {
      const base = known.get(path);
      return {
        path,
        mount_id: mount.mount_id,
        change,
        base_tag: base?.tag ?? null,
        base_etag: etags.get(path) || null,
        base_size: base?.size ?? null,
        base_modified_at: base?.modified_at ?? null,
        since: call.now,
        revision,
      };
    }),
  );
}
