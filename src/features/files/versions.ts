/** One version of a file, found by the file's id: history follows renames. */
import type { Call } from '../../core/operation.ts';
import type { ContentRow, StateRow } from './files.sql.ts';
import { pathFault } from './tree.ts';
import { findVersion } from './versions.sql.ts';
import type { View } from './view.ts';

/** The version under the path that the file has now; VERSION_NOT_FOUND. */
export async function getVersionOf(
  call: Call,
  view: View,
  wanted: { file: StateRow; version: number },
): Promise<ContentRow> {
  const { file, version } = wanted;
  const found = await findVersion(call.tx, view, { file_id: file.file_id, version });
  if (found) return { ...found, path: file.path };
  const path = call.shown(file.path);
  throw pathFault('VERSION_NOT_FOUND', `Version not found: ${path} has no version ${version}`, { path, version });
}
