/** Rows of the event log. The sequence number is given by the zone's row, which the writing transaction holds. */
import { familyOf, isOfSubject } from '../../base/event-types.ts';
import { parseJson } from '../../base/parse-json.ts';
import { type Doer, doerOf, type EventDoer, foreignZoneOf, ownerOfText, subjectText } from '../../core/call/doer.ts';
import type { CallContext, NewEvent } from '../../core/operation.ts';
import type { RowsInsert, Tx } from '../../ports/sql.ts';

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

/** `type:id` of who did it, where that is neither its user nor its agent. What clients publish may name nobody but themselves. */
export const subjectOfEvent = ({ data }: Pick<EventRow, 'data'>): unknown =>
  data.includes('"user_subject"') ? (parseJson(data) as { user_subject?: unknown }).user_subject : undefined;

/**
 * "Name the foreign subject" (access.md §8): somebody of another zone is told with his zone; and whose key stands for somebody
 * else than its user is told by his name, where events are seen by their subject.
 */
function dataOf({ type, data = {}, by }: NewEvent, context: CallContext): string {
  const who = doerOf(context);
  const owner = by?.subject === undefined ? undefined : ownerOfText(by.subject);
  const user_zone_id = by ? owner?.zone_id : foreignZoneOf(who, context.zone_id);
  const user_subject = isOfSubject(type)
    ? unlikeUser(by ? { ...by, subject: owner?.subject } : { ...who, subject: subjectOfKey(who) })
    : undefined;
  if (user_zone_id === undefined && user_subject === undefined) return JSON.stringify(data);
  return JSON.stringify({ ...data, ...(user_zone_id && { user_zone_id }), ...(user_subject && { user_subject }) });
}

/** Whoever has no key is told as the server itself. */
const subjectOfKey = (who: Doer): string | undefined => (who.key_id === null ? undefined : subjectText(who));

/** The subject, unless it is what agent and user say. */
function unlikeUser({ subject, user_id, agent_id }: EventDoer): string | undefined {
  return subject === `user:${user_id}` || subject === `agent:${agent_id}` ? undefined : subject;
}
