/** Rows of the event log. The sequence number is given by the zone's row, which the writing transaction holds. */
import { parseJson } from '../../base/parse-json.ts';
import { foreignZoneOf } from '../../core/call/audit-row.ts';
import { doerOf } from '../../core/call/doer.ts';
import type { CallContext, NewEvent } from '../../core/operation.ts';
import type { RowsInsert, Tx } from '../../ports/sql.ts';
import { familyOf } from './types.ts';

export interface EventRow {
  readonly zone_id: string;
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly path: string;
  readonly old_path: string | null;
  readonly branch: string | null;
  readonly object_type: string | null;
  readonly object_id: string | null;
  readonly user_id: string;
  readonly agent_id: string | null;
  readonly channel: string;
  readonly request_id: string;
  readonly data: string;
}

/** An event that a call appended, with the number it was given. */
export interface AppendedEvent {
  readonly seq: number;
  readonly event: NewEvent;
}

const eventRows: RowsInsert = {
  into: 'events',
  columns: [
    'zone_id',
    'seq',
    'at',
    'type',
    'path',
    'old_path',
    'branch',
    'object_type',
    'object_id',
    'user_id',
    'agent_id',
    'channel',
    'request_id',
    'data',
  ],
};

export async function insertEvents(
  tx: Tx,
  appended: readonly AppendedEvent[],
  by: { readonly context: CallContext; readonly at: number },
): Promise<void> {
  const { context, at } = by;
  const who = doerOf(context);
  await tx.insert(
    eventRows,
    appended.map(({ seq, event }) => [
      context.zone_id,
      seq,
      at,
      event.type,
      event.path ?? '',
      event.old_path ?? null,
      event.branch ?? null,
      event.object?.type ?? null,
      event.object?.id ?? null,
      (event.by ?? who).user_id,
      (event.by ?? who).agent_id,
      context.channel,
      context.request_id,
      dataOf(event, context),
    ]),
  );
}

/** Where who did it is at home. What clients publish as data says nothing of it. */
export function userZoneOf({ zone_id, type, data }: EventRow): string {
  if (familyOf(type) === 'app' || !data.includes('"user_zone_id"')) return zone_id;
  return (parseJson(data) as { user_zone_id?: string }).user_zone_id ?? zone_id;
}

/** "Name the foreign subject" (access.md §8): somebody of another zone is told with his zone. */
function dataOf({ data = {}, by }: NewEvent, context: CallContext): string {
  const user_zone_id = by ? undefined : foreignZoneOf(doerOf(context), context.zone_id);
  return JSON.stringify(user_zone_id === undefined ? data : { ...data, user_zone_id });
}
