/** The view that a call asks for by `branch` and `as_of` (files.md §11). */
import { Fault, invalidParams } from '../../base/faults.ts';
import type { Call } from '../../core/operation.ts';
import { MAIN, mainView, type View } from './view.ts';

export interface ViewParams {
  readonly branch?: string | undefined;
  readonly as_of?: number | string | undefined;
}

/** Throws BRANCH_NOT_FOUND, SNAPSHOT_NOT_FOUND, REVISION_GONE, or INVALID_PARAMS for a revision of the future. */
export async function viewOf(call: Call, params: ViewParams): Promise<View> {
  const { branch, as_of } = params;
  if (branch !== undefined && branch !== MAIN) {
    throw new Fault('BRANCH_NOT_FOUND', `Branch not found: ${branch}`, { branch });
  }
  if (as_of === undefined) return mainView(call.zone.zone_id);
  const at = Number(as_of);
  if (!Number.isSafeInteger(at) || at > call.zone.seq) {
    throw invalidParams({ path: 'as_of', message: `newer than the zone's revision ${call.zone.seq}` });
  }
  return { zone_id: call.zone.zone_id, layers: [{ branch: MAIN, at }] };
}
