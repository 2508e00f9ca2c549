/**
 * An upload becomes a file (platform.md §7.3). Guarantees: it is one transaction by the rules of a write: permission again,
 * quota, next version, one event; where that is refused the bytes stay, and the upload says `failed` until it is tried again.
 */
import { Fault, type FaultWire, faultToWire } from '../../base/faults.ts';
import type { Call } from '../../core/operation.ts';
import type { Stored } from '../content/content.ts';
import { contentOf, writeFile } from '../files/changes.ts';
import { lookUp } from '../files/tree.ts';
import { mainView } from '../files/view.ts';
import { contentTypeOf } from '../files/write.operations.ts';
import { KEPT_MS, type Result, type UploadRow } from './upload.ts';
import { type Change, changeUpload } from './uploads.sql.ts';

export type Outcome = { readonly result: Result } | { readonly refused: FaultWire };

/** `more`: what is noted of the upload either way. */
export async function becomeFile(
  call: Call,
  row: UploadRow,
  whole: { stored: Stored; more: Change },
): Promise<Outcome> {
  const { upload_id } = row;
  const { stored, more } = whole;
  const common: Change = { ...more, received: stored.size, lock_until: null, expires_at: call.now + KEPT_MS };
  try {
    const result = await call.attempt(() => write(call, row, stored));
    const done: Change = { status: 'complete', result: JSON.stringify(result), held: null, segments: '[]' };
    await changeUpload(call.tx, upload_id, { ...common, ...done });
    return { result };
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    await changeUpload(call.tx, upload_id, { ...common, status: 'failed' });
    return { refused: faultToWire(thrown) };
  }
}

async function write(call: Call, row: UploadRow, stored: Stored): Promise<Result> {
  const path = row.path ?? '';
  await call.access.require([{ permission: 'write', path }]);
  const view = mainView(row.zone_id, null);
  const spot = await lookUp(call, view, path);
  const { etag, version } = await writeFile(call, view, {
    spot,
    content: {
      ...contentOf(stored),
      content_type: row.content_type ?? contentTypeOf(path),
      metadata: row.file_metadata ?? undefined,
      reason: 'write',
      via: 'upload',
    },
  });
  return { etag, version };
}
