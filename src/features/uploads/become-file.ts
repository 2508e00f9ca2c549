/**
 * An upload becomes a file (platform.md §7.3). Guarantees: it is one transaction by the rules of a write: permission again,
 * quota, next version, one event; where that is refused the bytes stay, and the upload says `failed` until it is tried again.
 */
import { Fault, type FaultWire, faultToWire } from '../../base/faults.ts';
import type { Call } from '../../core/operation.ts';
import type { Stored } from '../content/content.ts';
import {
  admitChange,
  contentOf,
  type Change as FileChange,
  type NewContent,
  newChange,
  planWrite,
  storeChange,
} from '../files/changes.ts';
import type { Written } from '../files/file-object.ts';
import { lookUp } from '../files/tree.ts';
import { mainView, type View } from '../files/view.ts';
import { contentTypeOf } from '../files/write.operations.ts';
import { reservedBytes } from '../zones/usage.sql.ts';
import { expiryAt, type Result, type UploadRow } from './upload.ts';
import { type Change, keepUpload } from './uploads.sql.ts';

export type Outcome = { readonly result: Result } | { readonly refused: FaultWire };

/** `more`: what is noted of the upload either way. */
export async function becomeFile(
  call: Call,
  row: UploadRow,
  whole: { stored: Stored; more: Change },
): Promise<Outcome> {
  const { stored, more } = whole;
  const common: Change = { ...more, received: stored.size, lock_until: null, expires_at: expiryAt(call.now) };
  // What it was to have becomes what the file has.
  call.reserve(await reservedBytes(call.tx, call.zone, row.upload_id));
  const planned = await call.weigh(() => plan(call, row, stored)).catch(faultOf);
  if (planned instanceof Fault) {
    await keepUpload(call.tx, row, { ...common, status: 'failed' });
    return { refused: refusalOf(row, planned) };
  }
  const { view, change, written } = planned;
  await storeChange(call, view, change);
  const result: Result = { etag: written.etag, version: written.version };
  const done: Change = { status: 'complete', result: JSON.stringify(result), held: null, segments: '[]' };
  await keepUpload(call.tx, row, { ...common, ...done });
  return { result };
}

function faultOf(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  throw thrown;
}

interface Planned {
  readonly view: View;
  readonly change: FileChange;
  readonly written: Written;
}

/** All that can refuse it, before the first row of the file: so it takes no savepoint, which would part it from other writes. */
async function plan(call: Call, row: UploadRow, stored: Stored): Promise<Planned> {
  const path = row.path ?? '';
  await call.access.require([{ permission: 'write', path }]);
  const view = mainView(row.zone_id, null);
  const spot = await lookUp(call, view, path);
  const change = newChange();
  const content: NewContent = {
    ...contentOf(stored),
    content_type: row.content_type ?? contentTypeOf(path),
    metadata: row.file_metadata ?? undefined,
    reason: 'write',
    via: 'upload',
  };
  const written = planWrite(call, view, { spot, content, change });
  await admitChange(call, change);
  return { view, change, written };
}

/** Names the upload, which a client that had not heard of it yet could not try again; a final that is refused is gone. */
function refusalOf({ kind, upload_id }: UploadRow, fault: Fault): FaultWire {
  const refusal = faultToWire(fault);
  return kind === 'final' ? refusal : { ...refusal, data: { ...refusal.data, upload_id } };
}
