/**
 * The transaction of a request that writes: small bodies are taken in it whole, and become a file in it where they are the
 * last; for larger ones it takes the lock. Guarantees: an offset is compared in the transaction that moves it; nobody goes on
 * in a segment that a writer may still have open, however many came and went since that writer let his lock run out.
 */
import { randomInt } from 'node:crypto';
import { parseJson } from '../../base/parse-json.ts';
import type { Call } from '../../core/operation.ts';
import { INLINE_BYTES_MAX } from '../content/content.ts';
import { becomeFile } from './become-file.ts';
import type { Begun, Standing } from './carry-on.ts';
import { checkLength } from './steps.operations.ts';
import {
  beyondLength,
  expiryAt,
  type Lease,
  LOCK_MS,
  type Result,
  type Source,
  segmentsOf,
  type UploadRow,
} from './upload.ts';
import { type Change, changeUpload, segmentsText } from './uploads.sql.ts';
import { inlineStored } from './whole.ts';

export interface Coming {
  /** All bytes of the body; null where more come than are at hand. */
  readonly whole: Uint8Array | null;
  /** Bytes by Content-Length, if it says so. */
  readonly size: number | null;
}

export const standingOf = (row: UploadRow): Standing => ({
  upload_id: row.upload_id,
  received: row.received,
  length: row.length,
  complete: row.status === 'complete',
  expires_at: row.expires_at,
  result: row.result === null ? null : (parseJson(row.result) as Result),
});

export const isLocked = (row: UploadRow, now: number): boolean => row.lock_until !== null && row.lock_until > now;

/** Asks whoever has the lock to give it back. */
export async function askHolder(call: Call, row: UploadRow): Promise<Begun> {
  if (row.wanted !== row.token) await changeUpload(call.tx, row.upload_id, { wanted: row.token });
  return { state: 'held', upload_id: row.upload_id };
}

/** `row` is not locked, and as it is going to be but for the bytes; `more` is what of that is not in its table yet. */
export async function beginWrite(
  call: Call,
  row: UploadRow,
  { coming, more }: { coming: Coming; more: Change },
): Promise<Begun | Standing> {
  const { whole } = coming;
  const size = whole?.length ?? coming.size ?? 0;
  if (row.length !== null && row.received + size > row.length) throw beyondLength(row.length);
  // Else many small bodies would gather more than a file may have, or the zone has room for.
  if (row.length === null) await checkLength(call, row.received + size, row.upload_id);
  const isInline = row.segments === '[]' && row.received + size <= INLINE_BYTES_MAX;
  if (!whole || (whole.length > 0 && !isInline)) return takeLock(call, row);
  const received = row.received + whole.length;
  if (row.length === received && row.kind !== 'partial') {
    return isInline ? completeNow(call, row, { bytes: whole, more }) : takeLock(call, row);
  }
  const change: Change = { ...more, ...(row.lock_until === null ? {} : { lock_until: null }) };
  if (whole.length > 0) {
    Object.assign(change, { received, held: heldWith(row, whole), expires_at: expiryAt(call.now) });
  }
  if (row.length === received) Object.assign(change, { status: 'complete' });
  // A lock that ran out was not given back: its segment stays with whoever had it.
  if (row.segments !== '[]') delete (change as { lock_until?: unknown }).lock_until;
  if (Object.keys(change).length > 0) await changeUpload(call.tx, row.upload_id, change);
  return standingOf({ ...row, ...change });
}

const heldWith = (row: UploadRow, bytes: Uint8Array): Uint8Array =>
  row.held ? Buffer.concat([row.held, bytes]) : bytes;

async function completeNow(
  call: Call,
  row: UploadRow,
  whole: { bytes: Uint8Array; more: Change },
): Promise<Begun | Standing> {
  const { upload_id } = row;
  const bytes = heldWith(row, whole.bytes);
  const outcome = await becomeFile(call, row, { stored: inlineStored(bytes), more: { ...whole.more, held: bytes } });
  if ('refused' in outcome) return { state: 'refused', upload_id, fault: outcome.refused };
  const done = { ...row, received: bytes.length, status: 'complete', expires_at: expiryAt(call.now) } as const;
  return { ...standingOf(done), result: outcome.result };
}

/** Tokens grow by any step, so that a database that lost commits does not give one again that somebody still remembers. */
const STEP_MOST = 2 ** 31;

/** A length that comes with the body is noted with the first bytes of it that count: none may, where it has a checksum. */
export async function takeLock(call: Call, row: UploadRow, sources: readonly Source[] = []): Promise<Begun> {
  const { upload_id } = row;
  const token = row.token + randomInt(1, STEP_MOST);
  const before = segmentsOf(row);
  const next = `s${token}`;
  // Whoever let his lock run out may still write to his segment. The next one begins another, which is the last of the row
  // even where nothing comes: else somebody later would go on in the one that was left.
  const isLeft = row.lock_until !== null && before.length > 0;
  const segments = isLeft ? [...before.filter(([, bytes]) => bytes > 0), [next, 0] as const] : before;
  const change: Change = { token, lock_until: call.now + LOCK_MS, staged: 1 };
  await changeUpload(call.tx, upload_id, isLeft ? { ...change, segments: segmentsText(segments) } : change);
  const lease: Lease = {
    upload_id,
    token,
    after: row.token,
    kind: row.kind,
    length: row.length,
    received: row.received,
    held: row.held,
    segments,
    segment: segments.at(-1)?.[0] ?? next,
    sources,
  };
  return { state: 'yours', upload_id, lease, standing: standingOf({ ...row, expires_at: expiryAt(call.now) }) };
}
