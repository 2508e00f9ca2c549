/**
 * What a writer tells of itself while bytes come in; no door reaches it. Guarantees: only the holder of the newest token
 * moves an upload, so that whoever was given up for dead cannot; bytes are told after they were synced.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import type { Call, Operation } from '../../core/operation.ts';
import type { Stored } from '../content/content.ts';
import { checkQuota } from '../zones/quota.ts';
import { reservedBytes } from '../zones/usage.sql.ts';
import { becomeFile, type Outcome } from './become-file.ts';
import {
  expiryAt,
  isGone,
  LOCK_MS,
  type Segment,
  topicOf,
  type UploadRow,
  uploadGone,
  uploadNotFound,
} from './upload.ts';
import { changeUpload, deleteUpload, findUpload, segmentsText } from './uploads.sql.ts';

const STEP = { effect: 'write', who: { role: 'operator' }, internal: true, grows: false } as const;

const segments = z.custom<readonly Segment[]>();
const held = z.object({ upload_id: z.string(), token: z.number() });
/** With the length that the holder goes by, which his request may have brought. */
const telling = held.extend({ length: z.number().nullable() });
type Held = z.infer<typeof held>;

async function heldUpload(call: Call, { upload_id, token }: Held): Promise<UploadRow> {
  const row = await findUpload(call.tx, call.context.zone_id, upload_id);
  if (!row) throw uploadNotFound(upload_id);
  if (isGone(row, call.now)) throw uploadGone(row);
  if (row.token === token && row.lock_until !== null) return row;
  throw new Fault('CONFLICT', `Another request writes to upload ${upload_id} now`, { reason: 'LEASE_LOST' });
}

const progressInput = telling.extend({
  received: z.number(),
  /** Null where no byte is new. */
  segments: segments.nullable(),
  /** The writer has ended: nothing more will come of it. */
  end: z.boolean(),
});
const progressOutput = z.object({ upload_id: z.string(), wanted: z.boolean(), end: z.boolean() });

export const progress: Operation<z.infer<typeof progressInput>, z.infer<typeof progressOutput>> = {
  ...STEP,
  name: 'upload.progress',
  summary: 'Note what has been received of an upload, and keep its lock.',
  input: progressInput,
  output: progressOutput,
  faults: ['UPLOAD_NOT_FOUND', 'UPLOAD_GONE', 'CONFLICT', 'QUOTA_EXCEEDED'],
  rings: ({ upload_id, end }) => (end ? topicOf(upload_id) : undefined),
  run: async (call, input) => {
    const row = await heldUpload(call, input);
    const length = input.segments ? input.length : row.length;
    const whole = row.kind === 'partial' && length === input.received;
    await changeUpload(call.tx, row.upload_id, {
      lock_until: input.end ? null : call.now + LOCK_MS,
      ...(input.segments
        ? {
            length,
            received: input.received,
            segments: segmentsText(input.segments),
            held: null,
            expires_at: expiryAt(call.now),
          }
        : {}),
      ...(whole && input.end ? { status: 'complete' } : {}),
    });
    // Of an upload without a length nobody has looked whether there is room for it.
    if (length === null && !input.end) await checkRoom(call, input.received, row.upload_id);
    return { upload_id: row.upload_id, wanted: row.wanted === input.token, end: input.end };
  },
};

/** QUOTA_EXCEEDED for so many bytes of an upload that could never become a file of the zone as it is. */
async function checkRoom(call: Call, bytes: number, upload_id: string): Promise<void> {
  checkQuota(call.zone, 'file_bytes', { used: 0, by: bytes });
  const others = await reservedBytes(call.tx, call.zone, upload_id);
  checkQuota(call.zone, 'storage_bytes', { used: call.zone.used_storage_bytes + others, by: bytes });
}

/** BODY_TOO_LARGE or QUOTA_EXCEEDED for a length that cannot be. */
export async function checkLength(call: Call, length: number, upload_id: string): Promise<void> {
  const maximum = call.limits.FILE_BYTES;
  if (length > maximum) {
    throw new Fault('BODY_TOO_LARGE', `${length} bytes are more than the ${maximum} that a file may have`, {
      limit: 'FILE_BYTES',
      maximum,
    });
  }
  await checkRoom(call, length, upload_id);
}

const finishInput = telling.extend({ segments, stored: z.custom<Stored>() });

export const finish: Operation<z.infer<typeof finishInput>, Outcome & { readonly upload_id: string }> = {
  ...STEP,
  name: 'upload.finish',
  summary: 'Make a file of an upload whose bytes are all there.',
  grows: true,
  input: finishInput,
  output: z.custom<Outcome & { upload_id: string }>(),
  faults: ['UPLOAD_NOT_FOUND', 'UPLOAD_GONE', 'CONFLICT'],
  rings: ({ upload_id }) => topicOf(upload_id),
  object: ({ upload_id }) => upload_id,
  run: async (call, input) => {
    const row = await heldUpload(call, input);
    const { length } = input;
    const more = {
      length,
      segments: segmentsText(input.segments),
      ...(input.segments.length > 0 ? { held: null } : {}),
    };
    return { upload_id: row.upload_id, ...(await becomeFile(call, row, { stored: input.stored, more })) };
  },
};

/** A creation that came to nothing leaves nothing. */
export const abandon: Operation<Held, null> = {
  ...STEP,
  name: 'upload.abandon',
  summary: 'Take back an upload whose creation failed.',
  input: held,
  output: z.null(),
  faults: [],
  run: async (call, input) => {
    const row = await findUpload(call.tx, call.context.zone_id, input.upload_id);
    // The lock has been given back by now, so it is the token that counts.
    if (row?.token === input.token) await deleteUpload(call.tx, row.upload_id);
    return null;
  },
};
