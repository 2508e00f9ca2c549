/**
 * What a push or a pull does to rows, as steps of the server itself; no door reaches them. Guarantees: what is agreed on,
 * taken over or settled is so only if our side is still the one that was compared; with each change goes its event, and what
 * ends a conflict is in the transaction of what settles it.
 */

import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { newUuid } from '../../base/ids.ts';
import { own } from '../../base/own-data.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { findInline, touchBlobs } from '../content/content.sql.ts';
import type { Stored } from '../content/content.ts';
import { type NewContent, writeFile } from '../files/changes.ts';
import type { StateRow } from '../files/files.sql.ts';
import { lookUp } from '../files/tree.ts';
import { mainView } from '../files/view.ts';
import { keepFiles, listFiles, listKnown } from '../mounts/known.sql.ts';
import { findMount, type MountRow } from '../mounts/mounts.sql.ts';
import { refreshMount, type Seen } from '../mounts/refresh.operations.ts';
import { asidePath } from './aside.ts';
import {
  type ConflictEnd,
  type ConflictRow,
  countOpen,
  endConflict,
  findConflict,
  findOpen,
  insertConflict,
  listOpen,
  renewLocal,
  type SideRow,
} from './conflicts.sql.ts';
import type { Resolution } from './decide.ts';
import { dropPending, findPending, keepAbove, listPendingOf, type Pending, rebase } from './pending.sql.ts';
import { dropAttempt, findSync, keepAttempt, listAttempts, type SyncRow } from './sync.sql.ts';

const STEP = { who: 'root admin', internal: true, ungated: true, faults: [] } as const;

/** All that a run begins with. */
export interface Begun {
  readonly mount: MountRow;
  /** In path order; `attempt` is what was on its way, undefined for nothing. */
  readonly pending: readonly (Pending & { readonly attempt: string | null | undefined })[];
  readonly open: readonly ConflictRow[];
  readonly sync: SyncRow;
}

/** Null where nothing is mounted there. */
export const beginSync: Operation<{ mount_point: string }, Begun | null> = {
  ...STEP,
  name: 'sync.begin',
  summary: 'Read what a push or a pull of a mount begins with.',
  effect: 'read',
  input: z.object({ mount_point: z.string() }),
  output: own<Begun | null>(),
  run: async ({ tx, zone }, { mount_point }) => {
    const { zone_id } = zone;
    const mount = await findMount(tx, zone_id, mount_point);
    if (!mount) return null;
    const { mount_id } = mount;
    const attempts = new Map((await listAttempts(tx, zone_id, mount_id)).map(({ path, etag }) => [path, etag]));
    const pending = await listPendingOf(tx, mount_id);
    return {
      mount,
      pending: pending.map((row) => ({ ...row, attempt: attempts.get(row.path) })),
      open: await listOpen(tx, zone_id, mount_id),
      sync: await findSync(tx, zone_id, mount_id),
    };
  },
};

/** A file of ours. */
export interface Local {
  readonly etag: string;
  readonly size: number;
  readonly modified_at: number | null;
  readonly inline: Uint8Array | null;
}

/** What there is of ours at a path, and what of that the store has not got. */
export interface Ours {
  readonly local: Local | null;
  /** When the live state began, whatever it is. */
  readonly began: number | null;
  readonly pending: Pending | null;
}

export const oursAt: Operation<{ path: string }, Ours> = {
  ...STEP,
  name: 'sync.ours',
  summary: 'Tell what is here at a path of a mount.',
  effect: 'read',
  input: z.object({ path: z.string() }),
  output: own<Ours>(),
  run: async ({ tx, zone }, { path }) => {
    const [row] = await listKnown(tx, zone.zone_id, [path]);
    const pending = (await findPending(tx, zone.zone_id, path)) ?? null;
    if (row?.kind !== 'f' || !row.etag) return { local: null, began: row?.began ?? null, pending };
    const { etag, size, modified_at, began } = row;
    return { local: { etag, size, modified_at, inline: await findInline(tx, etag) }, began, pending };
  },
};

export interface Attempt {
  readonly path: string;
  readonly etag: string | null;
  /** Where an earlier one has arrived: what the store has by that. */
  readonly base?: (There & { readonly etag: string | null }) | null;
}

const attempting = z.object({ mount_id: z.string(), attempts: own<readonly Attempt[]>() });

/** Durable before the store is changed: what arrives there is known as ours by it. */
export const attemptPush: Operation<z.infer<typeof attempting>, null> = {
  ...STEP,
  name: 'sync.attempt',
  summary: 'Write down what is on its way to a store.',
  effect: 'write',
  input: attempting,
  output: z.null(),
  run: async ({ tx, zone }, { mount_id, attempts }) => {
    const { zone_id } = zone;
    for (const { path, etag, base } of attempts) {
      if (base !== undefined) await rebase(tx, { zone_id, mount_id, path, base });
      await keepAttempt(tx, { path, etag, zone_id, mount_id });
    }
    return null;
  },
};

/** How a conflict ends. */
export interface Settled {
  readonly conflict_id: string;
  readonly resolution: Resolution | null;
  readonly lost: 'local' | 'remote' | null;
}

/** What a store has now. Null: nothing at the path. */
export interface There {
  readonly tag: string;
  readonly size: number;
  readonly modified_at: number;
}

export interface Agreement {
  readonly path: string;
  /** Of the change of ours that the store has. */
  readonly revision: number;
  /** Of a file; null where it was removed, or is a directory. */
  readonly etag: string | null;
  readonly there: There | null;
  readonly settles?: Settled;
}

const agreeing = z.object({ mount_id: z.string(), agreed: own<readonly Agreement[]>() });

export const agree: Operation<z.infer<typeof agreeing>, null> = {
  ...STEP,
  name: 'sync.agree',
  summary: 'Write down that a store has what is here.',
  effect: 'write',
  input: agreeing,
  output: z.null(),
  run: async (call, { mount_id, agreed }) => {
    for (const one of agreed) {
      await agreeOn(call, mount_id, one);
      if (one.settles) await settle(call, one.settles);
    }
    return null;
  },
};

async function agreeOn({ tx, zone }: Call, mount_id: string, one: Agreement): Promise<void> {
  const { path, there, etag } = one;
  const { zone_id } = zone;
  await dropAttempt(tx, zone_id, path);
  const pending = await findPending(tx, zone_id, path);
  if (!pending || pending.mount_id !== mount_id) return;
  if (pending.revision === one.revision) await dropPending(tx, zone_id, path);
  else await rebase(tx, { zone_id, mount_id, path, base: there && { ...there, etag } });
  const [known] = await listFiles(tx, zone_id, [path]);
  if (known && there) await keepFiles(tx, zone_id, [{ ...known, ...there }]);
}

const taking = z.object({
  mount_id: z.string(),
  path: z.string(),
  /** Of our change that goes for it; null where there is none. */
  revision: z.number().nullable(),
  seen: own<Seen>(),
  settles: own<Settled | undefined>(),
});

/** False where ours has changed since it was compared. */
export const takeTheirs: Operation<z.infer<typeof taking>, boolean> = {
  ...STEP,
  name: 'sync.take',
  summary: 'Take over what a store has at a path in place of what is here.',
  effect: 'write',
  input: taking,
  output: z.boolean(),
  run: async (call, { mount_id, path, revision, seen, settles }) => {
    const { tx, zone } = call;
    const pending = await findPending(tx, zone.zone_id, path);
    const [row] = await listKnown(tx, zone.zone_id, [path]);
    if ((pending?.revision ?? null) !== revision || (row?.began ?? null) !== seen.base) return false;
    await dropPending(tx, zone.zone_id, path);
    await dropAttempt(tx, zone.zone_id, path);
    if (seen.kind !== 'gone') await keepAbove(tx, zone.zone_id, path);
    await refreshMount.run(call, { mount_id, seen: [seen], each: true });
    if (settles) await settle(call, settles);
    return true;
  },
};

/** Ends a conflict, with its event; nothing where it was ended before. */
export async function settle(call: Call, { conflict_id, resolution, lost }: Settled): Promise<void> {
  const { tx, zone, now } = call;
  const row = await findConflict(tx, zone.zone_id, conflict_id);
  const end: ConflictEnd = { conflict_id, resolution, lost, successor: null, resolved_at: now };
  if (row && (await endConflict(tx, end))) tellResolved(call, row, { resolution });
}

function tellResolved(call: Call, row: ConflictRow, data: Readonly<Record<string, unknown>>): void {
  const { conflict_id, mount_point, path } = row;
  call.event({
    type: 'conflict.resolved',
    path,
    object: { type: 'conflict', id: conflict_id },
    data: { mount_point, ...data },
  });
}

export interface Opening {
  readonly mount_id: string;
  readonly mount_point: string;
  readonly path: string;
  readonly local: SideRow;
  readonly remote: SideRow;
  readonly base: SideRow;
  /** The store's content, which is kept with the conflict. */
  readonly stored: Stored | null;
}

/** The conflict of a path. One that is open stays, unless the store has changed again: then another takes its place. */
export const openConflict: Operation<Opening, ConflictRow> = {
  ...STEP,
  name: 'sync.open-conflict',
  summary: 'Write down that a path was changed on both sides.',
  effect: 'write',
  input: own<Opening>(),
  output: own<ConflictRow>(),
  run: async (call, opening) => {
    const { tx, zone, limits, now } = call;
    const before = await findOpen(tx, zone.zone_id, opening.path);
    // One of a mount that was there before is none of this store's.
    const same = before?.mount_id === opening.mount_id && before.remote_etag === opening.remote.etag;
    if (before && same) {
      if (before.local_etag !== opening.local.etag) await renewLocal(tx, before.conflict_id, opening.local);
      return (await findConflict(tx, zone.zone_id, before.conflict_id)) ?? before;
    }
    if (!before) await checkRoom(call, limits.CONFLICTS_OPEN);
    const row = conflictOf(call, opening);
    if (opening.stored) await touchBlobs(tx, [opening.stored], now);
    if (before) {
      const { conflict_id: successor } = row;
      const end = {
        conflict_id: before.conflict_id,
        resolution: null,
        lost: null,
        successor,
        resolved_at: now,
      } as const;
      await endConflict(tx, end);
      tellResolved(call, before, { resolution: null, successor });
    }
    await insertConflict(tx, row);
    const { conflict_id, path, mount_point, local_etag, remote_etag } = row;
    const data = { mount_point, local: local_etag, remote: remote_etag };
    call.event({ type: 'conflict.opened', path, object: { type: 'conflict', id: conflict_id }, data });
    return row;
  },
};

async function checkRoom({ tx, zone }: Call, maximum: number): Promise<void> {
  if ((await countOpen(tx, zone.zone_id)) < maximum) return;
  throw new Fault('TOO_MANY', `${maximum} conflicts of the zone are open, the limit CONFLICTS_OPEN; resolve some`, {
    limit: 'CONFLICTS_OPEN',
    maximum,
  });
}

function conflictOf({ zone, now }: Call, opening: Opening): ConflictRow {
  const { mount_id, mount_point, path, local, remote, base } = opening;
  return {
    conflict_id: newUuid(now),
    zone_id: zone.zone_id,
    mount_id,
    mount_point,
    path,
    local_etag: local.etag,
    local_size: local.size,
    local_modified_at: local.modified_at,
    remote_etag: remote.etag,
    remote_size: remote.size,
    remote_modified_at: remote.modified_at,
    base_etag: base.etag,
    base_size: base.size,
    base_modified_at: base.modified_at,
    status: 'open',
    resolution: null,
    successor: null,
    lost: null,
    detected_at: now,
    resolved_at: null,
  };
}

const asideInput = z.object({ path: z.string(), etag: z.string(), at: z.number() });

const copyOf = ({ size, encoding, content_type, metadata }: StateRow, sha256: string): NewContent => ({
  sha256,
  size,
  blob: null,
  encoding: encoding === 'utf-8' ? 'utf-8' : 'base64',
  content_type,
  metadata,
  reason: 'copy',
  via: 'sync',
});

/** Names that are tried. */
const NAMES_MOST = 100;

/** Ours goes on under another name; the same name again where that was done before. Null where ours has changed. */
export const putAside: Operation<z.infer<typeof asideInput>, string | null> = {
  ...STEP,
  // What it writes is a change like any other: the store has to get it.
  ungated: false,
  name: 'sync.put-aside',
  summary: 'Copy a file of a mount to the name under which it goes on.',
  effect: 'write',
  grows: true,
  input: asideInput,
  output: z.string().nullable(),
  run: async (call, { path, etag, at }) => {
    const view = mainView(call.zone.zone_id);
    const from = (await lookUp(call, view, path)).state;
    if (from?.kind !== 'f' || from.etag !== etag) return null;
    for (let taken = 0; taken < NAMES_MOST; taken++) {
      const name = asidePath(path, { at, taken, nameBytes: call.limits.SEGMENT_BYTES });
      const spot = await lookUp(call, view, name);
      if (spot.state?.etag === etag) return name;
      if (spot.state) continue;
      await writeFile(call, view, { spot, content: copyOf(from, etag) });
      return name;
    }
    throw new Fault('CONFLICT', `There is no name left under which ${path} could go on`, { path });
  },
};

export const syncSteps = [beginSync, oursAt, attemptPush, agree, takeTheirs, openConflict, putAside] as const;
