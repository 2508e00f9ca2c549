/**
 * What an upload is, and the rules of its state (platform.md §7). Guarantees: whoever may not see an upload is told the
 * same as of one that never was; bytes count once they are acknowledged, and then in one place only: `held`, or segments.
 */
import { Fault } from '../../base/faults.ts';
import { isUuid } from '../../base/ids.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { Call, StoredBytes } from '../../core/operation.ts';
import { isAdmin, subjectOf } from '../jobs/visibility.ts';
import type { Checksum } from './checksum.ts';

export type Kind = 'single' | 'partial' | 'final';
export type Status = 'open' | 'complete' | 'failed' | 'ended';

/** A segment in the stage, and how many of its bytes count. */
export type Segment = readonly [name: string, bytes: number];

/** What became of a complete upload. */
export interface Result {
  readonly etag: string;
  readonly version: number;
}

export interface UploadRow {
  readonly upload_id: string;
  readonly zone_id: string;
  readonly owner: string;
  readonly agent_id: string;
  readonly kind: Kind;
  readonly path: string | null;
  readonly status: Status;
  readonly length: number | null;
  readonly received: number;
  /** `Upload-Metadata` as it came. */
  readonly metadata: string | null;
  /** `Upload-Concat` as it came. */
  readonly concat: string | null;
  readonly content_type: string | null;
  /** Own metadata of the file, as JSON. */
  readonly file_metadata: string | null;
  readonly held: Uint8Array | null;
  readonly segments: string;
  readonly staged: number;
  readonly token: number;
  readonly lock_until: number | null;
  readonly wanted: number;
  readonly result: string | null;
  readonly created_at: number;
  readonly expires_at: number;
}

/** Bytes of a request on their way in. */
export interface UploadBody {
  /** What has come already: all of it, where `rest` is null. */
  readonly held: Uint8Array;
  readonly rest: AsyncIterable<Uint8Array> | null;
  /** The connection broke off within `held`. */
  readonly broken: boolean;
  /** Bytes by Content-Length; null where nobody said. */
  readonly size: number | null;
  /** A checksum comes with it, maybe behind it: nothing counts before all of it. */
  readonly checked: boolean;
  /** To be asked for at the end; BAD_HEADER where it was announced and did not come. */
  checksum(): Checksum | null;
  /** Ends the connection. */
  stop(): void;
}

/** How long an upload is kept behind its last byte, and how long it is told as gone then. Milliseconds. */
const KEPT_MS = 24 * 3_600_000;
export const TOLD_GONE_MS = 7 * 24 * 3_600_000;
/** In whole seconds, as it is told: so the bytes that follow at once move nothing in the index by which the expired are found. */
export const expiryAt = (now: number): number => Math.ceil((now + KEPT_MS) / 1000) * 1000;

/** Of the lock that a writer holds; he renews it every two seconds. */
export const LOCK_MS = 10_000;

/** Whoever writes to it, or waits to, is rung by this. */
export const topicOf = (upload_id: string): string => `upload:${upload_id}`;

export const segmentsOf = (row: Pick<UploadRow, 'segments'>): readonly Segment[] =>
  parseJson(row.segments) as readonly Segment[];

export const uploadNotFound = (id: string): Fault =>
  new Fault('UPLOAD_NOT_FOUND', `Upload not found: ${id.slice(0, 64).toWellFormed()}`, {
    upload_id: id.slice(0, 64).toWellFormed(),
  });

export const isGone = (row: Pick<UploadRow, 'status' | 'expires_at'>, now: number): boolean =>
  row.status === 'ended' || row.expires_at <= now;

export const uploadGone = ({ upload_id }: Pick<UploadRow, 'upload_id'>): Fault =>
  new Fault('UPLOAD_GONE', `Upload ${upload_id} was deleted or has expired; begin another`, { upload_id });

export const lowerId = (id: string): string | undefined => (isUuid(id) ? id.toLowerCase() : undefined);

/** Its creator, which is a subject with its acting agent, and admins of the zone. */
export const sees = (call: Call, row: Pick<UploadRow, 'owner' | 'agent_id'>): boolean =>
  isAdmin(call) || (row.owner === subjectOf(call) && row.agent_id === (call.caller.agent_id ?? ''));

export const beyondLength = (length: number): Fault =>
  new Fault('BODY_TOO_LARGE', `The upload has a length of ${length} bytes; the body goes beyond it`, {
    limit: 'Upload-Length',
    maximum: length,
  });

export const offsetMismatch = (offset: number): Fault =>
  new Fault('CONFLICT', `The upload is at offset ${offset}; ask for it and go on from there`, {
    reason: 'OFFSET_MISMATCH',
    offset,
  });

export const locked = (upload_id: string): Fault =>
  new Fault('LOCKED', `Somebody else is writing to upload ${upload_id}; try again`, { upload_id, retry_after: 1 });

export const badHeader = (header: string, why: string): Fault =>
  new Fault('BAD_HEADER', `${header} ${why}`, { header });

/** Where a request goes on that may write. Plain data: it crosses threads. */
export interface Lease {
  readonly upload_id: string;
  readonly token: number;
  /** The token of whoever had the lock before. */
  readonly after: number;
  readonly kind: Kind;
  readonly length: number | null;
  readonly received: number;
  readonly held: Uint8Array | null;
  readonly segments: readonly Segment[];
  /** The segment to write to; the last of `segments`, where its writer ended well, or a new one. */
  readonly segment: string;
  /** Partials whose contents it is made of, in their order. */
  readonly sources: readonly Source[];
}

/** Acknowledged bytes of one upload, wherever they lie. */
export interface Source {
  readonly upload_id: string;
  readonly held: StoredBytes['inline'];
  readonly segments: readonly Segment[];
}
