/**
 * An event as clients get it (platform.md §3.1), written as one line of JSON. Guarantees: fields that an event does not
 * have are absent, never null; a line holds no line break. It is written piece by piece because `data` is JSON already:
 * to take it apart and write it again would take longer than all the rest of a replay.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import type { EventRow } from '../events/events.sql.ts';
import { jsonObject } from '../files/file-object.ts';

/** The object that a line is. */
export const eventObject = z.object({
  event_id: z.string(),
  id: z.string(),
  sequence_number: z.number(),
  revision: z.number(),
  type: z.string(),
  operation_type: z.string(),
  path: z.string(),
  old_path: z.string().optional(),
  new_path: z.string().optional(),
  zone_id: z.string(),
  branch: z.string().optional(),
  user_id: z.string(),
  agent_id: z.string().optional(),
  channel: z.string(),
  request_id: z.string(),
  timestamp: z.string(),
  status: z.literal('success'),
  object: z.object({ type: z.string(), id: z.string() }).optional(),
  data: jsonObject,
});
export type EventObject = z.infer<typeof eventObject>;

/** What of a row a line is made of. */
export type EventFields = Omit<EventRow, 'data'> & { readonly data: string };

/** The words for the ways in (workflows.md §1.1), where a row has another. */
const CHANNELS: Readonly<Record<string, string>> = { http: 'api', rpc: 'api', internal: 'system' };

/** Nothing in it has to be escaped. */
const PLAIN = /^[ !#-[\]-~]*$/;
const text = (value: string): string => (PLAIN.test(value) ? `"${value}"` : JSON.stringify(value));

export const eventId = (zone_id: string, seq: number): string => `${zone_id}.${seq}`;

export function eventLine(row: EventFields): string {
  const id = `"${row.zone_id}.${row.seq}"`;
  const type = text(row.type);
  const path = text(row.path);
  let line = `{"event_id":${id},"id":${id},"sequence_number":${row.seq},"revision":${row.seq},"type":${type},"operation_type":${type},"path":${path}`;
  if (row.old_path !== null) line += `,"old_path":${text(row.old_path)},"new_path":${path}`;
  line += `,"zone_id":"${row.zone_id}"`;
  if (row.branch !== null) line += `,"branch":${text(row.branch)}`;
  line += `,"user_id":${text(row.user_id)}`;
  if (row.agent_id !== null) line += `,"agent_id":${text(row.agent_id)}`;
  line += `,"channel":"${CHANNELS[row.channel] ?? row.channel}","request_id":${text(row.request_id)},"timestamp":"${timeText(row.at)}","status":"success"`;
  if (row.object_type !== null) line += `,"object":{"type":${text(row.object_type)},"id":${text(row.object_id ?? '')}}`;
  return `${line},"data":${row.data}}`;
}

/** The last second that was written, and its text: along the log, most events share theirs with the one before. */
let second = Number.NaN;
let secondText = '';

function timeText(at: number): string {
  const since = Math.floor(at / 1000);
  if (since !== second) {
    second = since;
    secondText = isoTime(since * 1000).slice(0, -4);
  }
  return `${secondText}${String(at - since * 1000).padStart(3, '0')}Z`;
}
