/** The row of an upload that a call names. */
import type { Call } from '../../core/operation.ts';
import { isGone, lowerId, sees, type UploadRow, uploadGone, uploadNotFound } from './upload.ts';
import { findUpload } from './uploads.sql.ts';

/** UPLOAD_NOT_FOUND where there is none, or none that the caller sees; UPLOAD_GONE where it is over. */
export async function getUpload(call: Call, id: string): Promise<UploadRow> {
  const upload_id = lowerId(id);
  const row = upload_id && (await findUpload(call.tx, call.context.zone_id, upload_id));
  if (!row || !sees(call, row)) throw uploadNotFound(id);
  if (isGone(row, call.now)) throw uploadGone(row);
  return row;
}
