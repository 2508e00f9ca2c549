/**
 * The end of uploads, as steps of the server itself. Guarantees: the bytes of an upload go only after the transaction that
 * ended it, in which nobody held its lock; what a crash left in the stage without a row is found; each step can be repeated.
 */
import { z } from 'zod';
import type { Operation } from '../../core/operation.ts';
import { SLICE_ROWS } from '../zones/sweep.operations.ts';
import { TOLD_GONE_MS } from './upload.ts';
import {
  changeUpload,
  dropForgotten,
  dropThese,
  endLocks,
  findUpload,
  listExpired,
  listOfZone,
  withoutRow,
} from './uploads.sql.ts';
import { isLocked } from './writing.ts';

const STEP = { who: 'root admin', internal: true, anyZone: true, faults: [] } as const;
const nothing = z.object({});
const ids = z.array(z.string());
const id = z.object({ upload_id: z.string() });

const expired = z.array(z.object({ upload_id: z.string(), zone_id: z.string() }));

export const expiredUploads: Operation<z.infer<typeof nothing>, z.infer<typeof expired>> = {
  ...STEP,
  name: 'upload.expired',
  summary: 'List uploads that are over and still have bytes.',
  effect: 'read',
  input: nothing,
  output: expired,
  run: (call) => listExpired(call.tx, call.now, SLICE_ROWS),
};

/** False where it is not over any more, or somebody still writes to it. */
export const endUpload: Operation<z.infer<typeof id>, boolean> = {
  ...STEP,
  name: 'upload.end',
  summary: 'End an upload whose time is over.',
  effect: 'destroy',
  input: id,
  output: z.boolean(),
  run: async (call, { upload_id }) => {
    const row = await findUpload(call.tx, call.zone.zone_id, upload_id);
    if (!row || row.expires_at > call.now || isLocked(row, call.now)) return false;
    await changeUpload(call.tx, upload_id, { status: 'ended', held: null, token: row.token + 1, lock_until: null });
    return true;
  },
};

/** Its bytes have gone. */
export const clearedUpload: Operation<z.infer<typeof id>, null> = {
  ...STEP,
  name: 'upload.cleared',
  summary: 'Note that the bytes of an upload that has ended are gone.',
  effect: 'destroy',
  input: id,
  output: z.null(),
  run: async (call, { upload_id }) => {
    await changeUpload(call.tx, upload_id, { staged: 0, segments: '[]' });
    return null;
  },
};

const left = z.object({ left: z.boolean() });

export const forgetUploads: Operation<z.infer<typeof nothing>, z.infer<typeof left>> = {
  ...STEP,
  name: 'upload.forget',
  summary: 'Remove the rows of uploads that ended seven days ago.',
  effect: 'destroy',
  input: nothing,
  output: left,
  run: async (call) => ({
    left: (await dropForgotten(call.tx, call.now - TOLD_GONE_MS, SLICE_ROWS)) >= SLICE_ROWS,
  }),
};

const acts = z.object({ acts: ids });

export const strayUploads: Operation<z.infer<typeof acts>, string[]> = {
  ...STEP,
  name: 'upload.stray',
  summary: 'Say which of the acts of the stage belong to no upload.',
  effect: 'read',
  input: acts,
  output: ids,
  run: (call, input) => withoutRow(call.tx, input.acts),
};

/** Of a zone that is ending; their bytes go before their rows. */
export const uploadsOfZone: Operation<z.infer<typeof nothing>, string[]> = {
  ...STEP,
  name: 'upload.of-zone',
  summary: 'List uploads of a zone that is ending.',
  effect: 'read',
  input: nothing,
  output: ids,
  run: (call) => listOfZone(call.tx, call.zone.zone_id, SLICE_ROWS),
};

export const dropUploads: Operation<{ upload_ids: string[] }, null> = {
  ...STEP,
  name: 'upload.drop',
  summary: 'Remove the rows of uploads of a zone that is ending.',
  effect: 'destroy',
  input: z.object({ upload_ids: ids }),
  output: z.null(),
  run: async (call, { upload_ids }) => {
    if (call.zone.phase === 'Terminating') await dropThese(call.tx, upload_ids);
    return null;
  },
};

/** For the one server of a database, at its start: whoever held a lock is dead. */
export const freeUploads: Operation<z.infer<typeof nothing>, null> = {
  ...STEP,
  name: 'upload.free',
  summary: 'End the locks of writers that died with the server before this one.',
  effect: 'write',
  input: nothing,
  output: z.null(),
  run: async (call) => {
    await endLocks(call.tx);
    return null;
  },
};

export const uploadHousekeeping = [
  expiredUploads,
  endUpload,
  clearedUpload,
  forgetUploads,
  strayUploads,
  uploadsOfZone,
  dropUploads,
  freeUploads,
] as const;
