/**
 * What was seen of a store becomes what the tree knows; steps of the server itself. Guarantees: a state is replaced only if it is
 * still the one that the look was compared with, and nothing of Nexus's own is on its way there; equal content is no new
 * version; grants stay, whatever a store shows.
 */
import { z } from 'zod';
import { ancestorsOf, parentOf } from '../../base/paths.ts';
import { doerOf } from '../../core/call/doer.ts';
import type { MountPoint } from '../../core/call/outside.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { touchBlobs } from '../content/content.sql.ts';
import type { Stored } from '../content/content.ts';
import { fileId } from '../files/changes.ts';
import { insertStates, listStatesOf, type NewState, type StateRow } from '../files/files.sql.ts';
import { MAIN, mainView } from '../files/view.ts';
import { contentTypeOf } from '../files/write.operations.ts';
import {
  dropFiles,
  type FileRow,
  type KnownRow,
  keepFiles,
  listFiles,
  listFilesBelow,
  listIntents,
  listKnown,
  listKnownBelow,
  listKnownChildren,
  listPending,
} from './known.sql.ts';
import { isAtOrBelow } from './mount.ts';
import { dropPast, endStates, fillState } from './states.sql.ts';

const STEP = { who: 'root admin', internal: true, ungated: true, faults: [] } as const;

const knownInput = z.object({
  mount_id: z.string(),
  path: z.string(),
  depth: z.enum(['one', 'entries', 'tree']),
});

/** What the tree has where somebody looks. */
export interface Known {
  readonly rows: readonly KnownRow[];
  /** Paths at which, and below which, ours is newer than the store's or about to be. */
  readonly busy: readonly string[];
  /** Points of the mounts of the zone. */
  readonly points: readonly string[];
  /** Is it still mounted? */
  readonly mounted: boolean;
}

const known = z.custom<Known>((value) => typeof value === 'object' && value !== null);

export const knownOfMount: Operation<z.infer<typeof knownInput>, Known> = {
  ...STEP,
  name: 'mount.known',
  summary: 'Tell what the tree has of a place of a mount.',
  effect: 'read',
  input: knownInput,
  output: known,
  run: async (call, { mount_id, path, depth }) => {
    const { tx, zone } = call;
    const chain = [...ancestorsOf(path), path];
    const rows = [...(await listKnown(tx, zone.zone_id, chain))];
    if (depth === 'entries') rows.push(...(await listKnownChildren(tx, zone.zone_id, path)));
    if (depth === 'tree')
      rows.push(...(await listKnownBelow(tx, zone.zone_id, path)).filter((row) => row.path !== path));
    return {
      rows,
      busy: await busyPaths(call, mount_id),
      points: call.mounts.map(({ mount_point }) => mount_point),
      mounted: call.mounts.some((mount) => mount.mount_id === mount_id),
    };
  },
};

/** A path that a call is changing right now, or whose change the store has not got yet. */
async function busyPaths(call: Call, mount_id: string): Promise<string[]> {
  const intents = await listIntents(call.tx, call.zone.zone_id);
  const pending = await listPending(call.tx, mount_id);
  return [...intents.filter(({ until }) => until > call.now), ...pending].map(({ path }) => path);
}

/** One thing that was seen, or is gone. `base`: when the state began that it was compared with. */
export interface Seen {
  readonly path: string;
  readonly kind: 'f' | 'd' | 'gone';
  readonly base: number | null;
  readonly tag: string;
  readonly size: number;
  readonly modified_at: number;
  /** Its content, where that was read. */
  readonly stored: Stored | null;
}

const refreshInput = z.object({
  mount_id: z.string(),
  seen: z.custom<readonly Seen[]>(Array.isArray),
  /** One event for each thing, or one for all. */
  each: z.boolean(),
});
const refreshOutput = z.object({ changed: z.number() });

export const refreshMount: Operation<z.infer<typeof refreshInput>, z.infer<typeof refreshOutput>> = {
  ...STEP,
  name: 'mount.refresh',
  summary: 'Take over what was seen of a store.',
  effect: 'write',
  input: refreshInput,
  output: refreshOutput,
  run: async (call, { mount_id, seen, each }) => {
    const mount = call.mounts.find((one) => one.mount_id === mount_id);
    if (!mount) return { changed: 0 };
    const busy = await busyPaths(call, mount_id);
    const idle = seen.filter(({ path }) => !busy.some((one) => isAtOrBelow(path, one) || isAtOrBelow(one, path)));
    const refresh = await Refresh.begin(call, mount, idle);
    return { changed: await refresh.apply(each) };
  },
};

/** The changes of one look, and the rows they replace. */
class Refresh {
  private readonly call: Call;
  private readonly mount: MountPoint;
  private readonly seen: readonly Seen[];
  private readonly rows: ReadonlyMap<string, StateRow>;
  private readonly files: ReadonlyMap<string, FileRow>;
  private readonly begun: NewState[] = [];
  /** What ends, and at which revision. */
  private readonly ended = new Map<string, number>();
  private readonly made = new Set<string>();

  private constructor(
    call: Call,
    mount: MountPoint,
    found: { seen: readonly Seen[]; rows: readonly StateRow[]; files: readonly FileRow[] },
  ) {
    this.call = call;
    this.mount = mount;
    this.rows = new Map(found.rows.map((row) => [row.path, row]));
    this.files = new Map(found.files.map((row) => [row.path, row]));
    this.seen = found.seen.filter(({ path, base }) => (this.rows.get(path)?.began ?? null) === base);
  }

  static async begin(call: Call, mount: MountPoint, seen: readonly Seen[]): Promise<Refresh> {
    const paths = seen.map(({ path }) => path);
    const wanted = new Set(paths.flatMap((path) => [path, ...ancestorsOf(path)]));
    const rows = await listStatesOf(call.tx, mainView(call.zone.zone_id), [...wanted]);
    return new Refresh(call, mount, { seen, rows, files: await listFiles(call.tx, call.zone.zone_id, paths) });
  }

  async apply(each: boolean): Promise<number> {
    const { call } = this;
    const contents = this.seen.flatMap(({ stored }) => stored ?? []);
    await touchBlobs(call.tx, contents, call.now);
    const changed = this.seen.filter((one) => this.isChange(one));
    const gone = await this.goneFiles(changed);
    const together = changed.length > 1 && !each ? this.tellTogether(changed) : undefined;
    for (const [ordinal, one] of changed.entries()) {
      const revision = together ?? this.tell(one);
      this.replace(one, { revision, ordinal: together === undefined ? 0 : ordinal });
    }
    await this.write(gone);
    for (const one of this.seen) await this.fill(one);
    return changed.length;
  }

  /** Another content of the same bytes, or one that becomes known, is no change. */
  private isChange({ path, kind, stored, tag }: Seen): boolean {
    const row = this.rows.get(path);
    if (kind === 'gone') return row !== undefined;
    if (kind === 'd') return row?.kind !== 'd';
    if (row?.kind !== 'f') return true;
    if (stored && row.etag !== '') return stored.sha256 !== row.etag;
    return this.files.get(path)?.tag !== tag;
  }

  /** Files at and below what is gone or has become another kind. */
  private async goneFiles(changed: readonly Seen[]): Promise<FileRow[]> {
    const roots = changed.filter(
      ({ path, kind }) => kind === 'gone' || this.rows.get(path)?.kind === (kind === 'f' ? 'd' : 'f'),
    );
    const found = await Promise.all(
      roots.map(({ path }) => listFilesBelow(this.call.tx, this.call.zone.zone_id, path)),
    );
    return found.flat();
  }

  private tell({ path, kind, stored, size }: Seen): number {
    const row = this.rows.get(path);
    if (kind === 'd') return this.call.event({ type: 'mkdir', path, data: { via: 'sync' } });
    if (kind === 'gone') {
      const type = row?.kind === 'd' ? 'rmdir' : 'delete';
      return this.call.event({
        type,
        path,
        data: { via: 'sync', ...(row?.kind === 'd' ? { subtree: true } : {}) },
      });
    }
    const version = (row?.kind === 'f' ? row.version : 0) + 1;
    const etag = stored?.sha256 ?? null;
    return this.call.event({ type: 'write', path, data: { via: 'sync', version, etag, size } });
  }

  /** Of several things, the directory is told that holds them all. */
  private tellTogether(changed: readonly Seen[]): number {
    const removed = changed.filter(({ kind }) => kind === 'gone').length;
    const paths = changed.map(({ path }) => path);
    let path = parentOf(paths[0] ?? '/');
    while (!paths.every((one) => isAtOrBelow(one, path))) path = parentOf(path);
    const data = { via: 'sync', subtree: true, files: changed.length - removed, removed };
    return this.call.event({ type: 'write', path, data });
  }

  private replace(one: Seen, made: { readonly revision: number; readonly ordinal: number }): void {
    const { path, kind } = one;
    if (this.rows.has(path)) this.ended.set(path, made.revision);
    if (kind === 'gone') return;
    // Behind the ordinals of all things, so that no two files of a revision have one id.
    for (const above of ancestorsOf(path)) {
      if (above === '/' || this.rows.has(above) || this.made.has(above)) continue;
      this.add(above, { ...one, kind: 'd' }, { ...made, ordinal: 1_000_000 + this.begun.length });
    }
    if (!this.made.has(path)) this.add(path, one, made);
  }

  private add(path: string, one: Seen, { revision, ordinal }: { revision: number; ordinal: number }): void {
    const { call } = this;
    const before = this.rows.get(path);
    const file = one.kind === 'f';
    const same = before?.kind === 'f' && file ? before : undefined;
    const doer = doerOf(call.context).user_id;
    this.made.add(path);
    this.begun.push({
      zone_id: call.zone.zone_id,
      branch: MAIN,
      path,
      parent: parentOf(path),
      kind: file ? 'f' : 'd',
      file_id: same?.file_id ?? fileId(revision, ordinal),
      began: revision,
      version: file ? (same?.version ?? 0) + 1 : 0,
      etag: file ? (one.stored?.sha256 ?? '') : null,
      size: file ? (one.stored?.size ?? one.size) : 0,
      encoding: file ? (one.stored?.encoding ?? 'base64') : null,
      content_type: file ? (same?.content_type ?? contentTypeOf(path)) : '',
      metadata: same?.metadata ?? null,
      reason: file ? 'write' : 'mkdir',
      created_at: same?.created_at ?? one.modified_at,
      created_by: same?.created_by ?? doer,
      modified_at: one.modified_at,
      modified_by: doer,
    });
  }

  private async write(gone: readonly FileRow[]): Promise<void> {
    const { call, mount } = this;
    const { tx } = call;
    const { zone_id } = call.zone;
    const below = gone.map(({ path }) => path);
    for (const [revision, ends] of Map.groupBy(await this.allEnds(), ([, at]) => at)) {
      const paths = ends.map(([path]) => path);
      await endStates(tx, { zone_id, paths, revision });
      await dropPast(tx, { zone_id, paths, revision });
    }
    await insertStates(tx, this.begun);
    const files = this.seen.filter(({ kind }) => kind === 'f');
    const changed = new Set([...this.ended.keys(), ...this.begun.map(({ path }) => path)]);
    const before = new Map([...gone, ...this.files.values()].map((row) => [row.path, row]));
    // What others put there does not count.
    const others = [...before.values()].filter(
      (row) => row.counted === 1 && (changed.has(row.path) || below.includes(row.path)),
    );
    call.use('storage_bytes', -others.reduce((sum, { size }) => sum + size, 0));
    call.use('files', -others.length);
    await dropFiles(tx, zone_id, [...below, ...this.seen.filter(({ kind }) => kind !== 'f').map(({ path }) => path)]);
    await keepFiles(
      tx,
      zone_id,
      files.map(({ path, tag, size, modified_at }) => {
        const counted = changed.has(path) ? 0 : (this.files.get(path)?.counted ?? 0);
        return { path, mount_id: mount.mount_id, tag, size, modified_at, counted };
      }),
    );
  }

  /** With a directory ends what is below it. */
  private async allEnds(): Promise<ReadonlyMap<string, number>> {
    const { call } = this;
    const all = new Map(this.ended);
    for (const [path, revision] of this.ended) {
      if (this.rows.get(path)?.kind !== 'd') continue;
      for (const row of await listKnownBelow(call.tx, call.zone.zone_id, path)) all.set(row.path, revision);
    }
    return all;
  }

  private async fill({ path, kind, stored, size }: Seen): Promise<void> {
    const row = this.rows.get(path);
    if (kind !== 'f' || !stored || row?.kind !== 'f' || row.etag !== '' || this.made.has(path)) return;
    const { sha256, encoding } = stored;
    await fillState(this.call.tx, this.call.zone.zone_id, { path, began: row.began, sha256, size, encoding });
  }
}
