/** Uploads as they are shown, to clients of the protocol and to people (platform.md §7.1), and their end. */
import { z } from 'zod';
import { readCursor, writeCursor } from '../../base/cursor.ts';
import { recordOf } from '../../base/json-object.ts';
import { parseJson } from '../../base/parse-json.ts';
import { idText } from '../../base/texts.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { isAdmin, subjectOf } from '../jobs/visibility.ts';
import { untilFree } from './carry-on.ts';
import { getUpload } from './get.ts';
import { topicOf, type UploadRow } from './upload.ts';
import { changeUpload, listUploads, zoneOfUpload } from './uploads.sql.ts';
import { askHolder, isLocked } from './writing.ts';

const ROOT = '/api/v2/uploads';

export const uploadObject = z.object({
  upload_id: z.string(),
  id: z.string(),
  zone_id: z.string(),
  path: z.string().nullable(),
  kind: z.enum(['single', 'partial', 'final']),
  upload_length: z.number().nullable(),
  upload_offset: z.number(),
  status: z.enum(['open', 'complete', 'failed']),
  expires_at: z.string(),
  created_at: z.string(),
  metadata: recordOf(z.string()),
});
type UploadObject = z.infer<typeof uploadObject>;

function toObject(call: Call, row: UploadRow): UploadObject {
  const type: Record<string, string> = row.content_type === null ? {} : { content_type: row.content_type };
  return {
    upload_id: row.upload_id,
    id: row.upload_id,
    zone_id: row.zone_id,
    path: row.path === null ? null : call.shown(row.path),
    kind: row.kind,
    upload_length: row.length,
    upload_offset: row.received,
    status: row.status === 'ended' ? 'failed' : row.status,
    expires_at: new Date(row.expires_at).toISOString(),
    created_at: new Date(row.created_at).toISOString(),
    metadata: { ...(parseJson(row.file_metadata ?? '{}') as Record<string, string>), ...type },
  };
}

const uploadId = idText.describe('id of the upload');
const one = z.object({ upload_id: uploadId });
type One = z.infer<typeof one>;

const COMMON = {
  who: { role: 'viewer' },
  locate: (tx: Parameters<typeof zoneOfUpload>[0], { upload_id }: One) => zoneOfUpload(tx, upload_id.toLowerCase()),
} as const;

export const get: Operation<One, UploadObject> = {
  ...COMMON,
  name: 'upload.get',
  summary: 'Show an upload.',
  effect: 'read',
  input: one,
  output: uploadObject,
  faults: ['UPLOAD_NOT_FOUND', 'UPLOAD_GONE'],
  http: { method: 'GET', path: `${ROOT}/:upload_id` },
  cli: { words: 'upload get', args: ['upload_id'] },
  run: async (call, { upload_id }) => toObject(call, await getUpload(call, upload_id)),
};

const listInput = z.object({
  limit: z.int().min(1).default(100).describe('entries of a page, at most 1,000'),
  cursor: z.string().optional().describe('next_cursor of the page before'),
});
const page = z.object({ uploads: z.array(uploadObject), next_cursor: z.string().nullable(), has_more: z.boolean() });
const LIST_MOST = 1_000;
const CURSOR = 'uploads';
const place = z.object({ before: z.string() });

export const list: Operation<z.infer<typeof listInput>, z.infer<typeof page>> = {
  name: 'upload.list',
  summary: 'List uploads, the newest first.',
  effect: 'read',
  who: { role: 'viewer' },
  input: listInput,
  output: page,
  faults: ['INVALID_CURSOR'],
  http: { method: 'GET', path: ROOT },
  cli: { words: 'upload list' },
  run: async (call, input) => {
    const limit = Math.min(input.limit, LIST_MOST);
    const before = input.cursor === undefined ? '' : readCursor(CURSOR, input.cursor, place).before;
    const all = isAdmin(call);
    const rows = await listUploads(call.tx, {
      zone_id: call.context.zone_id,
      owner: all ? undefined : subjectOf(call),
      agent_id: all ? undefined : (call.caller.agent_id ?? ''),
      now: call.now,
      before,
      limit: limit + 1,
    });
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    return {
      uploads: shown.map((row) => toObject(call, row)),
      next_cursor: last ? writeCursor(CURSOR, { before: last.upload_id }) : null,
      has_more: last !== undefined,
    };
  },
};

const head = z.object({
  upload_id: z.string(),
  received: z.number(),
  length: z.number().nullable(),
  metadata: z.string().nullable(),
  concat: z.string().nullable(),
  expires_at: z.number(),
});
export type Head = z.infer<typeof head>;

/** What the protocol's HEAD tells. */
export const look: Operation<One, Head> = {
  ...COMMON,
  name: 'upload.head',
  ownDoor: true,
  summary: 'Say how far an upload has come.',
  effect: 'read',
  input: one,
  output: head,
  faults: ['UPLOAD_NOT_FOUND', 'UPLOAD_GONE'],
  run: async (call, { upload_id }) => getUpload(call, upload_id),
};

const ended = z.object({ upload_id: z.string(), state: z.enum(['held', 'ended']) });

export const remove: Operation<One, z.infer<typeof ended>> = {
  ...COMMON,
  name: 'upload.delete',
  summary: 'End an upload; the file of one that is complete stays.',
  effect: 'destroy',
  who: { role: 'operator' },
  input: one,
  output: ended,
  faults: ['UPLOAD_NOT_FOUND', 'UPLOAD_GONE', 'LOCKED'],
  rpc: { name: 'delete_upload', present: ({ upload_id }) => ({ deleted: true, upload_id }) },
  cli: { words: 'upload delete', args: ['upload_id'] },
  object: ({ upload_id }) => upload_id,
  rings: ({ upload_id }) => topicOf(upload_id),
  run: async (call, { upload_id }) => {
    const row = await getUpload(call, upload_id);
    if (isLocked(row, call.now)) {
      await askHolder(call, row);
      return { upload_id: row.upload_id, state: 'held' };
    }
    const token = row.token + 1;
    await changeUpload(call.tx, row.upload_id, {
      status: 'ended',
      held: null,
      token,
      lock_until: null,
      expires_at: call.now,
    });
    return { upload_id: row.upload_id, state: 'ended' };
  },
  linger: async (output, streaming, asked) => {
    const done = await untilFree(output, streaming, () => streaming.run(remove, asked as One));
    await streaming.blobs.stage.remove(done.upload_id);
    return done;
  },
};
