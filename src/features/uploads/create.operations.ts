/**
 * The creation of an upload (platform.md §7.2, POST). Guarantees: the right to write its target, its length and the counts
 * of the zone are looked at before a byte of it is kept; one whose first bytes fail their checksum was never there.
 */
import { z } from 'zod';
import { Fault, faultFromWire } from '../../base/faults.ts';
import { newUuid } from '../../base/ids.ts';
import { recordOf } from '../../base/json-object.ts';
import type { LimitName } from '../../base/limits.ts';
import { cleanPath, invalidPath, refuseRoot } from '../../base/paths.ts';
import type { Call, Operation, Preparation, Streaming } from '../../core/operation.ts';
import { INLINE_BYTES_MAX } from '../content/content.ts';
import { metadataText } from '../files/params.ts';
import { subjectOf } from '../jobs/visibility.ts';
import { begunHere, comingOf, isAtHand } from './append.operations.ts';
import { type Begun, carryOn, isBegun, type Standing } from './carry-on.ts';
import { getUpload } from './get.ts';
import { abandon, checkLength } from './steps.operations.ts';
import {
  badHeader,
  expiryAt,
  isGone,
  type Kind,
  type Source,
  sees,
  segmentsOf,
  type UploadBody,
  type UploadRow,
  uploadGone,
  uploadNotFound,
} from './upload.ts';
import { countOpen, insertUpload, listByIds } from './uploads.sql.ts';
import { beginWrite, type Coming, takeLock } from './writing.ts';

const input = z.object({
  kind: z.enum(['single', 'partial', 'final']),
  /** Absent: it is told later, or is that of the partials. */
  length: z.number().optional(),
  path: z.string().optional(),
  filename: z.string().optional(),
  content_type: z.string().optional(),
  file_metadata: recordOf(z.string()).optional(),
  metadata: z.string().optional(),
  concat: z.string().optional(),
  /** Ids of the partials of a final upload. */
  partials: z.array(z.string()).optional(),
  body: z.custom<UploadBody>(),
});
type Input = z.infer<typeof input>;

/** Of a file that nobody gave a name. */
const NO_NAME = 'file';

interface Ready extends Coming {
  readonly kind: Kind;
  readonly path: string | null;
  /** Of the file, in a folder of its upload, where no path is given. */
  readonly name: string;
  readonly length: number | null;
  readonly content_type: string | null;
  readonly file_metadata: string | null;
  readonly metadata: string | null;
  readonly concat: string | null;
  readonly partials: readonly string[];
}

async function prepare(asked: Input, preparation: Preparation): Promise<Ready> {
  const { context, limits } = preparation;
  const { path_prefix } = context;
  if (path_prefix !== '') throw invalidPath(path_prefix + asked.path, 'an upload goes to the zone of its call');
  return {
    kind: asked.kind,
    path: asked.kind === 'partial' || asked.path === undefined ? null : refuseRoot(asked.path),
    name: asked.filename ?? NO_NAME,
    length: asked.length ?? null,
    content_type: asked.content_type ?? null,
    file_metadata: metadataText(asked.file_metadata, limits) ?? null,
    metadata: asked.metadata ?? null,
    concat: asked.concat ?? null,
    partials: asked.partials ?? [],
    ...(await comingOf(asked.body)),
  };
}

export const create: Operation<Input, Begun | Standing, Ready, Begun | Standing> = {
  name: 'upload.create',
  ownDoor: true,
  summary: 'Begin an upload.',
  effect: 'write',
  who: { role: 'operator' },
  input,
  output: z.custom<Begun | Standing>(),
  faults: [
    'ACCESS_DENIED',
    'BODY_TOO_LARGE',
    'QUOTA_EXCEEDED',
    'TOO_MANY',
    'BAD_HEADER',
    'CHECKSUM_MISMATCH',
    'UPLOAD_NOT_FOUND',
    'CONFLICT',
  ],
  // Whoever names another zone is told that it goes to his own, whatever is shared with him there.
  guests: true,
  mapPaths: (asked, map) => (asked.path === undefined ? asked : { ...asked, path: map(asked.path) }),
  prepare,
  needs: ({ path }) => (path === null ? [] : [{ permission: 'write', path }]),
  object: ({ path, name }) => path ?? name,
  run: async (call, ready) => {
    await checkCounts(call);
    return ready.kind === 'final' ? beginFinal(call, ready) : begin(call, ready);
  },
  over: remember,
  lingers: (asked) => !isAtHand((asked as Input).body),
  unfinished: isBegun,
  linger: async (output, streaming, asked) => {
    const { body, kind } = asked as Input;
    try {
      return await carryOn(output, streaming, kind === 'final' ? null : body);
    } catch (thrown) {
      await takeBack(output, streaming, { thrown, kind });
      throw thrown;
    }
  },
};

/** Of a small file whose bytes come with the next request: where it goes. */
function remember({ path, length }: Ready, output: Begun | Standing | undefined, { sql }: Preparation): void {
  if (!output || isBegun(output) || output.complete || path === null) return;
  if (length !== null && length <= INLINE_BYTES_MAX) begunHere.keep(sql, output.upload_id, path);
}

/** Nobody knows the id of an upload whose creation failed; what broke off is left to expire, as a client may know it. */
async function takeBack(
  begun: Begun | Standing,
  streaming: Streaming,
  failed: { thrown: unknown; kind: Kind },
): Promise<void> {
  const mismatch = failed.thrown instanceof Fault && CREATES_NOTHING.has(failed.thrown.code);
  if (!isBegun(begun) || begun.state !== 'yours' || !(mismatch || failed.kind === 'final')) return;
  const { upload_id } = begun;
  await streaming.run(abandon, { upload_id, token: begun.lease.token }).catch(() => undefined);
  await streaming.blobs.stage.remove(upload_id);
}

const CREATES_NOTHING = new Set(['CHECKSUM_MISMATCH', 'BAD_HEADER', 'BODY_TOO_LARGE']);

async function checkCounts(call: Call): Promise<void> {
  const counts = await countOpen(call.tx, ownerOf(call));
  const check = (limit: LimitName, actual: number): void => {
    const maximum = call.limits[limit];
    if (actual < maximum) return;
    throw new Fault('TOO_MANY', `${actual} uploads are not complete, the limit ${limit}; finish or delete some`, {
      limit,
      maximum,
      retry_after: 60,
    });
  };
  check('UPLOADS_PER_CALLER', counts.caller);
  check('UPLOADS_PER_ZONE', counts.zone);
}

const ownerOf = (call: Call): Pick<UploadRow, 'zone_id' | 'owner' | 'agent_id'> => ({
  zone_id: call.context.zone_id,
  owner: subjectOf(call),
  agent_id: call.caller.agent_id ?? '',
});

async function newRow(call: Call, ready: Ready): Promise<UploadRow> {
  const upload_id = newUuid(call.now);
  if (ready.path !== null || ready.kind === 'partial') return { ...rowOf(call, ready), upload_id };
  const folder = `/uploads/${upload_id}`;
  const named = cleanPath(`${folder}/${ready.name}`, call.limits);
  // A name like `.` is none.
  const path = named === folder ? `${folder}/${NO_NAME}` : named;
  await call.access.require([{ permission: 'write', path }]);
  return { ...rowOf(call, ready), upload_id, path };
}

const rowOf = (call: Call, ready: Ready): Omit<UploadRow, 'upload_id'> => ({
  ...ownerOf(call),
  kind: ready.kind,
  path: ready.path,
  length: ready.length,
  status: 'open',
  received: 0,
  metadata: ready.metadata,
  concat: ready.concat,
  content_type: ready.content_type,
  file_metadata: ready.file_metadata,
  held: null,
  segments: '[]',
  staged: 0,
  token: 0,
  lock_until: null,
  wanted: 0,
  result: null,
  created_at: call.now,
  expires_at: expiryAt(call.now),
});

async function begin(call: Call, ready: Ready): Promise<Begun | Standing> {
  const row = await newRow(call, ready);
  if (ready.length !== null) await checkLength(call, ready.length, row.upload_id);
  await insertUpload(call.tx, row);
  return beginWrite(call, row, { coming: ready, more: {} });
}

async function beginFinal(call: Call, ready: Ready): Promise<Begun | Standing> {
  const partials = await partialsOf(call, ready.partials);
  const length = partials.reduce((sum, { received }) => sum + received, 0);
  const row = { ...(await newRow(call, ready)), length };
  await checkLength(call, length, row.upload_id);
  const sources = partials.map(
    ({ upload_id, held, segments }): Source => ({ upload_id, held, segments: segmentsOf({ segments }) }),
  );
  if (length <= INLINE_BYTES_MAX && sources.every(({ segments }) => segments.length === 0)) {
    await insertUpload(call.tx, row);
    const whole = Buffer.concat(sources.map(({ held }) => held ?? new Uint8Array()));
    const begun = await beginWrite(call, row, { coming: { whole, size: length }, more: {} });
    // A final takes no bytes, so one that is refused could never be tried again: nothing is left of it.
    if (!isBegun(begun) || begun.state !== 'refused') return begun;
    throw faultFromWire(begun.fault);
  }
  const full = { ...row, received: length };
  await insertUpload(call.tx, full);
  return takeLock(call, full, sources);
}

/** In the order in which they were named, as often as they were. */
async function partialsOf(call: Call, ids: readonly string[]): Promise<UploadRow[]> {
  const rows = new Map(
    (await listByIds(call.tx, call.context.zone_id, [...new Set(ids)])).map((row) => [row.upload_id, row]),
  );
  const partials: UploadRow[] = [];
  for (const id of ids) {
    // Whatever is wrong with one of them is told as where it is asked for by itself.
    const row = rows.get(id) ?? (await getUpload(call, id));
    partials.push(checkPartial(call, row));
  }
  return partials;
}

function checkPartial(call: Call, row: UploadRow): UploadRow {
  if (!sees(call, row)) throw uploadNotFound(row.upload_id);
  if (isGone(row, call.now)) throw uploadGone(row);
  if (row.kind !== 'partial') throw badHeader('Upload-Concat', `names ${row.upload_id}, which is no partial upload`);
  if (row.status === 'complete') return row;
  throw new Fault('CONFLICT', `Partial upload ${row.upload_id} is not complete; finish it first`, {
    reason: 'INCOMPLETE',
    upload_id: row.upload_id,
  });
}
